#include "worker_sdk/src/text.h"

#include "gtest/gtest.h"

namespace baton::inline sdk {
namespace internal {
namespace {

TEST(TextTest, TellsUtf8FromOtherBytes) {
  for (const char* good : {"", "plain", "gr\xC3\xBC\xC3\x9F", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_TRUE(IsUtf8(good)) << good;
  }
  const char* bad[] = {
      "\xFF",              // never a first byte
      "\x80",              // continuation without a start
      "\xC3",              // cut
      "\xC0\xAF",          // overlong, two bytes
      "\xE0\x80\xAF",      // overlong, three bytes
      "\xF0\x80\x80\xAF",  // overlong, four bytes
      "\xED\xA0\x80",      // surrogate
      "\xF4\x90\x80\x80",  // beyond U+10FFFF
      "ok\xE2\x82",        // cut at the end
  };
  for (const char* text : bad) EXPECT_FALSE(IsUtf8(text)) << testing::PrintToString(std::string(text));
}

TEST(TextTest, CleansWhatIsNotUtf8AndCutsAtACharacter) {
  EXPECT_EQ(CleanText("a\xFFz", 100), "a?z");
  EXPECT_EQ(CleanText("abcdefghij", 10), "abcdefghij");
  EXPECT_EQ(CleanText("abcdefghijk", 10), "abcd [cut]");
  // The mark replaces the whole two-byte character, not half of it.
  EXPECT_EQ(CleanText("abc\xC3\xBCghijkl", 10), "abc [cut]");
  EXPECT_TRUE(IsUtf8(CleanText(std::string(50, '\xC3'), 20)));
}

TEST(TextTest, KnowsNames) {
  for (const char* good : {"a", "A.b_c-d:e/f", "0"}) EXPECT_TRUE(IsName(good, 128)) << good;
  for (const char* bad : {"", " ", "a b", "\xC3\xBC", "a,b", "a\n"}) EXPECT_FALSE(IsName(bad, 128)) << bad;
  EXPECT_TRUE(IsName(std::string(128, 'x'), 128));
  EXPECT_FALSE(IsName(std::string(129, 'x'), 128));
}

TEST(TextTest, KnowsJsonObjects) {
  EXPECT_TRUE(IsJsonObject(R"({"a": [1, 2]})"));
  for (const char* bad : {"", "1", "[]", "{", R"({"a": "\xFF"})"}) EXPECT_FALSE(IsJsonObject(bad)) << bad;
}

TEST(TextTest, Trims) {
  EXPECT_EQ(Trimmed(" \t a b\n"), "a b");
  EXPECT_EQ(Trimmed(" \n "), "");
}

}  // namespace
}  // namespace internal
}  // namespace baton::inline sdk
