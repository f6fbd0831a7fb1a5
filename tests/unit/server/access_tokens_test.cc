// Texts of access tokens, the book they are found in, and what AccessAdmin does to them.
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "broker/server/access/token_book.h"
#include "broker/server/access/token_changes.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace baton::server {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr WallMicros kNow = 1'800'000'000 * kSecond;

TEST(TokenTextTest, IsFoundByScanners) {
  std::set<std::string> ids;
  for (int i = 0; i < 200; ++i) {
    const std::string text = NewTokenText();
    const std::vector<std::string> parts = absl::StrSplit(text, '_');
    ASSERT_EQ(parts.size(), 3u) << text;
    EXPECT_EQ(parts[0], "baton");
    EXPECT_EQ(parts[1].size(), 12u) << text;
    EXPECT_EQ(parts[2].size(), 52u) << text;
    EXPECT_EQ((parts[1] + parts[2]).find_first_not_of("abcdefghijklmnopqrstuvwxyz234567"), std::string::npos) << text;
    ASSERT_TRUE(TokenIdOf(text).has_value());
    ids.emplace(*TokenIdOf(text));
  }
  EXPECT_EQ(ids.size(), 200u);
}

TEST(TokenTextTest, HasOneFormOnly) {
  const std::string text = NewTokenText();
  EXPECT_FALSE(TokenIdOf("").has_value());
  EXPECT_FALSE(TokenIdOf(text + "a").has_value());
  EXPECT_FALSE(TokenIdOf(text.substr(1)).has_value());
  for (const size_t changed : {size_t{0}, size_t{6}, size_t{18}, text.size() - 1}) {
    std::string other = text;
    other[changed] = '!';
    EXPECT_FALSE(TokenIdOf(other).has_value()) << other;
  }
}

TEST(TokenTextTest, HashesAreThoseOfSha256) {
  EXPECT_EQ(HexOf(HashOfToken("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(*HashFromHex(HexOf(HashOfToken("abc"))), HashOfToken("abc"));
  EXPECT_FALSE(HashFromHex("ab").has_value());
  EXPECT_FALSE(HashFromHex(std::string(64, 'G')).has_value());
  EXPECT_TRUE(SameHash(HashOfToken("a"), HashOfToken("a")));
  EXPECT_FALSE(SameHash(HashOfToken("a"), HashOfToken("b")));
}

// Tokens, changed as AccessAdmin does, and the texts that were handed out.
class TokenChangesTest : public ::testing::Test {
 protected:
  std::string Create(const std::string& name, v1::AccessRole role = v1::ACCESS_ROLE_SUBMIT, int64_t seconds = 0) {
    v1::CreateTokenRequest request;
    v1::CreateTokenResponse response;
    request.set_name(name);
    request.set_role(role);
    if (seconds != 0) request.mutable_expires_in()->set_seconds(seconds);
    const Error error = CreateToken(request, now_, &tokens_, &response);
    EXPECT_TRUE(error.ok()) << error.message;
    return response.text();
  }
  v1::RotateTokenResponse Rotate(const std::string& name, int64_t keep_seconds, int64_t life_seconds = 0) {
    v1::RotateTokenRequest request;
    v1::RotateTokenResponse response;
    request.set_name(name);
    if (keep_seconds != 0) request.mutable_keep_old()->set_seconds(keep_seconds);
    if (life_seconds != 0) request.mutable_expires_in()->set_seconds(life_seconds);
    const Error error = RotateToken(request, now_, &tokens_, &response);
    EXPECT_TRUE(error.ok()) << error.message;
    return response;
  }
  Error Revoke(const std::string& name) {
    v1::RevokeTokenRequest request;
    request.set_name(name);
    return RevokeToken(request, now_, &tokens_);
  }
  // Name of the token that a text is of by now; empty if it is refused.
  std::string WhoIs(const std::string& text) {
    const TokenBook::Found found = TokenBook(tokens_).Find(text, now_, &why_);
    return found.token == nullptr ? "" : found.token->name;
  }

  WallMicros now_ = kNow;
  std::vector<Token> tokens_;
  std::string why_;
};

TEST_F(TokenChangesTest, ATextIsFoundUntilItExpires) {
  const std::string ever = Create("ever"), short_lived = Create("short", v1::ACCESS_ROLE_WORK, 10);
  EXPECT_EQ(WhoIs(ever), "ever");
  now_ += 10 * kSecond - 1;
  EXPECT_EQ(WhoIs(short_lived), "short");
  EXPECT_EQ(TokenBook(tokens_).NextEnd(now_), now_ + 1);
  now_ += 1;
  EXPECT_EQ(WhoIs(short_lived), "");
  EXPECT_THAT(why_, HasSubstr("expired"));
  EXPECT_EQ(TokenBook(tokens_).NextEnd(now_), 0);
  EXPECT_EQ(WhoIs(ever), "ever");
}

TEST_F(TokenChangesTest, WhyATextIsRefusedNeverTellsItsSecret) {
  const std::string text = Create("ci");
  std::string wrong = text;
  wrong.back() = wrong.back() == 'a' ? 'b' : 'a';
  EXPECT_EQ(WhoIs(wrong), "");
  EXPECT_THAT(why_, HasSubstr("'ci'"));
  EXPECT_THAT(why_, Not(HasSubstr(wrong.substr(19))));
  EXPECT_EQ(WhoIs(NewTokenText()), "");
  EXPECT_THAT(why_, HasSubstr("no token with id"));
  EXPECT_EQ(WhoIs("password"), "");
  EXPECT_THAT(why_, Not(HasSubstr("password")));
}

TEST_F(TokenChangesTest, RotationKeepsTheOldTextAsLongAsAsked) {
  const std::string first = Create("ci");
  const v1::RotateTokenResponse rotated = Rotate("ci", 60);
  EXPECT_NE(rotated.text(), first);
  EXPECT_EQ(rotated.token().old_until().seconds(), kNow / kSecond + 60);
  EXPECT_EQ(WhoIs(first), "ci");
  EXPECT_EQ(WhoIs(rotated.text()), "ci");
  now_ += 60 * kSecond;
  EXPECT_EQ(WhoIs(first), "");
  EXPECT_EQ(WhoIs(rotated.text()), "ci");
  const std::string third = Rotate("ci", 0).text();
  EXPECT_EQ(WhoIs(rotated.text()), "");
  EXPECT_EQ(WhoIs(third), "ci");
  EXPECT_EQ(tokens_.size(), 1u);
}

TEST_F(TokenChangesTest, RotationRenewsTheLifeOfAToken) {
  const std::string first = Create("ci", v1::ACCESS_ROLE_SUBMIT, 100);
  now_ += 90 * kSecond;
  const v1::RotateTokenResponse rotated = Rotate("ci", 60);
  EXPECT_EQ(rotated.token().expires_at().seconds(), now_ / kSecond + 100);
  // Not longer than it would have lived.
  EXPECT_EQ(rotated.token().old_until().seconds(), kNow / kSecond + 100);
  EXPECT_EQ(Rotate("ci", 0, 5).token().expires_at().seconds(), now_ / kSecond + 5);
}

TEST_F(TokenChangesTest, TheLastOperatorStays) {
  Create("first", v1::ACCESS_ROLE_OPERATE, 100);
  Create("ci");
  EXPECT_STREQ(Revoke("first").reason, "LAST_OPERATOR");
  const std::string second = Create("second", v1::ACCESS_ROLE_OPERATE);
  EXPECT_TRUE(Revoke("first").ok());
  EXPECT_STREQ(Revoke("first").reason, "TOKEN_NOT_FOUND");
  EXPECT_STREQ(Revoke("second").reason, "LAST_OPERATOR");
  EXPECT_TRUE(Revoke("ci").ok());
  EXPECT_EQ(WhoIs(second), "second");
}

TEST_F(TokenChangesTest, AStreamHoldsWhileItsTokenMayDoTheSame) {
  const std::string text = Create("ci", v1::ACCESS_ROLE_WORK);
  const TokenBook before(tokens_);
  const TokenBook::Found found = before.Find(text, now_, &why_);
  ASSERT_NE(found.token, nullptr);
  EXPECT_TRUE(TokenBook(tokens_).StillHolds(found.secret->id, *found.token, now_));
  Rotate("ci", 60);
  EXPECT_TRUE(TokenBook(tokens_).StillHolds(found.secret->id, *found.token, now_));
  EXPECT_FALSE(TokenBook(tokens_).StillHolds(found.secret->id, *found.token, now_ + kMinute));
  tokens_[0].types = service::TypePrefixes({"mail."});
  EXPECT_FALSE(TokenBook(tokens_).StillHolds(found.secret->id, *found.token, now_));
}

TEST_F(TokenChangesTest, RefusesWhatCannotBe) {
  Create("ci");
  const auto refusal = [this](auto change) {
    v1::CreateTokenRequest request;
    v1::CreateTokenResponse response;
    request.set_name("new");
    request.set_role(v1::ACCESS_ROLE_SUBMIT);
    change(&request);
    const Error error = CreateToken(request, now_, &tokens_, &response);
    EXPECT_EQ(response.text(), "");
    EXPECT_EQ(tokens_.size(), 1u);
    return std::string(error.reason) + ": " + error.message;
  };
  EXPECT_THAT(refusal([](auto* r) { r->set_name("ci"); }), HasSubstr("TOKEN_EXISTS"));
  EXPECT_THAT(refusal([](auto* r) { r->set_name(""); }), HasSubstr("name"));
  EXPECT_THAT(refusal([](auto* r) { r->set_name("local"); }), HasSubstr("name is 'local'"));
  EXPECT_THAT(refusal([](auto* r) { r->clear_role(); }), HasSubstr("role is 0"));
  EXPECT_THAT(refusal([](auto* r) { r->set_role(static_cast<v1::AccessRole>(9)); }), HasSubstr("role is 9"));
  EXPECT_THAT(refusal([](auto* r) { r->add_type_prefixes("a b"); }), HasSubstr("type_prefixes[0]"));
  EXPECT_THAT(refusal([](auto* r) {
                for (int i = 0; i < 17; ++i) r->add_type_prefixes("a");
              }),
              HasSubstr("16"));
  EXPECT_THAT(refusal([](auto* r) { r->set_payloads(true); }), HasSubstr("only for role observe"));
  EXPECT_THAT(refusal([](auto* r) { r->mutable_expires_in()->set_seconds(0); }), HasSubstr("expires_in is 0"));
  EXPECT_THAT(refusal([](auto* r) { r->mutable_expires_in()->set_seconds(INT64_MAX); }), HasSubstr("expires_in"));
  v1::RotateTokenRequest rotate;
  v1::RotateTokenResponse rotated;
  rotate.set_name("nobody");
  EXPECT_STREQ(RotateToken(rotate, now_, &tokens_, &rotated).reason, "TOKEN_NOT_FOUND");
  rotate.set_name("ci");
  rotate.mutable_keep_old()->set_seconds(31 * 86400);
  EXPECT_THAT(RotateToken(rotate, now_, &tokens_, &rotated).message, HasSubstr("keep_old"));
}

}  // namespace
}  // namespace baton::server
