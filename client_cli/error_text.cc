#include "client_cli/error_text.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "client_cli/broker_client.h"
#include "client_cli/status_details.h"
#include "client_cli/text/duration_text.h"
#include "client_cli/text/style.h"
#include "worker_sdk/src/tls_files.h"

namespace baton::cli {
namespace {

// The last part of gRPC's chain of causes: "failed to connect to all addresses; last error: UNKNOWN:
// ipv4:127.0.0.1:7461: Failed to connect to remote host: Connection refused" gives "connection refused", and
// "error:0A000086:SSL routines::certificate verify failed" gives "certificate verify failed".
std::string ConnectionCause(absl::string_view message) {
  for (absl::string_view mark : {": ", " routines::"}) {
    size_t at = message.rfind(mark);
    if (at != absl::string_view::npos) message.remove_prefix(at + mark.size());
  }
  std::string cause(message);
  if (!cause.empty() && !(cause.size() > 1 && absl::ascii_isupper(cause[1]))) cause[0] = absl::ascii_tolower(cause[0]);
  return cause.empty() ? "no connection" : Printable(cause);
}

std::string Unreachable(const absl::Status& status, absl::string_view address) {
  const std::string advice = internal::TlsAdvice(IsEncrypted(address), status.message());
  return absl::StrCat("cannot reach a broker at ", address, ": ", ConnectionCause(status.message()), ".\n",
                      !advice.empty() ? advice + "."
                                      : "Start one with `batond --data-dir DIR`, or name another with --broker or "
                                        "BATON_BROKER.");
}

// The broker's sentences name calls and fields of the contract; at a terminal there are commands and options.
std::string InCommands(absl::string_view sentence) {
  return absl::StrReplaceAll(sentence, {{"see GetSchedule", "see `baton schedule show`"},
                                        {"see ListJobs", "see `baton bulk list`"},
                                        {"see ListSchedules", "see `baton schedule list`"},
                                        {"see ListTokens", "see `baton token list`"},
                                        {"see ListTypes", "see `baton types`"},
                                        {"see ListWorkers", "see `baton workers`"},
                                        {"UnpauseTask lets it", "`baton unpause` lets it"},
                                        {"or set all if that is meant", "or --all if that is meant"}});
}

// What to do next, where the broker's sentence cannot know it. Empty: nothing to add.
std::string NextStep(const absl::Status& status, absl::string_view address) {
  absl::Duration retry_after = RetryAfterOf(status);
  std::string moment = retry_after > absl::ZeroDuration()
                           ? absl::StrCat("in ", FormatDuration(absl::ToInt64Microseconds(retry_after)))
                           : "in a moment";
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
      return absl::StrCat("The broker at ", address, " is starting or stopping: try again ", moment, ".");
    case absl::StatusCode::kResourceExhausted:
      if (absl::StrContains(status.message(), "larger than max")) {
        return "Keep large data elsewhere and submit a reference to it.";
      }
      if (ReasonOf(status) == "DISK_FULL") return "";  // It says what helps.
      return absl::StrCat("The broker at ", address, " is overloaded: try again ", moment, ".");
    case absl::StatusCode::kNotFound:
      if (ReasonOf(status) == "TASK_NOT_FOUND") return "`baton list` shows the tasks there are.";
      return "";
    case absl::StatusCode::kUnimplemented:
      return absl::StrCat("Is it a Baton broker that listens at ", address, ", and as new as this program?");
    default:
      return "";
  }
}

}  // namespace

std::string DescribeError(const absl::Status& status, absl::string_view address) {
  std::string reason = ReasonOf(status);
  if (absl::IsUnavailable(status) && reason.empty()) return Unreachable(status, address);
  if (absl::IsDeadlineExceeded(status) && reason.empty()) {
    return absl::StrCat("no answer from the broker at ", address,
                        " in time. What was asked may still take effect. Allow more time with --timeout.");
  }
  std::string text = Printable(InCommands(status.message()));
  if (text.empty()) text = absl::StatusCodeToString(status.code());
  if (!reason.empty() && reason != kWaitTimedOut) absl::StrAppend(&text, " (", Printable(reason), ")");
  std::string next = NextStep(status, address);
  return next.empty() ? text : absl::StrCat(text, "\n", next);
}

}  // namespace baton::cli
