#include "client_cli/commands/history_options.h"

#include "absl/strings/str_cat.h"
#include "client_cli/text/proto_time.h"
#include "client_cli/text/time_text.h"

namespace baton::cli {

void AddHistoryOptions(CLI::App& command, HistoryArguments& arguments) {
  command.add_option("id", arguments.id, "Task")->required()->type_name("ID");
  command.add_flag("--workflow", arguments.workflow, "Of all tasks of the workflow that it belongs to");
  command.add_option("--worker", arguments.worker, "Only of attempts of this worker")->type_name("ID");
  command.add_option("--limit", arguments.limit, "At most so many (default: all)")->type_name("N");
}

absl::StatusOr<v1::Task> GetTask(Session& session, uint64_t id) {
  v1::GetRequest request;
  request.set_task_id(id);
  absl::StatusOr<v1::GetResponse> response = session.broker().Get(request, session.call_timeout());
  if (!response.ok()) return response.status();
  return std::move(*response->mutable_task());
}

absl::Status SetTime(Session& session, absl::string_view option, const std::string& text,
                     const std::function<google::protobuf::Timestamp*()>& field) {
  if (text.empty()) return absl::OkStatus();
  absl::StatusOr<int64_t> time = ParsePastTime(option, text, session.environment().now());
  if (time.ok()) *field() = FromMicroseconds(*time);
  return time.status();
}

Cell OutcomeCell(v1::AttemptOutcome outcome) {
  switch (outcome) {
    case v1::ATTEMPT_OUTCOME_UNSPECIFIED:
      return {"(running)", Color::kCyan};
    case v1::ATTEMPT_OUTCOME_SUCCEEDED:
      return {EnumText(outcome), Color::kGreen};
    case v1::ATTEMPT_OUTCOME_FAILED:
    case v1::ATTEMPT_OUTCOME_TIMED_OUT:
      return {EnumText(outcome), Color::kRed};
    default:
      return {EnumText(outcome), Color::kYellow};
  }
}

}  // namespace baton::cli
