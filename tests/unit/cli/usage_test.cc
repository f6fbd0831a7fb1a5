// The command line itself: help, global options, mistakes.
#include <string>
#include <vector>

#include "absl/algorithm/container.h"
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

TEST_F(CommandTest, AConnectionIsEncryptedByItsAddressOrByAnyOptionOfTls) {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"stats", "--tls"},
                                             {"stats", "--broker", "tls://127.0.0.1"},
                                             {"stats", "--broker", "tls://127.0.0.1:7461", "--tls"},
                                             {"stats", "--tls-server-name", "broker.example"}}) {
    Run(arguments);
    EXPECT_EQ(connected_to, "tls://127.0.0.1:7461") << arguments[1];
  }
  Run({"stats", "--broker", "unix:/s", "--tls-server-name", "broker.example"});
  EXPECT_EQ(connected_to, "unix:/s");
  Run({"stats", "--broker", "one,two", "--tls"});
  EXPECT_EQ(connected_to, "tls://one:7461");
}

TEST_F(CommandTest, OfSeveralBrokersTheFirstThatAnswersIsAsked) {
  std::vector<std::string> gone;
  broker.info = [&]() -> absl::StatusOr<v1::GetServerInfoResponse> {
    if (absl::c_linear_search(gone, connected_to)) return absl::UnavailableError("connection refused");
    return v1::GetServerInfoResponse();
  };
  Run({"stats", "--broker", "one,two,three:9"});
  EXPECT_EQ(connected_to, "one:7461");
  gone = {"one:7461"};
  Run({"stats", "--broker", "one,two,three:9"});
  EXPECT_EQ(connected_to, "two:7461");
  // The last one is not asked beforehand: its answer is the one that is shown.
  gone = {"one:7461", "two:7461"};
  broker_variable = "one,two,three:9";
  Run({"stats"});
  EXPECT_EQ(connected_to, "three:9");
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
                        {{"stats", "--broker", "unix:/s", "--tls"}, "broker address: \"tls://unix:/s\""},
                        {{"stats", "--tls-ca", "/nowhere"}, "the CA file '/nowhere' cannot be read: No such file"},
                        {{"stats", "--tls-cert", "c.pem"}, "client certificate 'c.pem', but no client key"},
                        {{"stats", "extra"}, "extra"},
                        {{"submit", "hello", "world"}, "world\nA payload is given by --data or --json.\n"},
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
