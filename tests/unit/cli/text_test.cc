// Parsing and formatting of what people write and read.
#include <limits>
#include <sstream>

#include "client_cli/commands/task_note.h"
#include "client_cli/text/duration_text.h"
#include "client_cli/text/enum_text.h"
#include "client_cli/text/json_text.h"
#include "client_cli/text/nearest.h"
#include "client_cli/text/rate_text.h"
#include "client_cli/text/style.h"
#include "client_cli/text/table.h"
#include "client_cli/text/time_text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace baton::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string Message(const absl::Status& status) { return std::string(status.message()); }

TEST(Duration, ReadsWhatPeopleWrite) {
  struct Case {
    const char* text;
    int64_t microseconds;
  };
  for (const Case& c : {Case{"0", 0},
                        {"250us", 250},
                        {"500ms", 500'000},
                        {"3s", 3'000'000},
                        {"1.5s", 1'500'000},
                        {".5s", 500'000},
                        {"5m", 300'000'000},
                        {"2h", 7'200'000'000},
                        {"1d", 86'400'000'000},
                        {"1h30m", 5'400'000'000},
                        {"0s", 0},
                        {"0.0000001s", 0}}) {
    absl::StatusOr<int64_t> parsed = ParseDuration("--delay", c.text);
    ASSERT_TRUE(parsed.ok()) << c.text << ": " << parsed.status();
    EXPECT_EQ(*parsed, c.microseconds) << c.text;
  }
}

TEST(Duration, RefusesTheRestWithTheCause) {
  struct Case {
    const char* text;
    const char* cause;
  };
  for (const Case& c : {Case{"", "empty"},
                        {"5", "unit is missing"},
                        {"s", "number is missing"},
                        {".s", "number is missing"},
                        {"-3s", "number is missing"},
                        {"3 s", "unit is missing"},
                        {"3y", "unknown unit \"y\""},
                        {"1h30", "unit is missing"},
                        {"1234567890123456789s", "too many digits"},
                        {"999999999999999999d", "too long"},
                        {"106751992d", "too long"},
                        {"inf", "number is missing"}}) {
    absl::StatusOr<int64_t> parsed = ParseDuration("--delay", c.text);
    ASSERT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument) << c.text;
    EXPECT_THAT(Message(parsed.status()), HasSubstr("--delay")) << c.text;
    EXPECT_THAT(Message(parsed.status()), HasSubstr(c.cause)) << c.text;
  }
}

TEST(Duration, PrintsWhatItReads) {
  for (const char* text : {"0s", "7us", "1.5ms", "500ms", "3s", "1.25s", "5m", "1h30m", "1d2h3m4.5s", "90d"}) {
    EXPECT_EQ(FormatDuration(*ParseDuration("x", text)), text);
  }
  EXPECT_EQ(FormatDuration(-3'000'000), "-3s");
  EXPECT_EQ(FormatDuration(90'000'000), "1m30s");
  int64_t largest = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(*ParseDuration("x", FormatDuration(largest)), largest);
  EXPECT_EQ(FormatDuration(std::numeric_limits<int64_t>::min()), "-" + FormatDuration(largest));
}

TEST(Duration, RoughKeepsTwoParts) {
  EXPECT_EQ(FormatRoughDuration(412'345), "412ms");
  EXPECT_EQ(FormatRoughDuration(3'290'000), "3.2s");
  EXPECT_EQ(FormatRoughDuration(42'900'000), "42s");
  EXPECT_EQ(FormatRoughDuration(312'000'000), "5m12s");
  EXPECT_EQ(FormatRoughDuration(7'512'000'000), "2h5m");
  EXPECT_EQ(FormatRoughDuration(273'999'000'000), "3d4h");
}

TEST(Rate, IsWrittenAsPeopleDo) {
  EXPECT_EQ(RateText(0), "");
  EXPECT_EQ(RateText(0.0004), "<0.01");
  EXPECT_EQ(RateText(0.523), "0.52");
  EXPECT_EQ(RateText(12.34), "12.3");
  EXPECT_EQ(RateText(1870.2), "1870");
  EXPECT_EQ(RateText(1'250'000), "1250000");
}

TEST(Time, ReadsRfc3339WithZone) {
  EXPECT_EQ(*ParseTime("--at", "2026-11-23T17:00:00Z"), 1'795'453'200'000'000);
  EXPECT_EQ(*ParseTime("--at", "2026-11-23T18:00:00.25+01:00"), 1'795'453'200'250'000);
}

TEST(Time, RefusesWhatIsNoPointInTime) {
  for (const char* text :
       {"", "tomorrow", "2026-11-23", "2026-11-23T17:00:00", "infinite-future", "2026-13-01T00:00:00Z"}) {
    absl::StatusOr<int64_t> parsed = ParseTime("--at", text);
    ASSERT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(Message(parsed.status()), HasSubstr("--at")) << text;
    EXPECT_THAT(Message(parsed.status()), HasSubstr("with its zone")) << text;
  }
}

TEST(Time, PrintsForProgramsAndForPeople) {
  absl::Time time = absl::FromUnixMicros(1'795'453'200'250'000);
  EXPECT_EQ(FormatUtc(time), "2026-11-23T17:00:00.25Z");
  EXPECT_EQ(FormatLocal(time, time + absl::Minutes(5), absl::UTCTimeZone()), "2026-11-23 17:00:00 (5m ago)");
  EXPECT_EQ(FormatLocal(time, time - absl::Hours(2), absl::FixedTimeZone(3600)), "2026-11-23 18:00:00 (in 2h)");
}

TEST(Enum, NamesGoWithoutTheirPrefix) {
  EXPECT_EQ(EnumText(v1::TASK_STATE_PERMANENTLY_FAILED), "PERMANENTLY_FAILED");
  EXPECT_EQ(EnumText(static_cast<v1::TaskState>(99)), "UNKNOWN(99)");
  EXPECT_EQ(*ParseEnum<v1::TaskState>("--state", "running"), v1::TASK_STATE_RUNNING);
  EXPECT_EQ(*ParseEnum<v1::UniquePolicy>("--unique-policy", "replace-pending"), v1::UNIQUE_POLICY_REPLACE_PENDING);
}

TEST(Enum, AnUnknownNameListsTheLegalOnes) {
  for (const char* text : {"failed", "", "UNSPECIFIED"}) {
    absl::StatusOr<v1::TaskState> state = ParseEnum<v1::TaskState>("--state", text);
    ASSERT_EQ(state.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(Message(state.status()),
                HasSubstr("PENDING, RUNNING, SUSPENDED, COMPLETED, PERMANENTLY_FAILED, CANCELLED"));
  }
}

TEST(JsonText, AcceptsAnyWellFormedValue) {
  for (const char* text : {"null", "1", "\"x\"", " {\"a\": [1, 2.5e3, {}]} ", "[]", "12345678901234567890123"}) {
    EXPECT_EQ(CheckJson("--json", text), absl::OkStatus()) << text;
  }
}

TEST(JsonText, NamesLineAndColumn) {
  struct Case {
    const char* text;
    const char* place;
  };
  for (const Case& c : {Case{"{\"a\": 1,\n b}", "line 2, column 2"},
                        {"[1, 2", "line 1, column 6"},
                        {"{} x", "line 1, column 4"},
                        {"\n\n{'a': 1}", "line 3, column 2"}}) {
    absl::Status status = CheckJson("--json", c.text);
    ASSERT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << c.text;
    EXPECT_THAT(Message(status), HasSubstr(c.place)) << c.text;
    EXPECT_THAT(Message(status), HasSubstr("--json: not well-formed JSON")) << c.text;
  }
  EXPECT_THAT(Message(CheckJson("--json", " ")), HasSubstr("it is empty"));
  EXPECT_THAT(Message(CheckJson("--json", "\"\xff\"")), HasSubstr("UTF-8"));
}

TEST(JsonText, DeepNestingIsCheckedButNotBuilt) {
  std::string deep = std::string(500'000, '[') + std::string(500'000, ']');
  EXPECT_EQ(CheckJson("--json", deep), absl::OkStatus());
  EXPECT_FALSE(ParseJson(deep).has_value());
  EXPECT_TRUE(ParseJson(std::string(200, '[') + std::string(200, ']')).has_value());
}

TEST(JsonText, KeepsTheOrderOfMembers) {
  EXPECT_EQ(CompactJson(*ParseJson("{\"b\": 1, \"a\": 2}")), "{\"b\":1,\"a\":2}");
}

TEST(Style, NothingSteersTheTerminal) {
  EXPECT_EQ(Printable("a\nb\tc"), "a\\nb\\tc");
  EXPECT_EQ(Printable("\x1b[31mred"), "\\x1b[31mred");
  EXPECT_EQ(Printable("caf\xc3\xa9 \xe2\x80\xa6 \xf0\x9f\x99\x82"), "café … 🙂");
  EXPECT_EQ(Printable("\xc2\x9b"), "\\xc2\\x9b");
  // Overlong, surrogate, beyond the last code point, cut off, lone continuation.
  EXPECT_EQ(Printable("\xc0\xaf"), "\\xc0\\xaf");
  EXPECT_EQ(Printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");
  EXPECT_EQ(Printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
  EXPECT_EQ(Printable("\xe2\x80"), "\\xe2\\x80");
  EXPECT_EQ(Printable("\x80"), "\\x80");
}

TEST(Style, NothingTurnsTheDirectionOfTextOrSeparatesLines) {
  EXPECT_EQ(Printable("a\u202eb\u2066c"), "a\\xe2\\x80\\xaeb\\xe2\\x81\\xa6c");
  EXPECT_EQ(Printable("\u2028\u2029\u202a\u2069"), "\\xe2\\x80\\xa8\\xe2\\x80\\xa9\\xe2\\x80\\xaa\\xe2\\x81\\xa9");
  EXPECT_EQ(Printable("\u2027\u202f\u2065\u206a שלום"), "\u2027\u202f\u2065\u206a שלום") << "what is beside them";
}

TEST(Style, LinesStayLinesWhereTheyMay) {
  EXPECT_EQ(PrintableLines("a\n\tb\r\x1b[2J\x7f"), "a\n\tb\\x0d\\x1b[2J\\x7f");
  EXPECT_EQ(PrintableLines(""), "");
}

TEST(JsonText, NoControlCharacterIsLeft) {
  const std::string text = "\x1b[2J\n\x7f\xc2\x80\xc2\x9f\xc2\xa0ü";
  EXPECT_EQ(CompactJson(Json(text)), "\"\\u001b[2J\\n\\u007f\\u0080\\u009f\xc2\xa0ü\"");
  EXPECT_EQ(ParseJson(CompactJson(Json{{text, text}}))->at(text), text);
  EXPECT_EQ(CompactJson(Json("\u202e \u2066 \u2028 \u2027 \u202f € 漢")),
            "\"\\u202e \\u2066 \\u2028 \u2027 \u202f € 漢\"");
}

TEST(Nearest, IsTheOneThatIsMeant) {
  const std::vector<std::string> names = {"default", "profile", "broker"};
  EXPECT_EQ(Nearest("defalt", names), "default");
  EXPECT_EQ(Nearest("profiles", names), "profile");
  EXPECT_EQ(Nearest("borker", names), "broker");
  EXPECT_EQ(Nearest("", {"b", "a"}), "b") << "the first one of several";
  EXPECT_EQ(Nearest("x", {}), "");
}

TEST(Nearest, IsMeantOnlyIfItIsNear) {
  const std::vector<std::string> names = {"list", "submit", "top"};
  EXPECT_EQ(NearestMeant("lst", names), "list");
  EXPECT_EQ(NearestMeant("sumbit", names), "submit") << "a third of its letters";
  EXPECT_EQ(NearestMeant("to", names), "top") << "one in any case";
  EXPECT_EQ(NearestMeant("ls", names), "");
  EXPECT_EQ(NearestMeant("sumbti", names), "");
  EXPECT_EQ(NearestMeant("", names), "");
  EXPECT_EQ(NearestMeant("x", {}), "");
}

TEST(Style, CutsByColumns) {
  EXPECT_EQ(Shorten("größer", 6), "größer");
  EXPECT_EQ(Shorten("größer", 4), "grö…");
  EXPECT_EQ(Shorten("größer", 0), "größer");
}

TEST(Style, WrapsAtBlanksAndByColumns) {
  EXPECT_THAT(Wrap("one two three", 20, 3), ElementsAre("one two three"));
  EXPECT_THAT(Wrap("one two three", 7, 3), ElementsAre("one two", "three"));
  EXPECT_THAT(Wrap("one two three", 5, 2), ElementsAre("one", "two …"));
  EXPECT_THAT(Wrap("ééééééé", 3, 9), ElementsAre("ééé", "ééé", "é"));
  EXPECT_THAT(Wrap("", 3, 9), ElementsAre(""));
}

TEST(TableText, AlignsColumnsPageByPage) {
  std::ostringstream out;
  Table table(out, {"ID", "NAME", "NOTE"}, {});
  table.AddRow({"1", "größe", ""});
  table.AddRow({"12345", "x", "two\nlines"});
  table.Flush();
  table.AddRow({"7", "y", "z"});
  table.Flush();
  EXPECT_EQ(out.str(),
            "ID     NAME   NOTE\n"
            "1      größe  -\n"
            "12345  x      two\\nlines\n"
            "7      y      z\n");
}

TEST(TableText, CutsTheLastColumnToTheTerminalAndColours) {
  std::ostringstream out;
  Table table(out, {"S", "NOTE"}, {.color = true, .terminal_width = 23});
  table.AddRow({{"R", Color::kRed}, std::string(40, 'n')});
  table.Flush();
  EXPECT_EQ(out.str(), "\x1b[1mS\x1b[0m  \x1b[1mNOTE\x1b[0m\n\x1b[31mR\x1b[0m  " + std::string(19, 'n') + "…\n");
}

TEST(DetailListText, LeavesOutWhatIsEmpty) {
  std::ostringstream out;
  DetailList details(out, {});
  details.Add("type", "resize");
  details.Add("tag", "");
  details.Add("last error", "x\ny");
  details.Print();
  EXPECT_EQ(out.str(), "type        resize\nlast error  x\\ny\n");
}

TEST(TaskNotes, OfAPendingTaskTellWhatIsInItsWay) {
  v1::Task task;
  task.set_state(v1::TASK_STATE_PENDING);
  task.set_waiting_for("no live worker can run it");
  EXPECT_EQ(TaskNote(task), "no live worker can run it");
  task.set_last_error("boom");
  EXPECT_EQ(TaskNote(task), "no live worker can run it; last error: boom");
  task.set_runnable(true);
  EXPECT_EQ(TaskNote(task), "retry after: boom");
}

}  // namespace
}  // namespace baton::cli
