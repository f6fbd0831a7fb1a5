// What `baton submit` was told, made into requests.
#pragma once

#include <cstdint>
#include <istream>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "baton/v1/broker.pb.h"

namespace baton::cli {

// The options of the command as they were written; see its --help.
struct SubmitArguments {
  std::string type;
  std::optional<std::string> json;
  std::optional<std::string> data;
  std::string content_type;
  std::optional<std::string> json_lines;
  std::optional<std::string> count;

  std::optional<int32_t> priority;
  std::optional<std::string> timeout;
  std::optional<int32_t> max_retries;
  std::optional<std::string> retry_interval;
  std::optional<std::string> retry_backoff;
  std::optional<std::string> retry_cap;
  std::optional<double> retry_jitter;
  std::optional<std::string> progress_timeout;
  std::optional<std::string> start_timeout;
  std::optional<std::string> total_timeout;
  std::vector<std::string> required_capabilities;
  bool require_none = false;

  std::string tag;
  std::optional<std::string> delay;
  std::optional<std::string> run_at;
  std::string trace_parent;
  std::string trace_state;
  std::string unique_key;
  std::optional<std::string> unique_policy;
  std::string request_id;

  bool wait = false;
  std::optional<std::string> wait_timeout;
  bool quiet = false;
};

// The calls to make, in order: tasks are cut into calls by count and by bytes, the same way for the same input, so that
// repeating the command repeats the calls. A single call has the request id as given, of several the n-th has ".n"
// added. Everything that can be wrong without asking the broker is found here.
absl::StatusOr<std::vector<v1::SubmitRequest>> BuildRequests(const SubmitArguments& arguments, std::istream& input);

// The one task, for a schedule; only its payload and options are looked at.
absl::StatusOr<v1::NewTask> BuildSingleTask(const SubmitArguments& arguments, std::istream& input);

}  // namespace baton::cli
