// The file with access tokens: what it may say, each way it can be wrong, and how it is written.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "broker/server/access/token_file.h"
#include "broker/server/access/token_store.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace baton::server {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::string kHash(64, 'a');
const std::string kOtherHash(64, 'b');

std::string TokenText(const std::string& name, const std::string& id, const std::string& hash,
                      const std::string& more = "") {
  return absl::StrCat("[[token]]\nname = \"", name, "\"\nrole = \"observe\"\ncreated = 2026-01-01T00:00:00Z\nid = \"",
                      id, "\"\nsha256 = \"", hash, "\"\n", more);
}

std::string Good(const std::string& more = "") { return TokenText("ci", "abcdefgh2345", kHash, more); }

TEST(TokenFileTest, SaysEverythingOfAToken) {
  const auto tokens = ParseTokens(Good("expires = 2030-06-01T12:00:00.25+02:00\ntype_prefixes = [\"mail.\", \"x\"]\n"
                                       "payloads = true\nold_id = \"bbbbbbbbbbbb\"\nold_sha256 = \"" +
                                       kOtherHash + "\"\nold_expires = 2026-01-02T00:00:00Z\n"),
                                  "f");
  ASSERT_TRUE(tokens.ok()) << tokens.status();
  ASSERT_EQ(tokens->size(), 1u);
  const Token& token = (*tokens)[0];
  EXPECT_EQ(token.name, "ci");
  EXPECT_EQ(token.role, Role::kObserve);
  EXPECT_THAT(token.types.prefixes(), ::testing::ElementsAre("mail.", "x"));
  EXPECT_TRUE(token.payloads);
  EXPECT_EQ(token.secret.id, "abcdefgh2345");
  EXPECT_EQ(HexOf(token.secret.hash), kHash);
  EXPECT_EQ(token.secret.end, 1'906'538'400'250'000);
  EXPECT_EQ(token.created, 1'767'225'600'000'000);
  ASSERT_TRUE(token.old.has_value());
  EXPECT_EQ(token.old->id, "bbbbbbbbbbbb");
  // What is written is read as the same.
  const auto again = ParseTokens(TokensToToml(*tokens), "g");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(TokensToToml(*again), TokensToToml(*tokens));
  EXPECT_EQ((*again)[0].secret.end, token.secret.end);
}

struct BadFile {
  const char* name;
  std::string text;
  std::vector<std::string> says;
};

class BadTokenFileTest : public ::testing::TestWithParam<BadFile> {};

TEST_P(BadTokenFileTest, IsRefusedInOneLine) {
  const auto tokens = ParseTokens(GetParam().text, "tokens.toml");
  ASSERT_EQ(tokens.status().code(), absl::StatusCode::kInvalidArgument);
  const std::string message(tokens.status().message());
  EXPECT_THAT(message, Not(HasSubstr("\n")));
  for (const std::string& says : GetParam().says) EXPECT_THAT(message, HasSubstr(says));
}

std::string Without(const std::string& key) {
  std::string text = Good();
  const size_t begin = text.find(key + " =");
  return text.erase(begin, text.find('\n', begin) - begin + 1);
}

std::string With(const std::string& old_line, const std::string& new_line) {
  std::string text = Good();
  return text.replace(text.find(old_line), old_line.size(), new_line);
}

INSTANTIATE_TEST_SUITE_P(
    Each, BadTokenFileTest,
    ::testing::Values(
        BadFile{"NotToml", "[[token]\n", {"tokens.toml:1: not TOML: "}},
        BadFile{"AnotherTable", "[server]\nlisten = 1\n", {"tokens.toml:1: ", "'server'", "[[token]]"}},
        BadFile{"OneTable", "[token]\nname = \"x\"\n", {"tokens.toml:1: ", "[[token]]"}},
        BadFile{"UnknownKey", Good("expire = 2030-01-01T00:00:00Z\n"), {"tokens.toml:7: ", "'expire'", "'expires'"}},
        BadFile{"NoName", Without("name"), {"tokens.toml:1: a token has no name"}},
        BadFile{"NoRole", Without("role"), {"no role"}}, BadFile{"NoId", Without("id"), {"no id"}},
        BadFile{"NoHash", Without("sha256"), {"no sha256"}}, BadFile{"NoCreated", Without("created"), {"no created"}},
        BadFile{"UnknownRole",
                With("\"observe\"", "\"admin\""),
                {"tokens.toml:3: role is 'admin'", "submit, work, observe, operate"}},
        BadFile{"RoleNoText", With("\"observe\"", "7"), {"tokens.toml:3: role is no text"}},
        BadFile{"BadName", With("\"ci\"", "\"c i\""), {"tokens.toml:2: name"}},
        BadFile{"ReservedName", With("\"ci\"", "\"local\""), {"tokens.toml:2: name is 'local'"}},
        BadFile{"BrokersName", With("\"ci\"", "\"broker\""), {"tokens.toml:2: name is 'broker'"}},
        BadFile{"LongName", With("\"ci\"", "\"" + std::string(65, 'n') + "\""), {"tokens.toml:2: name", "64"}},
        BadFile{"BadTime", With("2026-01-01T00:00:00Z", "\"yesterday\""), {"tokens.toml:4: created is no instant"}},
        BadFile{"LocalTime", With("2026-01-01T00:00:00Z", "2026-01-01T00:00:00"), {"created is no instant"}},
        BadFile{"BadId", With("abcdefgh2345", "short"), {"tokens.toml:5: id is no id"}},
        BadFile{"BadHash", With(kHash, "1234"), {"tokens.toml:6: sha256 is no SHA-256"}},
        BadFile{"PrefixesNoList", Good("type_prefixes = \"mail.\"\n"), {"tokens.toml:7: type_prefixes is no list"}},
        BadFile{"PrefixNoText", Good("type_prefixes = [1]\n"), {"type_prefixes is no list of texts"}},
        BadFile{"EmptyPrefix", Good("type_prefixes = [\"\"]\n"), {"tokens.toml:7: type_prefixes[0]"}},
        BadFile{"PayloadsNoFlag", Good("payloads = 1\n"), {"tokens.toml:7: payloads is neither"}},
        BadFile{"PayloadsOfOthers",
                With("\"observe\"", "\"submit\"\npayloads = true"),
                {"tokens.toml:1: payloads is set", "only for role observe", "submit"}},
        BadFile{
            "HalfAnOldOne", Good("old_id = \"bbbbbbbbbbbb\"\n"), {"old_id, old_sha256 and old_expires go together"}},
        BadFile{"SameName",
                Good() + TokenText("ci", "bbbbbbbbbbbb", kOtherHash),
                {"tokens.toml:7: name is 'ci'", "line 1"}},
        BadFile{"SameId", Good() + TokenText("b", "abcdefgh2345", kOtherHash), {"tokens.toml:7: id is 'abcdefgh2345'"}},
        BadFile{"SameHash", Good() + TokenText("b", "bbbbbbbbbbbb", kHash), {"tokens.toml:7: sha256 is '"}},
        BadFile{"OldIsNewOfAnother",
                Good("old_id = \"bbbbbbbbbbbb\"\nold_sha256 = \"" + kOtherHash +
                     "\"\nold_expires = 2026-01-01T00:00:00Z\n") +
                    TokenText("b", "bbbbbbbbbbbb", std::string(64, 'c')),
                {"tokens.toml:10: id is 'bbbbbbbbbbbb'"}}),
    [](const auto& tested) { return tested.param.name; });

class TokenFileOnDiskTest : public ::testing::Test {
 protected:
  TokenFileOnDiskTest() {
    std::string name = (std::filesystem::temp_directory_path() / "baton-tokens-XXXXXX").string();
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
    path_ = directory_ / "tokens.toml";
  }
  ~TokenFileOnDiskTest() override { std::filesystem::remove_all(directory_); }

  void Write(const std::string& text, mode_t mode = 0600) {
    std::ofstream(path_) << text;
    chmod(path_.c_str(), mode);
  }
  mode_t ModeOf() const {
    struct stat about {};
    EXPECT_EQ(stat(path_.c_str(), &about), 0);
    return about.st_mode & 07777;
  }

  std::filesystem::path directory_;
  std::filesystem::path path_;
};

TEST_F(TokenFileOnDiskTest, OnlyItsOwnerMayReadIt) {
  for (const mode_t mode : {0640, 0604, 0620, 0602, 0610}) {
    Write(Good(), mode);
    const auto tokens = ReadTokensFile(path_);
    ASSERT_EQ(tokens.status().code(), absl::StatusCode::kPermissionDenied) << mode;
    EXPECT_THAT(std::string(tokens.status().message()), HasSubstr("chmod 600 " + path_.string()));
  }
  Write(Good(), 0400);
  EXPECT_TRUE(ReadTokensFile(path_).ok());
}

TEST_F(TokenFileOnDiskTest, SaysHowToMakeOne) {
  const auto missing = ReadTokensFile(path_);
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(missing.status().message()), HasSubstr("batond create-token"));
  EXPECT_EQ(ReadTokensFile(directory_).status().code(), absl::StatusCode::kPermissionDenied);
}

TEST_F(TokenFileOnDiskTest, IsReplacedAsAWhole) {
  Write(Good());
  auto tokens = ReadTokensFile(path_);
  ASSERT_TRUE(tokens.ok());
  (*tokens)[0].name = "other";
  std::ofstream(path_.string() + ".new") << "left behind";
  ASSERT_TRUE(WriteTokensFile(path_, *tokens).ok());
  EXPECT_EQ(ModeOf(), 0600u);
  EXPECT_FALSE(std::filesystem::exists(path_.string() + ".new"));
  EXPECT_EQ((*ReadTokensFile(path_))[0].name, "other");
  const absl::Status nowhere = WriteTokensFile(directory_ / "none" / "tokens", *tokens);
  EXPECT_EQ(nowhere.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(nowhere.message()), HasSubstr("none/tokens.new"));
}

TEST_F(TokenFileOnDiskTest, AStoreKeepsWhatWasWrittenByHand) {
  std::shared_ptr<const TokenBook> book;
  TokenStore store(path_, [&book](std::shared_ptr<const TokenBook> read) { book = std::move(read); });
  Write("# nobody\n");
  EXPECT_THAT(std::string(store.Load().message()), HasSubstr("no token in it"));
  EXPECT_EQ(book, nullptr);
  Write(Good());
  ASSERT_TRUE(store.Load().ok());
  ASSERT_EQ(book->tokens().size(), 1u);
  Write(Good() + TokenText("by-hand", "bbbbbbbbbbbb", kOtherHash));
  const auto rename = [](std::vector<Token>* tokens) {
    (*tokens)[0].name = "renamed";
    return Error{};
  };
  ASSERT_TRUE(store.Change(rename).ok());
  ASSERT_EQ(book->tokens().size(), 2u);
  EXPECT_EQ(book->tokens()[0]->name, "by-hand");
  EXPECT_EQ(book->tokens()[1]->name, "renamed");
  // What is refused, and what cannot be read, changes nothing.
  const auto refuse = [](std::vector<Token>*) { return NotFound("TOKEN_NOT_FOUND", "none"); };
  EXPECT_STREQ(store.Change(refuse).reason, "TOKEN_NOT_FOUND");
  Write("broken");
  const Error broken = store.Change(rename);
  EXPECT_STREQ(broken.reason, "TOKENS_FILE_UNUSABLE");
  EXPECT_THAT(broken.message, HasSubstr("tokens.toml:1: not TOML"));
  EXPECT_FALSE(store.Load().ok());
  EXPECT_EQ(book->tokens().size(), 2u);
}

}  // namespace
}  // namespace baton::server
