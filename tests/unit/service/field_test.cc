#include "broker/service/field.h"

#include "tests/unit/service/decoding_fixture.h"

namespace baton::service {
namespace {

TEST(Field, SpellsThePathFromTheTop) {
  const Field task("tasks", 3);
  const Field options(task, "options");
  EXPECT_EQ(Field(options, "priority").Path(), "tasks[3].options.priority");
  EXPECT_EQ(Field(options, "names", 0).Path(), "tasks[3].options.names[0]");
}

TEST(CheckName, TakesTheAlphabetAndNothingElse) {  // B10
  const Field field("type");
  EXPECT_THAT(CheckName(field, "aZ09_.:/-", Presence::kRequired, 128), IsOk());
  EXPECT_THAT(CheckName(field, "", Presence::kOptional, 128), IsOk());
  EXPECT_THAT(CheckName(field, "", Presence::kRequired, 128), Refuses("FIELD_REQUIRED", "type"));
  EXPECT_THAT(CheckName(field, std::string(128, 'a'), Presence::kRequired, 128), IsOk());
  EXPECT_THAT(CheckName(field, std::string(129, 'a'), Presence::kRequired, 128), Refuses("FIELD_TOO_LONG", "129"));
  for (const char* bad : {"a b", "ä", "a\n", "a\\b", "a,b", "ä"}) {
    EXPECT_THAT(CheckName(field, bad, Presence::kRequired, 128), Refuses("BAD_NAME", "type")) << bad;
  }
  EXPECT_THAT(CheckName(field, std::string("a\0b", 3), Presence::kRequired, 128), Refuses("BAD_NAME", "\\x00"));
}

TEST(CheckText, WantsMoreThanBlanks) {
  EXPECT_THAT(CheckText(Field("error"), " \n\t", Presence::kRequired, 10), Refuses("FIELD_REQUIRED", "error"));
  EXPECT_THAT(CheckText(Field("error"), " x ", Presence::kRequired, 10), IsOk());
}

TEST(CheckRange, NamesValueAndLimits) {
  const Field field("slots");
  EXPECT_THAT(CheckRange(field, 0, 0, 10), IsOk());
  EXPECT_THAT(CheckRange(field, 10, 0, 10), IsOk());
  EXPECT_THAT(CheckRange(field, 11, 0, 10), Refuses("OUT_OF_RANGE", "slots is 11, allowed are 0 to 10"));
  EXPECT_THAT(CheckRange(field, -1, 0, 10), Refuses("OUT_OF_RANGE", "slots is -1"));
}

TEST(CheckDuration, SaysWhetherNoneIsAllowed) {
  const Field field("timeout_us");
  EXPECT_THAT(CheckDuration(field, 0, kMillisecond, kSecond),
              Refuses("OUT_OF_RANGE", "timeout_us is 0 (0s), allowed are 1000 to 1000000 microseconds (1ms to 1s)"));
  EXPECT_THAT(CheckDuration(field, 0, kMillisecond, kSecond, ZeroMeans::kNone), IsOk());
  EXPECT_THAT(CheckDuration(field, kSecond, kMillisecond, kSecond, ZeroMeans::kNone), IsOk());
  for (const Micros bad : {Micros{1}, Micros{-1}, kSecond + 1}) {
    EXPECT_THAT(CheckDuration(field, bad, kMillisecond, kSecond, ZeroMeans::kNone),
                Refuses("OUT_OF_RANGE", "allowed are 0 (none) or 1000 to 1000000 microseconds (1ms to 1s)"));
  }
}

TEST(CheckMetadata, TakesJsonObjectsOnly) {  // B211
  const Field field("metadata_json");
  EXPECT_THAT(CheckMetadata(field, "", 10), IsOk());
  EXPECT_THAT(CheckMetadata(field, " {\"a\":1}", 10), IsOk());
  for (const char* bad : {"[]", "1", "{", "null", "{'a':1}"}) {
    EXPECT_THAT(CheckMetadata(field, bad, 100), Refuses("MALFORMED_JSON", "metadata_json")) << bad;
  }
  EXPECT_THAT(CheckMetadata(field, "{\"a\":\"long\"}", 10), Refuses("FIELD_TOO_LONG", "at most 10"));
}

TEST(CheckJson, SaysWhereTheMistakeIs) {
  const Field field("json");
  EXPECT_THAT(CheckJson(field, "[1, 2.5e300, \"ü\"]"), IsOk());
  EXPECT_THAT(CheckJson(field, "{\"größe\": 1,}"),
              Refuses("MALFORMED_JSON", "which is not well-formed JSON at byte 15: correct it"));
  EXPECT_THAT(CheckJson(field, "[1, 2"), Refuses("MALFORMED_JSON", "at byte 5, its end"));
  EXPECT_THAT(CheckJson(field, ""), Refuses("MALFORMED_JSON", "json is '', which is not well-formed JSON at byte 0"));
  for (const std::string& number : {std::string("-1e999"), std::string(400, '9')}) {
    EXPECT_THAT(CheckJson(field, "[" + number + "]"),
                Refuses("MALFORMED_JSON", "json has a number out of range, '" + number.substr(0, 6)));
  }
}

TEST(Quoted, ShowsTextAsItWasWrittenButNoControls) {
  EXPECT_EQ(Quoted("größe 漢字 🙂"), "'größe 漢字 🙂'");
  EXPECT_EQ(Quoted("ä\x01\n"), "'ä\\x01\\n'");
  EXPECT_EQ(Quoted("ü\xC2\x9B\u202E"), "'ü\\xc2\\x9b\\xe2\\x80\\xae'");
  EXPECT_EQ(Quoted("ü\xFFü\xC3"), "'ü\\xffü\\xc3'") << "not all of it is UTF-8";
  EXPECT_EQ(Quoted(std::string(63, 'x') + "ü"), "'" + std::string(63, 'x') + "…'") << "no half of a character";
  EXPECT_EQ(Quoted(std::string(62, 'x') + "ü"), "'" + std::string(62, 'x') + "ü'");
}

TEST(CheckName, NamesTheWholeCharacterThatIsWrong) {
  EXPECT_THAT(CheckName(Field("type"), "größe", Presence::kRequired, 128),
              Refuses("BAD_NAME", "type is 'größe', which contains 'ö': only letters"));
}

TEST(ExactDuration, UsesTheLargestUnitThatDivides) {
  EXPECT_EQ(ExactDuration(0), "0s");
  EXPECT_EQ(ExactDuration(1), "1us");
  EXPECT_EQ(ExactDuration(1500 * kMillisecond), "1500ms");
  EXPECT_EQ(ExactDuration(90 * kSecond), "90s");
  EXPECT_EQ(ExactDuration(48 * kHour), "2d");
}

TEST(CutText, KeepsShortTextAndMarksTheCut) {
  EXPECT_EQ(CutText("short", 5), "short");
  const std::string cut = CutText(std::string(1000, 'x'), 100);
  EXPECT_LE(cut.size(), 100u);
  EXPECT_THAT(cut, ::testing::EndsWith("… [cut, 1000 bytes in all]"));
}

TEST(CutText, NeverCutsInsideACharacter) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "€";  // Three bytes each.
  for (size_t limit = 40; limit < 60; ++limit) {
    const std::string cut = CutText(text, limit);
    EXPECT_EQ(cut.find("…") % 3, 0u) << limit;
  }
}

}  // namespace
}  // namespace baton::service
