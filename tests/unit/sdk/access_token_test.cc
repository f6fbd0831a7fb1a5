// The access token of a program: where it comes from, when it is read again, and to whom it is shown.
#include "worker_sdk/src/access_token.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "baton/error.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace baton::inline sdk {
namespace internal {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kHere[] = "127.0.0.1:7461";

class AccessTokenTest : public ::testing::Test {
 protected:
  AccessTokenTest() {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    path_ = std::filesystem::path(::testing::TempDir()) / (std::string("access-token-") + test->name());
    unsetenv("BATON_ACCESS_TOKEN");
    unsetenv("BATON_ACCESS_TOKEN_FILE");
  }
  ~AccessTokenTest() override {
    std::filesystem::remove(path_);
    unsetenv("BATON_ACCESS_TOKEN");
    unsetenv("BATON_ACCESS_TOKEN_FILE");
  }
  void Write(const std::string& text) { std::ofstream(path_) << text; }
  static std::string Shown(const std::shared_ptr<AccessToken>& token) {
    const absl::StatusOr<std::string> text = token->TextFor(kHere, false);
    return text.ok() ? *text : std::string(text.status().message());
  }

  std::filesystem::path path_;
};

TEST_F(AccessTokenTest, ComesFromOptionsFirst) {
  EXPECT_EQ(FindAccessToken("", ""), nullptr);
  Write("baton_file\n");
  setenv("BATON_ACCESS_TOKEN_FILE", path_.c_str(), 1);
  EXPECT_EQ(Shown(FindAccessToken("", "")), "baton_file");
  setenv("BATON_ACCESS_TOKEN", "baton_variable", 1);
  EXPECT_EQ(Shown(FindAccessToken("", "")), "baton_variable");
  EXPECT_EQ(Shown(FindAccessToken("", path_)), "baton_file");
  EXPECT_EQ(Shown(FindAccessToken("baton_text", path_)), "baton_text");
}

TEST_F(AccessTokenTest, TakesAFileOverThatIsReplaced) {
  Write("baton_old");
  const auto token = FindAccessToken("", path_);
  EXPECT_EQ(Shown(token), "baton_old");
  EXPECT_FALSE(token->Replaced("baton_old"));
  Write("baton_new");
  // Not read for each call.
  EXPECT_EQ(Shown(token), "baton_old");
  EXPECT_TRUE(token->Replaced("baton_old"));
  EXPECT_EQ(Shown(token), "baton_new");
  std::filesystem::remove(path_);
  token->Refresh();
  EXPECT_EQ(Shown(token), "baton_new");
}

TEST_F(AccessTokenTest, SaysWhatIsWrongButNotWhatTheTokenIs) {
  const auto token = FindAccessToken("", path_);
  EXPECT_THAT(Shown(token), HasSubstr("access_token_file: cannot read an access token from"));
  Write("  \n");
  EXPECT_THAT(Shown(token), HasSubstr("it is empty"));
  Write("secret words");
  EXPECT_THAT(Shown(token), HasSubstr("is not an access token"));
  EXPECT_THAT(Shown(token), Not(HasSubstr("secret words")));
}

TEST_F(AccessTokenTest, StaysOnThisMachineUnlessTheConnectionIsEncrypted) {
  const auto token = FindAccessToken("baton_text", "");
  for (const char* here : {"127.0.0.1:7461", "localhost:7461", "[::1]:7461", "unix:/run/baton/batond.sock"}) {
    EXPECT_TRUE(token->TextFor(here, false).ok()) << here;
  }
  for (const char* there : {"10.0.0.1:7461", "broker:7461", "127.0.0.1.example:7461", "[fe80::1]:7461"}) {
    const absl::StatusOr<std::string> text = token->TextFor(there, false);
    EXPECT_EQ(text.status().code(), absl::StatusCode::kFailedPrecondition) << there;
    EXPECT_EQ(ErrorReason(text.status()), "TOKEN_WOULD_BE_EXPOSED");
    EXPECT_THAT(std::string(text.status().message()), Not(HasSubstr("baton_text")));
    EXPECT_TRUE(token->TextFor(there, true).ok()) << there;
  }
}

}  // namespace
}  // namespace internal
}  // namespace baton::inline sdk
