// What the commands share that show events and attempts of a task or of a whole workflow.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "baton/v1/admin.pb.h"
#include "client_cli/session.h"
#include "client_cli/text/enum_text.h"

namespace baton::cli {

struct HistoryArguments {
  std::string id;
  bool workflow = false;
  std::string worker;
  std::string limit = "0";
};

// `arguments` must outlive the command.
void AddHistoryOptions(CLI::App& command, HistoryArguments& arguments);

// Without payload, result and context.
absl::StatusOr<v1::Task> GetTask(Session& session, uint64_t id);

// Sets task_id, or with --workflow root_id, and worker_id of a request.
template <class Request>
absl::Status SetScope(Session& session, const HistoryArguments& arguments, Request* request) {
  absl::StatusOr<uint64_t> id = ParseTaskId(arguments.id);
  if (!id.ok()) return id.status();
  request->set_worker_id(arguments.worker);
  request->set_task_id(arguments.workflow ? 0 : *id);
  if (!arguments.workflow) return absl::OkStatus();
  absl::StatusOr<v1::Task> task = GetTask(session, *id);
  if (task.ok()) request->set_root_id(task->root_id());
  return task.status();
}

// A time of the command line, set in the field that `field` answers; not asked for if `text` is empty.
absl::Status SetTime(Session& session, absl::string_view option, const std::string& text,
                     const std::function<google::protobuf::Timestamp*()>& field);

// The error names the option, and the legal names.
template <class Enum>
absl::StatusOr<std::vector<Enum>> ParseEnums(absl::string_view option, const std::vector<std::string>& texts) {
  std::vector<Enum> values;
  for (const std::string& text : texts) {
    absl::StatusOr<Enum> value = ParseEnum<Enum>(option, text);
    if (!value.ok()) return value.status();
    values.push_back(*value);
  }
  return values;
}

Cell OutcomeCell(v1::AttemptOutcome outcome);

}  // namespace baton::cli
