#include "broker/service/read/task_conditions.h"

#include <algorithm>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "broker/service/read/convert.h"
#include "broker/service/read/rows.h"
#include "broker/service/read/task_message.h"

namespace baton::service {
namespace {

using google::protobuf::Timestamp;
using storage::Family;

constexpr WallMicros kNever = std::numeric_limits<WallMicros>::max();
constexpr size_t kMaxTextBytes = 1024;
constexpr Micros kClockSetBack = kHour;

Error BadFilter(std::string message) { return InvalidArgument("BAD_FILTER", std::move(message)); }

Error CheckWindow(const char* what, bool has_both, const Timestamp& since, const Timestamp& before) {
  Error error = CheckTime(absl::StrCat("filter.", what, "_since"), since);
  if (error.ok()) error = CheckTime(absl::StrCat("filter.", what, "_before"), before);
  if (!error.ok() || !has_both || FromWireTime(since) < FromWireTime(before)) return error;
  return BadFilter(absl::StrCat("filter.", what, "_since is not before filter.", what,
                                "_before: nothing can be in between; exchange them"));
}

Error CheckText(const char* field, const std::string& text) {
  if (text.size() <= kMaxTextBytes) return {};
  return BadFilter(absl::StrCat("filter.", field, " has ", text.size(), " bytes: use at most ", kMaxTextBytes));
}

// A task whose row says when it was created.
struct DatedRow {
  TaskId id = 0;
  WallMicros created = kNever;
  // Itself, or the first of those right before it whose rows cannot be read: they may be as young.
  TaskId first = 0;
};

// The first one in [first, end); `end` and kNever: there is none.
Error FirstRow(const engine::View& view, TaskId first, TaskId end, DatedRow* found) {
  *found = {end, kNever, end};
  const absl::Status status = view.store().Scan(Family::kTask, engine::TaskKey(first), engine::TaskKey(end),
                                                [&](absl::string_view key, absl::string_view value) {
                                                  records::v1::TaskRow row;
                                                  const TaskId id = engine::ReadU64(key);
                                                  found->first = std::min(found->first, id);
                                                  if (!ParseRow(value, "", &row).ok()) return true;
                                                  found->id = id;
                                                  found->created = row.created_us();
                                                  return false;
                                                });
  return status.ok() ? Error() : StoreDamaged(std::string(status.message()));
}

// The first one in [first, end) that was created at `time` or after it, as far as they ascend; `end`: there is none.
Error FirstCreated(const engine::View& view, WallMicros time, TaskId first, TaskId end, DatedRow* found) {
  TaskId below = first;
  TaskId above = end;
  *found = {end, kNever, end};
  while (below < above) {
    const TaskId middle = below + (above - below) / 2;
    DatedRow row;
    Error error = FirstRow(view, middle, end, &row);
    if (!error.ok()) return error;
    if (row.created < time) {
      below = row.id + 1;
    } else {
      above = middle;
      *found = row;
    }
  }
  return {};
}

}  // namespace

Error CheckTaskConditions(const v1::TaskFilter& filter) {
  Error error = CheckWindow("created", filter.has_created_since() && filter.has_created_before(),
                            filter.created_since(), filter.created_before());
  if (error.ok()) {
    error = CheckWindow("ended", filter.has_ended_since() && filter.has_ended_before(), filter.ended_since(),
                        filter.ended_before());
  }
  if (error.ok()) error = CheckText("error", filter.error());
  return error.ok() ? CheckText("suspend_reason", filter.suspend_reason()) : error;
}

TaskConditions::TaskConditions(const v1::TaskFilter& filter)
    : filter_(filter),
      created_(WindowOf(filter.has_created_since(), filter.created_since(), filter.has_created_before(),
                        filter.created_before())),
      ended_(
          WindowOf(filter.has_ended_since(), filter.ended_since(), filter.has_ended_before(), filter.ended_before())),
      error_(absl::AsciiStrToLower(filter.error())) {}

bool TaskConditions::Window::limited() const {
  return since != std::numeric_limits<WallMicros>::min() || before != kNever;
}

TaskConditions::Window TaskConditions::WindowOf(bool has_since, const Timestamp& since, bool has_before,
                                                const Timestamp& before) {
  return {has_since ? FromWireTime(since) : std::numeric_limits<WallMicros>::min(),
          has_before ? FromWireTime(before) : kNever};
}

Error TaskConditions::Narrow(const engine::View& view, TaskId* first, TaskId* end) const {
  DatedRow found;
  if (filter_.has_created_since()) {
    Error error = FirstCreated(view, created_.since - kClockSetBack, *first, *end, &found);
    if (!error.ok()) return error;
    *first = found.first;
  }
  if (!filter_.has_created_before()) return {};
  Error error = FirstCreated(view, created_.before + kClockSetBack, *first, *end, &found);
  if (error.ok()) *end = found.id;
  return error;
}

Error TaskConditions::Match(const engine::View& view, TaskFacts* facts, bool* matches) const {
  *matches = MatchesRow(*facts);
  const bool by_steps = !filter_.worker_id().empty() || !error_.empty() || !filter_.suspend_reason().empty();
  if (!*matches || (!by_steps && !ended_only())) return {};
  Error error = LoadSteps(view, facts);
  return error.ok() ? MatchSteps(view, *facts, matches) : error;
}

bool TaskConditions::MatchesRow(const TaskFacts& facts) const {
  return (filter_.schedule().empty() || facts.row.schedule() == filter_.schedule()) &&
         created_.Holds(facts.row.created_us());
}

Error TaskConditions::MatchSteps(const engine::View& view, const TaskFacts& facts, bool* matches) const {
  *matches = !ended_only() || (!facts.live() && ended_.Holds(facts.end.time_us()));
  if (*matches && !filter_.worker_id().empty()) {
    std::string worker = facts.attempt.worker();
    Error error;
    if (facts.state == LiveState::RUNNING) error = WorkerOfSession(view.store(), facts.entry.session, &worker);
    if (!error.ok()) return error;
    *matches = worker == filter_.worker_id();
  }
  if (*matches && !filter_.suspend_reason().empty()) {
    records::v1::Step suspension;
    Error error = ReadStep(view, facts, facts.now.suspension_row(), &suspension);
    if (!error.ok()) return error;
    *matches = suspension.reason() == filter_.suspend_reason();
  }
  if (!*matches || error_.empty()) return {};
  std::string last_error, cancel_reason;
  Error error = ReadWhatWentWrong(view, facts, &last_error, &cancel_reason);
  *matches = absl::StrContains(absl::AsciiStrToLower(last_error), error_) ||
             absl::StrContains(absl::AsciiStrToLower(cancel_reason), error_);
  return error;
}

}  // namespace baton::service
