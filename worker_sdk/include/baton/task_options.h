// How tasks are executed, and what a new task is.
#ifndef BATON_TASK_OPTIONS_H_
#define BATON_TASK_OPTIONS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "baton/payload.h"

namespace baton::inline sdk {

// How the delay before a retry grows: always the interval, or doubled with every retry up to the cap.
enum class RetryBackoff { kFixed, kExponential };

// What is not set here is taken, in this order, from the handler, for a child from what its parent was given explicitly
// (but capabilities and progress timeout), from the worker's retry strategy (its fields only) and from the broker's
// defaults. Values out of range are refused, never clamped.
struct TaskOptions {
  // Larger runs first. -20 ... 20; default 0.
  std::optional<int> priority = {};
  // Longest time one attempt may take, from the start of its handler. 1 ms ... 30 days; default 60 s.
  std::optional<absl::Duration> timeout = {};
  // Attempts allowed in all, the first included; fresh at each stage. 1 ... 1000; default 3.
  std::optional<int> max_retries = {};
  // Wait before a retry. 0 ... 30 days; default 0.
  std::optional<absl::Duration> retry_interval = {};
  // Default kFixed.
  std::optional<RetryBackoff> retry_backoff = {};
  // Upper bound of an exponential delay. 0 ... 30 days; default 1 h.
  std::optional<absl::Duration> retry_interval_cap = {};
  // Share of each delay that is drawn at random. 0 ... 1; default 0 for kFixed, 0.2 for kExponential.
  std::optional<double> retry_jitter = {};
  // Capabilities that the worker must declare, exact match. Replaces the handler's set; an empty vector needs none. At
  // most 16, each 1 ... 128 bytes of [A-Za-z0-9_.:/-].
  std::optional<std::vector<std::string>> required_capabilities = {};
  // Longest time an attempt may go without Progress() or Audit(): then it times out. 1 ms ... 30 days, 0 for no limit;
  // default no limit.
  std::optional<absl::Duration> progress_timeout = {};
};

// What a submission does when a task of the same type with the same unique key has not ended.
enum class UniquePolicy {
  // Answers with the existing task.
  kReturnExisting,
  // Fails with ALREADY_EXISTS, reason UNIQUE_KEY_IN_USE.
  kReject,
  // Replaces the existing task if it was never claimed; otherwise answers with it.
  kReplacePending,
};

// A task to create.
//
//   NewTask{.type = "resize", .payload = Payload::Json(R"({"width": 80})"), .options = {.priority = 5}}
struct NewTask {
  // Required. Selects the handler: 1 ... 128 bytes of [A-Za-z0-9_.:/-]. It may be a type that no worker has registered
  // yet; the task then waits.
  std::string type = {};
  Payload payload = {};
  // A label to list by; spelt like a type. Optional.
  std::string tag = {};
  TaskOptions options = {};
  // Earliest start, from now. 0 ... 10 years. Excludes `run_at`.
  std::optional<absl::Duration> delay = {};
  // Earliest start by the clock; the past means now, at most 10 years ahead.
  std::optional<absl::Time> run_at = {};
  // Makes the task unique within its type until it ends: 1 ... 256 bytes. Optional; not allowed for children.
  std::string unique_key = {};
  UniquePolicy unique_policy = UniquePolicy::kReturnExisting;
  // From the earliest start on: until the first attempt must have begun, and until the task must have ended, retries,
  // children and waits included. Then it fails for good, and its descendants are cancelled. 1 ms ... 10 years; no limit
  // if unset.
  std::optional<absl::Duration> start_timeout = {};
  std::optional<absl::Duration> total_timeout = {};
  // W3C Trace Context, for those who follow a request through many programs; the handler reads it. The header
  // `traceparent`, 00-<32 hex digits>-<16 hex digits>-<2 hex digits> in lower case, and the header `tracestate` that
  // goes with it, at most 512 bytes of printable ASCII. Optional; a child without one has that of its parent.
  std::string trace_parent = {};
  std::string trace_state = {};
};

}  // namespace baton::inline sdk

#endif  // BATON_TASK_OPTIONS_H_
