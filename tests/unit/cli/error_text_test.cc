// Failures: exit codes, and sentences that say what to do next.
#include "client_cli/error_text.h"

#include "client_cli/broker_client.h"
#include "client_cli/exit_code.h"
#include "client_cli/status_details.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace baton::cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST(ExitCodes, AreStable) {
  struct Case {
    absl::StatusCode status;
    int exit_code;
  };
  for (const Case& c : {Case{absl::StatusCode::kOk, 0},
                        {absl::StatusCode::kInvalidArgument, 2},
                        {absl::StatusCode::kOutOfRange, 2},
                        {absl::StatusCode::kNotFound, 3},
                        {absl::StatusCode::kFailedPrecondition, 4},
                        {absl::StatusCode::kAlreadyExists, 4},
                        {absl::StatusCode::kAborted, 4},
                        {absl::StatusCode::kUnavailable, 5},
                        {absl::StatusCode::kResourceExhausted, 5},
                        {absl::StatusCode::kDeadlineExceeded, 6},
                        {absl::StatusCode::kInternal, 7},
                        {absl::StatusCode::kUnimplemented, 7},
                        {absl::StatusCode::kUnknown, 7}}) {
    EXPECT_EQ(static_cast<int>(ExitCodeFor(absl::Status(c.status, "x"))), c.exit_code) << static_cast<int>(c.status);
  }
  EXPECT_EQ(static_cast<int>(ExitCode::kTaskDidNotComplete), 1);
}

TEST(ExitCodes, AMessageOverTheLimitIsBadInputNotOverload) {
  absl::Status status = absl::ResourceExhaustedError("Received message larger than max (5000000 vs. 4194304)");
  EXPECT_EQ(ExitCodeFor(status), ExitCode::kBadInput);
  EXPECT_THAT(DescribeError(status, "b:1"), HasSubstr("submit a reference"));
}

TEST(ErrorText, AnUnreachableBroker) {
  absl::Status status = absl::UnavailableError(
      "failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:7461: Failed to connect to remote host: "
      "Connection refused");
  EXPECT_EQ(DescribeError(status, "127.0.0.1:7461"),
            "cannot reach a broker at 127.0.0.1:7461: connection refused.\n"
            "Start one with `batond --data-dir DIR`, or name another with --broker or BATON_BROKER.");
}

TEST(ErrorText, AConnectionThatFailsForTlsSaysWhatToDo) {
  const auto told = [](const char* address, const std::string& cause) {
    return DescribeError(absl::UnavailableError("failed to connect to all addresses; last error: UNKNOWN: " + cause),
                         address);
  };
  EXPECT_THAT(told("b:1", "ipv4:127.0.0.1:1: Socket closed"),
              AllOf(HasSubstr("socket closed.\n"), HasSubstr("write tls://"), HasSubstr("--tls-ca")));
  EXPECT_THAT(told("tls://b:1", "ipv4:127.0.0.1:1: Socket closed"), HasSubstr("--tls-cert"));
  EXPECT_THAT(told("tls://b:1", "Ssl handshake failed: error:0A000086:SSL routines::certificate verify failed"),
              AllOf(HasSubstr("certificate verify failed.\n"), HasSubstr("--tls-ca"), HasSubstr("expired")));
  EXPECT_THAT(told("tls://b:1", "Peer name b is not in peer certificate"), HasSubstr("--tls-server-name"));
  EXPECT_THAT(told("tls://b:1", "Ssl handshake failed: error:0A00010B:SSL routines::wrong version number"),
              HasSubstr("does not speak TLS"));
  EXPECT_THAT(told("tls://b:1", "Failed to connect to remote host: Connection refused"), HasSubstr("Start one with"));
}

TEST(ErrorText, ABrokerThatRefusesIsNotCalledUnreachable) {
  absl::Status draining =
      MakeStatus(absl::StatusCode::kUnavailable, "the broker is draining", "DRAINING", absl::Milliseconds(1500));
  EXPECT_EQ(DescribeError(draining, "b:1"),
            "the broker is draining (DRAINING)\nThe broker at b:1 is starting or stopping: try again in 1.5s.");
  absl::Status overloaded = MakeStatus(absl::StatusCode::kResourceExhausted, "too much", "OVERLOADED");
  EXPECT_THAT(DescribeError(overloaded, "b:1"), HasSubstr("overloaded: try again in a moment"));
}

TEST(ErrorText, OthersKeepTheBrokersSentence) {
  EXPECT_EQ(DescribeError(MakeStatus(absl::StatusCode::kNotFound, "no task 9", "TASK_NOT_FOUND"), "b:1"),
            "no task 9 (TASK_NOT_FOUND)\n`baton list` shows the tasks there are.");
  EXPECT_EQ(DescribeError(absl::FailedPreconditionError("it is \x1b[2J"), "b:1"), "it is \\x1b[2J");
  EXPECT_THAT(DescribeError(absl::DeadlineExceededError("Deadline Exceeded"), "b:1"),
              HasSubstr("may still take effect"));
  EXPECT_EQ(DescribeError(absl::InternalError(""), "b:1"), "INTERNAL");
}

TEST(ErrorText, CallsOfTheContractAreNamedAsCommands) {
  const auto told = [](const char* sentence) { return DescribeError(absl::NotFoundError(sentence), "b:1"); };
  EXPECT_EQ(told("there is no schedule 'n': see ListSchedules"), "there is no schedule 'n': see `baton schedule list`");
  EXPECT_EQ(told("schedule 'n' is not paused: see GetSchedule"),
            "schedule 'n' is not paused: see `baton schedule show`");
  EXPECT_EQ(told("there is no job 9 (any more): see ListJobs"), "there is no job 9 (any more): see `baton bulk list`");
  EXPECT_EQ(told("task 7 is not suspended but PENDING, and paused: UnpauseTask lets it go on"),
            "task 7 is not suspended but PENDING, and paused: `baton unpause` lets it go on");
  EXPECT_EQ(told("filter has no condition, which means every task: set one, or set all if that is meant"),
            "filter has no condition, which means every task: set one, or --all if that is meant");
}

TEST(StatusDetails, ReadsReasonAndAdvice) {
  v1::ErrorInfo info;
  info.set_reason("OVERLOADED");
  (*info.mutable_metadata())["retry_after_us"] = "250000";
  v1::Status details;
  details.add_details()->set_type_url("type.googleapis.com/other.Thing");
  auto* detail = details.add_details();
  detail->set_type_url("type.googleapis.com/baton.v1.ErrorInfo");
  detail->set_value(info.SerializeAsString());
  absl::Status status = StatusFromDetails(8, "busy", details.SerializeAsString());
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReasonOf(status), "OVERLOADED");
  EXPECT_EQ(RetryAfterOf(status), absl::Milliseconds(250));
}

TEST(StatusDetails, DamagedDetailsDoNotHideTheError) {
  absl::Status status = StatusFromDetails(5, "no task 9", "\xff\xff not a message");
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(status.message(), "no task 9");
  EXPECT_EQ(ReasonOf(status), "");
  EXPECT_EQ(RetryAfterOf(status), absl::ZeroDuration());
}

TEST(BrokerAddress, FillsInThePort) {
  EXPECT_EQ(*NormalizeAddress("127.0.0.1:7461"), "127.0.0.1:7461");
  EXPECT_EQ(*NormalizeAddress("broker.example"), "broker.example:7461");
  EXPECT_EQ(*NormalizeAddress("[::1]"), "[::1]:7461");
  EXPECT_EQ(*NormalizeAddress("[::1]:9"), "[::1]:9");
  EXPECT_EQ(*NormalizeAddress("unix:/run/baton.sock"), "unix:/run/baton.sock");
  EXPECT_EQ(*NormalizeAddress("tls://broker.example"), "tls://broker.example:7461");
  EXPECT_EQ(*NormalizeAddress("tls://[::1]:9"), "tls://[::1]:9");
  EXPECT_EQ(*NormalizeAddress("one, tls://two:9,unix:/run/baton.sock"), "one:7461,tls://two:9,unix:/run/baton.sock");
}

TEST(BrokerAddress, OfSeveralNoneIsInTheClearBehindAnEncryptedOne) {
  const TlsOptions tls;
  EXPECT_EQ(*EncryptAddress("one:1,tls://two:2,three:3,unix:/s", tls, false),
            "one:1,tls://two:2,tls://three:3,unix:/s");
  EXPECT_EQ(*EncryptAddress("one:1,two:2", tls, false), "one:1,two:2");
  EXPECT_EQ(*EncryptAddress("one:1,two:2", tls, true), "tls://one:1,tls://two:2");
}

TEST(BrokerAddress, RefusesWhatIsNoAddress) {
  for (const char* text :
       {"", "http://localhost:7461", "a b", "unix:", "tls://", "tls://unix:/s", "tls://h:1/x", "one,,two", "one,",
        "h:0", "h:x", "::1"}) {
    absl::StatusOr<std::string> address = NormalizeAddress(text);
    ASSERT_EQ(address.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(address.status().message()),
                AllOf(HasSubstr("HOST:PORT"), HasSubstr("in --broker or BATON_BROKER")))
        << text;
  }
}

}  // namespace
}  // namespace baton::cli
