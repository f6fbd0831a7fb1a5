// The command line itself: help, global options, mistakes.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/cli/fake_broker.h"

namespace baton::cli {
namespace {

using testing::HasSubstr;

constexpr const char* kCommands[] = {"backup", "backups", "submit",   "get",      "result",    "wait",  "cancel",
                                     "resume", "list",    "events",   "attempts", "workers",   "types", "stats",
                                     "info",   "version", "schedule", "explain",  "retention", "tree",  "delete",
                                     "bulk",   "audit",   "summary",  "watch",    "top",       "token"};

TEST_F(CommandTest, EveryCommandHasHelpWithExamples) {
  EXPECT_EQ(Run({"--help"}), ExitCode::kOk);
  EXPECT_THAT(out.str(), HasSubstr("Exit codes:"));
  for (const char* command : kCommands) {
    EXPECT_EQ(Run({command, "--help"}), ExitCode::kOk) << command;
    EXPECT_THAT(out.str(), HasSubstr(std::string("Examples:\n  baton ") + command)) << command;
    EXPECT_EQ(err.str(), "") << command;
  }
  EXPECT_EQ(connected_to, "");
}

TEST_F(CommandTest, VersionAsksNoBroker) {
  EXPECT_EQ(Run({"version"}), ExitCode::kOk);
  EXPECT_EQ(out.str(), "baton 1.2.3\n");
  EXPECT_EQ(Run({"--version"}), ExitCode::kOk);
  EXPECT_EQ(out.str(), "baton 1.2.3\n");
  EXPECT_EQ(Run({"version", "-o", "jsonl"}), ExitCode::kOk);
  EXPECT_EQ(out.str(), "{\"version\":\"1.2.3\"}\n");
  EXPECT_EQ(connected_to, "");
}

TEST_F(CommandTest, TheOptionWinsOverTheVariable) {
  broker_variable = "from-variable:1";
  Run({"stats"});
  EXPECT_EQ(connected_to, "from-variable:1");
  Run({"stats", "--broker", "from-option"});
  EXPECT_EQ(connected_to, "from-option:7461");
}

TEST_F(CommandTest, MistakesNameTheWordAndTheCure) {
  struct Case {
    std::vector<std::string> arguments;
    const char* message;
  };
  for (const Case& c : {Case{{}, "a command is missing; the commands are submit, get"},
                        {{"sumbit"}, "unknown command or option \"sumbit\"; the commands are submit"},
                        {{"--nonsense"}, "\"--nonsense\""},
                        {{"stats", "-o", "xml"}, "--format: unknown format \"xml\"; it is one of table, json, jsonl"},
                        {{"stats", "--timeout", "5"}, "--timeout: \"5\" is not a duration"},
                        {{"stats", "--timeout", "0"}, "--timeout: 0"},
                        {{"stats", "--broker", "http://x"}, "broker address: \"http://x\""},
                        {{"stats", "extra"}, "extra"},
                        {{"get"}, "See `baton get --help`."}}) {
    EXPECT_EQ(Run(c.arguments), ExitCode::kBadInput) << c.message;
    EXPECT_THAT(err.str(), HasSubstr(c.message));
    EXPECT_EQ(out.str(), "");
  }
  EXPECT_EQ(connected_to, "");
}

TEST_F(CommandTest, OutputThatCannotBeWrittenIsAnError) {
  out.setstate(std::ios::badbit);
  EXPECT_EQ(Run({"version"}), ExitCode::kOther);
  EXPECT_THAT(err.str(), HasSubstr("cannot write to standard output"));
}

TEST_F(CommandTest, AnUnreachableBrokerIsNamed) {
  broker.statistics = []() -> absl::StatusOr<v1::GetStatisticsResponse> {
    return absl::UnavailableError(
        "failed to connect to all addresses; last error: UNKNOWN: ipv4:1.2.3.4:5: "
        "Failed to connect to remote host: Connection refused");
  };
  EXPECT_EQ(Run({"stats", "--broker", "1.2.3.4:5"}), ExitCode::kUnavailable);
  EXPECT_THAT(err.str(), HasSubstr("baton: cannot reach a broker at 1.2.3.4:5: connection refused.\nStart one with"));
}

}  // namespace
}  // namespace baton::cli
