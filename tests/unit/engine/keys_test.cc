// The grammar of keys, byte by byte. What fails here changes the format on disk: raise kFormatVersion, or do not.
#include "broker/engine/format/keys.h"

#include <string>

#include "absl/strings/escaping.h"
#include "broker/engine/task.h"
#include "gtest/gtest.h"

namespace baton::engine {
namespace {

std::string Hex(absl::string_view bytes) { return absl::BytesToHexString(bytes); }

TEST(KeysTest, FormatVersionIsOne) { EXPECT_EQ(kFormatVersion, 1u); }

TEST(KeysTest, KeysOfTasksArePinned) {
  EXPECT_EQ(Hex(TaskKey(0x0102030405060708)), "0102030405060708");
  EXPECT_EQ(Hex(EndKey(1)), "0000000000000001");
  EXPECT_EQ(Hex(LogKey(1, 2)), "000000000000000100000002");
  EXPECT_EQ(Hex(LogKey(0xFFFFFFFFFFFFFFFF, 0xFFFFFFFF)), "ffffffffffffffffffffffff");
}

TEST(KeysTest, KeysOfTheLiveTableArePinned) {
  EXPECT_EQ(Hex(JournalKey(258)), "0000000000000102");
  EXPECT_EQ(Hex(PageKey(3)), "0000000000000003");
  EXPECT_EQ(kPageIds, 16384u);
  EXPECT_EQ(PageOf(16383), 0u);
  EXPECT_EQ(PageOf(16384), 1u);
  EXPECT_EQ(SlotOf(16385), 1u);
}

TEST(KeysTest, KeysOfTheIndexArePinned) {
  EXPECT_EQ(kGroupPages, 64u);
  EXPECT_EQ(GroupOf(63), 0u);
  EXPECT_EQ(GroupOf(64), 1u);
  EXPECT_EQ(BucketOf(0x01020304), 0x04);
  EXPECT_EQ(Hex(IndexGroupKey(2)), "0000000000000002");
  EXPECT_EQ(Hex(IndexBucketKey(2, IndexKind::kClass, 0xfe)), "000000000000000263fe");
  EXPECT_EQ(Hex(IndexKey(2 * 64 + 5, IndexKind::kClass, 1)), "0000000000000002630105");
  EXPECT_EQ(Hex(IndexKey(63, IndexKind::kTag, 1)), "000000000000000074013f");
}

TEST(KeysTest, HashesOfTagsArePinned) {
  EXPECT_EQ(TagHash(""), 0u);
  EXPECT_EQ(TagHash("baton"), 0x7fc51db9u);
}

TEST(KeysTest, KeysOfHashesArePinned) {
  const Hash128 hash{0x0102030405060708, 0x090a0b0c0d0e0f10};
  EXPECT_EQ(Hex(UniqueKey(hash)), "750102030405060708090a0b0c0d0e0f10");
  EXPECT_EQ(Hex(RequestKey(7, hash)), "72000000070102030405060708090a0b0c0d0e0f10");
  EXPECT_EQ(Hex(RequestWindowKey(7)), "7200000007");
}

TEST(KeysTest, KeysOfMetaRowsArePinned) {
  EXPECT_EQ(Hex(StoreMetaKey()), "53");
  EXPECT_EQ(Hex(CheckpointMetaKey()), "4b");
  EXPECT_EQ(Hex(ClassMetaKey(5)), "6300000005");
  EXPECT_EQ(Hex(OptionsMetaKey(5)), "6f00000005");
  EXPECT_EQ(TypeMetaKey("render"), "trender");
  EXPECT_EQ(Hex(SessionMetaKey(5)), "730000000000000005");
  EXPECT_EQ(Hex(JobMetaKey(5)), "6a0000000000000005");
}

TEST(KeysTest, NumbersAreReadAsTheyWereWrittenAndSortAsNumbers) {
  const uint64_t numbers[] = {0, 1, 255, 256, 65535, 0x80000000, 0x0102030405060708, UINT64_MAX};
  for (size_t i = 0; i < std::size(numbers); ++i) {
    EXPECT_EQ(ReadU64(Key().U64(numbers[i])), numbers[i]);
    EXPECT_EQ(ReadU32(Key().U32(static_cast<uint32_t>(numbers[i]))), static_cast<uint32_t>(numbers[i]));
    if (i == 0) continue;
    EXPECT_LT(TaskKey(numbers[i - 1]).str(), TaskKey(numbers[i]).str());
    EXPECT_LT(LogKey(numbers[i - 1], UINT32_MAX).str(), LogKey(numbers[i], 0).str());
  }
}

// Found by a fuzzer: a key that was cut off ended the broker.
TEST(KeysTest, BytesThatAreMissingAreReadAsZero) {
  EXPECT_EQ(ReadU64("\x01\x02"), 0x0102000000000000u);
  EXPECT_EQ(ReadU32(""), 0u);
  EXPECT_EQ(RowOfLogKey(LogKey(7, 9)), 9u);
  EXPECT_EQ(RowOfLogKey("short"), 0u);
}

TEST(KeysTest, WindowsOfRequestsLastTwelveHoursAndCoverADay) {
  EXPECT_EQ(RequestWindowOf(0), 0u);
  EXPECT_EQ(RequestWindowOf(12 * kHour - 1), 0u);
  EXPECT_EQ(RequestWindowOf(12 * kHour), 1u);
  EXPECT_GE(kRequestWindowsAround * kRequestWindow, kDay);
  EXPECT_EQ(FirstRequestWindow(0), 0u);
  EXPECT_EQ(FirstRequestWindow(36 * kHour), 1u);
}

TEST(KeysTest, HashesArePinned) {
  EXPECT_EQ(Hex(HashOf("").Bytes()), "99aa06d3014798d86001c324468d497f");
  EXPECT_EQ(Hex(HashOf("baton").Bytes()), "b8d8db4f2a86f6017e55b3e47fc51db9");
  EXPECT_EQ(Hex(UniqueHash("type", "key").Bytes()), Hex(HashOf(std::string("type\0key", 8)).Bytes()));
  EXPECT_EQ(Hex(UniqueHash("type", "key").Bytes()), "4b4e6a26e05b00295e3e7c5d75a41368");
  EXPECT_EQ(Mix(1, 2, 3), 8964613590703056768u);
}

}  // namespace
}  // namespace baton::engine
