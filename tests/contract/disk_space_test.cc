// What is refused when a disk is nearly full, and the file that is given up when it is full.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

#include <filesystem>

#include "broker/storage/ballast.h"
#include "broker/storage/space_guard.h"

namespace baton::storage {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kMebibyte = 1 << 20;

class SpaceGuardTest : public ::testing::Test {
 protected:
  SpaceGuard Guard(uint64_t reserve) {
    return SpaceGuard({"/data", reserve, [this] {
                         ++looks_;
                         return free_;
                       }});
  }

  std::optional<uint64_t> free_ = 10 * kMebibyte;
  int looks_ = 0;
};

TEST_F(SpaceGuardTest, RefusesBelowTheReserveAndTakesAgainAboveIt) {
  SpaceGuard guard = Guard(10 * kMebibyte);
  EXPECT_TRUE(guard.Check(kSecond).ok()) << "as much as the reserve is enough";
  free_ = 10 * kMebibyte - 1;
  const Error error = guard.Check(2 * kSecond);
  EXPECT_EQ(error.code, absl::StatusCode::kResourceExhausted);
  EXPECT_STREQ(error.reason, "DISK_FULL");
  EXPECT_EQ(error.message,
            "the disk of data directory /data has 10.0 MiB free, less than storage.reserve_bytes (10.0 MiB): nothing "
            "new is taken, while what has begun goes on. Free some space, or lower that setting");
  EXPECT_GT(error.retry_after, 0);
  free_ = 11 * kMebibyte;
  EXPECT_TRUE(guard.Check(3 * kSecond).ok());
}

TEST_F(SpaceGuardTest, LooksAtMostEveryTenMilliseconds) {
  SpaceGuard guard = Guard(kMebibyte);
  for (Micros now = kSecond; now < kSecond + 100 * kMillisecond; now += kMillisecond) guard.Check(now);
  EXPECT_EQ(looks_, 10);
}

TEST_F(SpaceGuardTest, RefusesNothingWithoutAReserveOrWithoutKnowing) {
  free_ = 0;
  SpaceGuard none = Guard(0);
  EXPECT_TRUE(none.Check(kSecond).ok());
  EXPECT_EQ(looks_, 0);
  free_ = std::nullopt;
  SpaceGuard blind = Guard(kMebibyte);
  EXPECT_TRUE(blind.Check(kSecond).ok());
}

TEST_F(SpaceGuardTest, AsksTheFileSystem) {
  const std::optional<uint64_t> free = FreeBytes(::testing::TempDir());
  ASSERT_TRUE(free.has_value());
  EXPECT_FALSE(FreeBytes("/there is no such directory").has_value());
  SpaceGuard guard({::testing::TempDir(), UINT64_MAX, nullptr});
  EXPECT_THAT(guard.Check(kSecond).message, HasSubstr(::testing::TempDir()));
}

class BallastTest : public ::testing::Test {
 protected:
  BallastTest() : directory_(std::filesystem::path(::testing::TempDir()) / "ballast") {
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directory(directory_);
  }
  ~BallastTest() override { std::filesystem::remove_all(directory_); }

  // Taken on the disk; -1: there is no such file.
  int64_t Taken() const {
    struct stat facts {};
    return stat((directory_ / kBallastName).c_str(), &facts) == 0 ? int64_t{facts.st_blocks} * 512 : -1;
  }

  const std::filesystem::path directory_;
};

TEST_F(BallastTest, TakesItsSpaceAndGivesItBack) {
  ASSERT_TRUE(KeepBallast(directory_, kMebibyte, 0).ok());
  EXPECT_GE(Taken(), int64_t{kMebibyte});
  ASSERT_TRUE(KeepBallast(directory_, 2 * kMebibyte, 0).ok());
  EXPECT_GE(Taken(), int64_t{2 * kMebibyte});
  EXPECT_TRUE(DropBallast(directory_));
  EXPECT_EQ(Taken(), -1);
  EXPECT_FALSE(DropBallast(directory_));
}

TEST_F(BallastTest, IsGoneWhenNoneIsWanted) {
  ASSERT_TRUE(KeepBallast(directory_, kMebibyte, 0).ok());
  ASSERT_TRUE(KeepBallast(directory_, 0, 0).ok());
  EXPECT_EQ(Taken(), -1);
}

TEST_F(BallastTest, TakesNothingOfTheReserve) {
  const absl::Status status = KeepBallast(directory_, kMebibyte, UINT64_MAX / 2);
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("storage.reserve_bytes"));
  EXPECT_EQ(Taken(), -1);
}

}  // namespace
}  // namespace baton::storage
