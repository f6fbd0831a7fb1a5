#include "client_cli/commands/history_options.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
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

std::string EventDetail(Session& session, const v1::Event& event) {
  std::vector<std::string> parts;
  if (event.from_state() != event.to_state() && event.to_state() != v1::TASK_STATE_UNSPECIFIED) {
    parts.push_back(absl::StrCat("now ", EnumText(event.to_state())));
  }
  if (event.has_checkpoint()) {
    const v1::Checkpoint& checkpoint = event.checkpoint();
    parts.push_back(checkpoint.message().empty() || checkpoint.message() == checkpoint.code()
                        ? checkpoint.code()
                        : absl::StrCat(checkpoint.code(), ": ", checkpoint.message()));
    if (!checkpoint.metadata_json().empty()) parts.push_back(checkpoint.metadata_json());
  }
  if (event.has_progress()) {
    if (event.progress().has_percent()) parts.push_back(absl::StrCat(event.progress().percent(), "%"));
    if (!event.progress().text().empty()) parts.push_back(event.progress().text());
  }
  if (event.children() > 0) {
    parts.push_back(absl::StrCat(event.children(), event.children() == 1 ? " child" : " children"));
  }
  if (event.has_next_due()) parts.push_back(absl::StrCat("due ", session.Local(ToTime(event.next_due()))));
  if (!event.reason().empty()) parts.push_back(event.reason());
  return absl::StrJoin(parts, "; ");
}

std::string EventTime(Session& session, const google::protobuf::Timestamp& time) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%E3S", ToTime(time), session.environment().time_zone);
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
