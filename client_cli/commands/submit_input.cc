#include "client_cli/commands/submit_input.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client_cli/session.h"
#include "client_cli/text/duration_text.h"
#include "client_cli/text/enum_text.h"
#include "client_cli/text/payload_text.h"
#include "client_cli/text/time_text.h"

namespace baton::cli {
namespace {

// The contract's limits of one call, less some room for the frame.
constexpr int kMaxTasks = 1000;
constexpr size_t kMaxBytes = 4 * 1024 * 1024 - 64 * 1024;
// More identical tasks than this in one command are taken for a slip of the finger.
constexpr uint64_t kMaxCount = 10'000'000;

// Sets a duration field if the option was given.
template <class Message>
absl::Status SetDuration(const char* option, const std::optional<std::string>& text, Message* message,
                         void (Message::*set)(int64_t)) {
  if (!text.has_value()) return absl::OkStatus();
  absl::StatusOr<int64_t> microseconds = ParseDuration(option, *text);
  if (!microseconds.ok()) return microseconds.status();
  (message->*set)(*microseconds);
  return absl::OkStatus();
}

absl::Status FillRetryOptions(const SubmitArguments& arguments, v1::TaskOptions* options) {
  if (arguments.max_retries.has_value()) options->set_max_retries(*arguments.max_retries);
  if (arguments.retry_jitter.has_value()) options->set_retry_jitter(*arguments.retry_jitter);
  if (arguments.retry_backoff.has_value()) {
    auto backoff = ParseEnum<v1::RetryBackoff>("--retry-backoff", *arguments.retry_backoff);
    if (!backoff.ok()) return backoff.status();
    options->set_retry_backoff(*backoff);
  }
  absl::Status status =
      SetDuration("--retry-interval", arguments.retry_interval, options, &v1::TaskOptions::set_retry_interval_us);
  status.Update(SetDuration("--retry-cap", arguments.retry_cap, options, &v1::TaskOptions::set_retry_interval_cap_us));
  return status;
}

absl::Status FillOptions(const SubmitArguments& arguments, v1::TaskOptions* options) {
  if (arguments.priority.has_value()) options->set_priority(*arguments.priority);
  if (arguments.require_none) options->mutable_required_capabilities();
  for (const std::string& name : arguments.required_capabilities) {
    options->mutable_required_capabilities()->add_names(name);
  }
  absl::Status status = SetDuration("--timeout", arguments.timeout, options, &v1::TaskOptions::set_timeout_us);
  status.Update(SetDuration("--progress-timeout", arguments.progress_timeout, options,
                            &v1::TaskOptions::set_progress_timeout_us));
  status.Update(FillRetryOptions(arguments, options));
  return status;
}

absl::Status FillStart(const SubmitArguments& arguments, v1::NewTask* task) {
  if (arguments.run_at.has_value()) {
    absl::StatusOr<int64_t> time = ParseTime("--at", *arguments.run_at);
    if (!time.ok()) return time.status();
    task->set_run_at_us(*time);
  }
  absl::Status status =
      SetDuration("--start-timeout", arguments.start_timeout, task, &v1::NewTask::set_start_timeout_us);
  status.Update(SetDuration("--total-timeout", arguments.total_timeout, task, &v1::NewTask::set_total_timeout_us));
  status.Update(SetDuration("--delay", arguments.delay, task, &v1::NewTask::set_delay_us));
  return status;
}

// Everything but the payload.
absl::StatusOr<v1::NewTask> BuildTask(const SubmitArguments& arguments) {
  v1::NewTask task;
  task.set_type(arguments.type);
  task.set_tag(arguments.tag);
  task.set_trace_parent(arguments.trace_parent);
  task.set_trace_state(arguments.trace_state);
  task.set_unique_key(arguments.unique_key);
  if (arguments.unique_policy.has_value()) {
    auto policy = ParseEnum<v1::UniquePolicy>("--unique-policy", *arguments.unique_policy);
    if (!policy.ok()) return policy.status();
    task.set_unique_policy(*policy);
  }
  v1::TaskOptions options;
  absl::Status status = FillOptions(arguments, &options);
  status.Update(FillStart(arguments, &task));
  if (!status.ok()) return status;
  if (options.ByteSizeLong() > 0) *task.mutable_options() = std::move(options);
  return task;
}

// One payload for each line that is not blank.
absl::StatusOr<std::vector<v1::Payload>> ReadJsonLines(const std::string& argument, std::istream& input) {
  // A file may be written with or without the '@' that other options need to tell it from text.
  bool literal_name = argument != "-" && argument.substr(0, 1) != "@";
  absl::StatusOr<std::string> text = ReadArgument("--jsonl", literal_name ? "@" + argument : argument, input);
  if (!text.ok()) return text.status();
  std::vector<v1::Payload> payloads;
  size_t number = 0;
  for (absl::string_view line : absl::StrSplit(*text, '\n')) {
    ++number;
    if (line.find_first_not_of(" \t\r") == absl::string_view::npos) continue;
    absl::Status well_formed = CheckJson(absl::StrCat("--jsonl (", argument, ")"), line, number);
    if (!well_formed.ok()) return well_formed;
    payloads.emplace_back().set_json(std::string(line));
  }
  if (payloads.empty()) return absl::InvalidArgumentError(absl::StrCat("--jsonl ", argument, ": it has no lines"));
  return payloads;
}

absl::StatusOr<std::vector<v1::Payload>> ReadPayloads(const SubmitArguments& arguments, std::istream& input) {
  if (arguments.json_lines.has_value()) return ReadJsonLines(*arguments.json_lines, input);
  absl::StatusOr<v1::Payload> payload = v1::Payload();
  if (arguments.json.has_value()) payload = ReadJsonPayload("--json", *arguments.json, input);
  if (arguments.data.has_value()) payload = ReadDataPayload("--data", *arguments.data, input);
  if (!payload.ok()) return payload.status();
  return std::vector<v1::Payload>{*std::move(payload)};
}

// Cuts tasks into calls.
class RequestCutter {
 public:
  absl::Status Add(const v1::NewTask& task) {
    size_t bytes = task.ByteSizeLong();
    if (bytes > kMaxBytes) {
      return absl::InvalidArgumentError(absl::StrCat("payload: the task takes ", bytes, " bytes, a call at most ",
                                                     kMaxBytes,
                                                     "; keep large data elsewhere and submit a reference to it"));
    }
    if (requests_.empty() || requests_.back().tasks_size() == kMaxTasks || bytes_ + bytes > kMaxBytes) {
      requests_.emplace_back();
      bytes_ = 0;
    }
    // The frame of a repeated message takes up to six bytes.
    bytes_ += bytes + 6;
    *requests_.back().add_tasks() = task;
    return absl::OkStatus();
  }

  std::vector<v1::SubmitRequest> Finish(const std::string& request_id) && {
    for (size_t i = 0; i < requests_.size() && !request_id.empty(); ++i) {
      requests_[i].set_request_id(requests_.size() == 1 ? request_id : absl::StrCat(request_id, ".", i + 1));
    }
    return std::move(requests_);
  }

 private:
  std::vector<v1::SubmitRequest> requests_;
  size_t bytes_ = 0;
};

}  // namespace

absl::StatusOr<v1::NewTask> BuildSingleTask(const SubmitArguments& arguments, std::istream& input) {
  absl::StatusOr<v1::NewTask> task = BuildTask(arguments);
  if (!task.ok()) return task.status();
  absl::StatusOr<std::vector<v1::Payload>> payloads = ReadPayloads(arguments, input);
  if (!payloads.ok()) return payloads.status();
  v1::Payload& payload = payloads->front();
  if (!arguments.content_type.empty()) payload.set_content_type(arguments.content_type);
  if (payload.ByteSizeLong() > 0) *task->mutable_payload() = std::move(payload);
  return task;
}

absl::StatusOr<std::vector<v1::SubmitRequest>> BuildRequests(const SubmitArguments& arguments, std::istream& input) {
  absl::StatusOr<uint64_t> count = ParseCount("--count", arguments.count.value_or("1"), 1, kMaxCount);
  if (!count.ok()) return count.status();
  absl::StatusOr<v1::NewTask> task = BuildTask(arguments);
  if (!task.ok()) return task.status();
  absl::StatusOr<std::vector<v1::Payload>> payloads = ReadPayloads(arguments, input);
  if (!payloads.ok()) return payloads.status();
  RequestCutter cutter;
  for (v1::Payload& payload : *payloads) {
    if (!arguments.content_type.empty()) payload.set_content_type(arguments.content_type);
    if (payload.ByteSizeLong() > 0) *task->mutable_payload() = std::move(payload);
    for (uint64_t i = 0; i < *count; ++i) {
      absl::Status added = cutter.Add(*task);
      if (!added.ok()) return added;
    }
  }
  return std::move(cutter).Finish(arguments.request_id);
}

}  // namespace baton::cli
