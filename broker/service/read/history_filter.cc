#include "broker/service/read/history_filter.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/service/read/convert.h"

namespace baton::service {
namespace {

using google::protobuf::Timestamp;

constexpr int32_t kNanosPerSecond = 1'000'000'000;
// The years 1 to 9999, as everywhere in protobuf.
constexpr int64_t kFirstSecond = -62'135'596'800;
constexpr int64_t kLastSecond = 253'402'300'799;

// To be compared.
std::pair<int64_t, int32_t> Instant(const Timestamp& time) { return {time.seconds(), time.nanos()}; }

Error BadFilter(std::string message) { return InvalidArgument("BAD_FILTER", std::move(message)); }

template <typename Request>
Error CheckScope(const Request& request) {
  if (request.task_id() == 0 && request.root_id() == 0) {
    return InvalidArgument("FIELD_REQUIRED",
                           "task_id or root_id is required: send the id of a task, or that of the root of a workflow");
  }
  if (request.task_id() == 0 || request.root_id() == 0) return {};
  return BadFilter(absl::StrCat("task_id is ", request.task_id(), " and root_id is ", request.root_id(),
                                ": set task_id for one task, or root_id for a whole workflow"));
}

// What is unset is 0 seconds, and passes.
Error CheckWindow(const char* since_field, const Timestamp& since, const char* until_field, const Timestamp& until,
                  bool has_both) {
  Error error = CheckTime(since_field, since);
  if (error.ok()) error = CheckTime(until_field, until);
  if (!error.ok() || !has_both || Instant(since) <= Instant(until)) return error;
  return BadFilter(absl::StrCat(since_field, " is after ", until_field, ": nothing can be in between; exchange them"));
}

bool IsWithin(bool has_since, const Timestamp& since, bool has_until, const Timestamp& until, const Timestamp& time) {
  if (has_since && Instant(time) < Instant(since)) return false;
  return !has_until || Instant(time) <= Instant(until);
}

template <typename Values, typename Value>
bool IsOneOf(const Values& values, Value value) {
  return values.empty() || std::find(values.begin(), values.end(), value) != values.end();
}

}  // namespace

Error CheckConditions(const v1::ListEventsRequest& request) {
  Error error = CheckScope(request);
  if (!error.ok()) return error;
  for (const int type : request.types()) {
    if (type != v1::EVENT_TYPE_UNSPECIFIED && v1::EventType_IsValid(type)) continue;
    return BadFilter(absl::StrCat("types has ", type, ", which is no type of events: use values of EventType but 0"));
  }
  if (request.attempt() < 0) {
    return BadFilter(absl::StrCat("attempt is ", request.attempt(),
                                  ": attempts are counted from 1; 0 is for events "
                                  "that belong to none"));
  }
  if (request.stage() < 0) return BadFilter(absl::StrCat("stage is ", request.stage(), ": stages are counted from 0"));
  return CheckWindow("since", request.since(), "until", request.until(), request.has_since() && request.has_until());
}

Error CheckConditions(const v1::ListAttemptsRequest& request) {
  Error error = CheckScope(request);
  if (!error.ok()) return error;
  for (const int outcome : request.outcomes()) {
    if (outcome != v1::ATTEMPT_OUTCOME_UNSPECIFIED && v1::AttemptOutcome_IsValid(outcome)) continue;
    return BadFilter(absl::StrCat("outcomes has ", outcome,
                                  ", which is none: use values of AttemptOutcome but 0; open_only is for what runs"));
  }
  if (request.open_only() && (!request.outcomes().empty() || request.has_ended_since() || request.has_ended_until())) {
    return BadFilter(absl::StrCat("open_only is set, and ",
                                  request.outcomes().empty() ? "ended_since or ended_until" : "outcomes",
                                  " too: what runs has not ended; leave one of them out"));
  }
  error = CheckWindow("claimed_since", request.claimed_since(), "claimed_until", request.claimed_until(),
                      request.has_claimed_since() && request.has_claimed_until());
  if (!error.ok()) return error;
  return CheckWindow("ended_since", request.ended_since(), "ended_until", request.ended_until(),
                     request.has_ended_since() && request.has_ended_until());
}

bool Matches(const v1::ListEventsRequest& request, const v1::Event& event) {
  return IsOneOf(request.types(), event.type()) &&
         (request.worker_id().empty() || request.worker_id() == event.worker_id()) &&
         (!request.has_attempt() || request.attempt() == event.attempt()) &&
         (!request.has_stage() || request.stage() == event.stage()) &&
         IsWithin(request.has_since(), request.since(), request.has_until(), request.until(), event.time());
}

bool Matches(const v1::ListAttemptsRequest& request, const v1::Attempt& attempt) {
  const bool is_open = !attempt.has_ended_at();
  if (is_open && (request.has_ended_since() || request.has_ended_until())) return false;
  return (!request.open_only() || is_open) && IsOneOf(request.outcomes(), attempt.outcome()) &&
         (request.worker_id().empty() || request.worker_id() == attempt.worker_id()) &&
         IsWithin(request.has_claimed_since(), request.claimed_since(), request.has_claimed_until(),
                  request.claimed_until(), attempt.claimed_at()) &&
         IsWithin(request.has_ended_since(), request.ended_since(), request.has_ended_until(), request.ended_until(),
                  attempt.ended_at());
}

}  // namespace baton::service
