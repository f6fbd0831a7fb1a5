// baton submit
#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "client_cli/command_table.h"
#include "client_cli/commands/result_output.h"
#include "client_cli/commands/submit_input.h"
#include "client_cli/commands/submit_options.h"
#include "client_cli/status_details.h"
#include "client_cli/text/duration_text.h"
#include "client_cli/text/enum_text.h"
#include "client_cli/text/message_json.h"
#include "client_cli/waiting.h"

namespace baton::cli {
namespace {

// Of many refused tasks only the first ones are told in full.
constexpr size_t kErrorsShown = 10;

// What was submitted so far.
struct Submission {
  size_t total = 0;
  std::vector<v1::SubmitResult> results;

  bool single() const { return total == 1; }
  std::vector<uint64_t> TaskIds() const {
    std::vector<uint64_t> ids;
    for (const auto& result : results) {
      if (!result.has_error()) ids.push_back(result.task_id());
    }
    return ids;
  }
};

absl::Status Send(Session& session, const std::vector<v1::SubmitRequest>& requests, Submission* submission) {
  for (const auto& request : requests) submission->total += request.tasks_size();
  for (const auto& request : requests) {
    absl::StatusOr<v1::SubmitResponse> response = session.broker().Submit(request, session.call_timeout());
    if (!response.ok()) return response.status();
    if (response->results_size() != request.tasks_size()) {
      return absl::InternalError(absl::StrCat("the broker answered ", response->results_size(), " results for ",
                                              request.tasks_size(), " tasks; is it as new as this program?"));
    }
    for (auto& result : *response->mutable_results()) submission->results.push_back(std::move(result));
  }
  return absl::OkStatus();
}

// Tells on standard error which tasks were refused; the exit code is that of the first.
ExitCode ReportErrors(Session& session, const Submission& submission) {
  ExitCode code = ExitCode::kOk;
  size_t errors = 0;
  for (size_t i = 0; i < submission.results.size(); ++i) {
    if (!submission.results[i].has_error()) continue;
    absl::Status status = StatusFromError(submission.results[i].error());
    if (++errors == 1) code = ExitCodeFor(status);
    if (errors > kErrorsShown) continue;
    std::string where = submission.single() ? "" : absl::StrCat("task ", i + 1, " of ", submission.total, ": ");
    session.Fail(MakeStatus(status.code(), absl::StrCat(where, std::string(status.message())), ReasonOf(status),
                            RetryAfterOf(status)));
  }
  if (errors > kErrorsShown) {
    session.environment().err << "baton: " << errors - kErrorsShown << " more tasks were refused" << std::endl;
  }
  return code;
}

std::string DescribeSingle(const v1::SubmitResult& result) {
  std::string id = absl::StrCat(result.task_id());
  if (result.existing()) {
    return absl::StrCat("Task ", id, " has this unique key already (", EnumText(result.state()),
                        "); nothing was created.");
  }
  std::string text = absl::StrCat("Submitted task ", id, ".");
  if (!result.runnable()) {
    absl::StrAppend(&text, " No live worker can run it yet: it waits. `baton get ", id, "` says what for.");
  }
  return text;
}

// "id 7", "ids 7 to 12"; of one id at least.
std::string IdRange(const std::vector<uint64_t>& ids) {
  const auto [first, last] = std::minmax_element(ids.begin(), ids.end());
  return *first == *last ? absl::StrCat("id ", *first) : absl::StrCat("ids ", *first, " to ", *last);
}

std::string DescribeMany(const Submission& submission) {
  std::vector<uint64_t> created;
  std::vector<uint64_t> existing;
  size_t waiting = 0;
  for (const v1::SubmitResult& result : submission.results) {
    if (result.has_error()) continue;
    (result.existing() ? existing : created).push_back(result.task_id());
    if (!result.runnable()) ++waiting;
  }
  std::string text = "Submitted no task.";
  if (!created.empty()) {
    text = absl::StrCat("Submitted ", created.size(), created.size() == 1 ? " task, " : " tasks, ", IdRange(created),
                        ".");
  }
  if (!existing.empty()) {
    absl::StrAppend(&text, " ", existing.size(), " had a unique key that is in use (", IdRange(existing),
                    "): nothing new was created.");
  }
  if (waiting > 0) absl::StrAppend(&text, " No live worker can run ", waiting, " of them yet: they wait.");
  return text;
}

void PrintSubmission(Session& session, const Submission& submission, bool quiet) {
  std::ostream& out = session.environment().out;
  if (quiet) {
    for (uint64_t id : submission.TaskIds()) out << id << '\n';
  } else if (session.is_table()) {
    bool refused = submission.single() && submission.results[0].has_error();
    if (!refused)
      out << (submission.single() ? DescribeSingle(submission.results[0]) : DescribeMany(submission)) << '\n';
  } else if (submission.single()) {
    session.Print(MessageJson(submission.results[0]));
  } else {
    RecordWriter writer(session, {});
    for (const auto& result : submission.results) writer.Add({}, result);
    writer.Finish("");
  }
}

// A call failed after others had gone through.
void ReportInterrupted(Session& session, const Submission& submission, bool has_request_id) {
  if (submission.single()) return;
  session.environment().err << "Stored before that: " << submission.TaskIds().size() << " of " << submission.total
                            << " tasks."
                            << (has_request_id ? " Repeat the command: what is stored is not created again."
                                               : " With --request-id a repeat would create only the rest.")
                            << std::endl;
}

ExitCode WaitForResults(Session& session, const Submission& submission, absl::Time deadline) {
  std::ostream& err = session.environment().err;
  if (!submission.TaskIds().empty()) {
    err << (submission.single() ? DescribeSingle(submission.results[0]) : DescribeMany(submission)) << std::endl;
  }
  std::vector<v1::Task> ended;
  absl::Status waited = WaitForTasks(session, submission.TaskIds(), deadline, /*reached=*/true,
                                     [&](const v1::Task& task) { ended.push_back(task); });
  if (submission.single() && waited.ok() && !ended.empty()) return PrintResult(session, ended[0]);
  ExitCode code = submission.single() ? ExitCode::kOk : PrintEnded(session, ended);
  return waited.ok() ? code : session.Fail(waited);
}

ExitCode RunSubmit(Session& session, const SubmitArguments& arguments) {
  absl::StatusOr<std::vector<v1::SubmitRequest>> requests = BuildRequests(arguments, session.environment().in);
  if (!requests.ok()) return session.Fail(requests.status());
  std::optional<absl::Duration> wait_timeout = session.options().timeout;
  if (arguments.wait_timeout.has_value()) {
    absl::StatusOr<int64_t> limit = ParseDuration("--wait-timeout", *arguments.wait_timeout);
    if (!limit.ok()) return session.Fail(limit.status());
    wait_timeout = absl::Microseconds(*limit);
  }
  Submission submission;
  absl::Status sent = Send(session, *requests, &submission);
  if (!sent.ok()) {
    if (!submission.results.empty()) PrintSubmission(session, submission, arguments.quiet);
    ExitCode code = session.Fail(sent);
    ReportInterrupted(session, submission, !arguments.request_id.empty());
    return code;
  }
  if (!arguments.wait) {
    PrintSubmission(session, submission, arguments.quiet);
    return ReportErrors(session, submission);
  }
  ExitCode refused = ReportErrors(session, submission);
  if (submission.TaskIds().empty()) return refused;
  ExitCode waited = WaitForResults(session, submission, WaitDeadline(session, wait_timeout));
  return refused != ExitCode::kOk ? refused : waited;
}

}  // namespace

void AddSubmitCommand(CommandTable& commands) {
  auto arguments = std::make_shared<SubmitArguments>();
  CLI::App& command =
      commands.Add("submit", "Submits one task or many",
                   "  baton submit resize --json '{\"url\": \"https://example.org/a.png\"}'\n"
                   "  baton submit resize --json @order.json --priority 5 --timeout 5m --require GPU\n"
                   "  baton submit report --at 2026-11-23T17:00:00Z --unique-key daily --request-id report-2026-11-23\n"
                   "  baton submit resize --json @order.json --trace-parent \"$TRACEPARENT\"\n"
                   "  baton submit count --data @book.txt --content-type text/plain --wait > counts.json\n"
                   "  baton submit resize --jsonl orders.jsonl --tag batch-7 --quiet > ids\n",
                   [arguments](Session& session) { return RunSubmit(session, *arguments); });
  AddSubmitOptions(command, *arguments);
}

}  // namespace baton::cli
