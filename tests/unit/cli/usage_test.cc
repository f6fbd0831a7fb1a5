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
using testing::Not;

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
                        {{"list", "--parent", "x"}, "--parent: \"x\" is not a task id"},
                        {{"list", "--root", "0"}, "--root: \"0\" is not a task id"},
                        {{"schedule", "create"}, "baton schedule create: name is required\nSee `baton schedule create"},
                        {{"retention", "run"}, "See `baton retention run --help`."},
                        {{"submit", "hello", "world"}, "world\nA payload is given by --data or --json.\n"},
                        {{"get"}, "See `baton get --help`."}}) {
    EXPECT_EQ(Run(c.arguments), ExitCode::kBadInput) << c.message;
    EXPECT_THAT(err.str(), HasSubstr(c.message));
    EXPECT_EQ(out.str(), "");
  }
  EXPECT_EQ(connected_to, "");
}

TEST_F(CommandTest, TheCommandThatWasMeantIsNamed) {
  EXPECT_EQ(Run({"lst"}), ExitCode::kBadInput);
  EXPECT_THAT(err.str(), HasSubstr("\nDid you mean `baton list`?\nSee `baton --help`.\n"));
  EXPECT_EQ(Run({"schedule", "lst"}), ExitCode::kBadInput);
  EXPECT_THAT(err.str(), HasSubstr("\nDid you mean `baton schedule list`?\nSee `baton schedule --help`.\n"));
  for (const char* word : {"frobnicate", "--lst", "complet"}) {
    EXPECT_EQ(Run({word}), ExitCode::kBadInput);
    EXPECT_THAT(err.str(), Not(HasSubstr("Did you mean"))) << word;
  }
}

TEST_F(CommandTest, EmptyValuesThatWouldCountAsNotGivenAreRefused) {
  using Words = std::vector<std::string>;
  for (const Words& words : {Words{"stats", "--broker"},
                             {"stats", "--profile"},
                             {"stats", "--token-file"},
                             {"stats", "--tls-ca"},
                             {"stats", "--tls-cert"},
                             {"stats", "--tls-server-name"},
                             {"stats", "--timeout"},
                             {"approvals", "--type"},
                             {"approvals", "--tag"},
                             {"approvals", "--reason"},
                             {"doctor", "--data-dir"},
                             {"schedule", "preview", "@daily", "--time-zone"},
                             {"schedule", "create", "n", "@daily", "report", "--time-zone"},
                             {"token", "rotate", "n", "--keep-old"},
                             {"token", "create", "n", "--role", "work", "--expires"},
                             {"token", "create", "n", "--role", "work", "--type-prefix"}}) {
    Words with_nothing = words;
    with_nothing.emplace_back("");
    EXPECT_EQ(Run(with_nothing), ExitCode::kBadInput) << words.back();
    EXPECT_THAT(err.str(), HasSubstr(words.back() + ": it is empty; leave it out"));
  }
  EXPECT_EQ(connected_to, "");
}

TEST_F(CommandTest, TextThatIsNotUtf8NamesItsArgument) {
  using Words = std::vector<std::string>;
  struct Case {
    Words arguments;
    const char* message;
  };
  for (const Case& c : {Case{{"cancel", "2", "--reason", "\xff"}, "baton: --reason: \"\\xff\" is not UTF-8; the "},
                        {{"submit", "caf\xe9"}, "type: \"caf\\xe9\" is not UTF-8"},
                        {{"submit", "t", "--tag", "\xff"}, "--tag:"},
                        {{"submit", "t", "--unique-key", "\xff"}, "--unique-key:"},
                        {{"submit", "t", "--request-id", "\xff"}, "--request-id:"},
                        {{"submit", "t", "--require", "GPU", "--require", "\xc0\xaf"}, "--require:"},
                        {{"submit", "t", "--data", "x", "--content-type", "\xff"}, "--content-type:"},
                        {{"list", "--type", "\xff"}, "--type:"},
                        {{"types", "pause", "mail", "\xff"}, "type:"},
                        {{"token", "create", "\xff", "--role", "work"}, "name:"},
                        {{"--profile", "\xff", "stats"}, "--profile:"}}) {
    EXPECT_EQ(Run(c.arguments), ExitCode::kBadInput) << c.message;
    EXPECT_THAT(err.str(), HasSubstr(c.message));
    EXPECT_THAT(err.str(), HasSubstr("has to be UTF-8"));
  }
  EXPECT_EQ(connected_to, "");
}

TEST_F(CommandTest, PayloadsAndPathsMayBeAnyBytes) {
  v1::SubmitRequest sent;
  broker.submit = [&](const v1::SubmitRequest& request, absl::Duration) {
    sent = request;
    v1::SubmitResponse response;
    response.add_results()->set_task_id(1);
    return absl::StatusOr<v1::SubmitResponse>(response);
  };
  EXPECT_EQ(Run({"submit", "t", "--data", "\xff"}), ExitCode::kOk) << err.str();
  EXPECT_EQ(sent.tasks(0).payload().data(), "\xff");
  EXPECT_EQ(Run({"submit", "t", "--data", "@/nowhere/\xff"}), ExitCode::kBadInput);
  EXPECT_THAT(err.str(), HasSubstr("--data: cannot read /nowhere/\\xff"));
  EXPECT_EQ(Run({"complete", "--", "\xff"}), ExitCode::kOk);
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
