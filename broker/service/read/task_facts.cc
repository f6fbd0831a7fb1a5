#include "broker/service/read/task_facts.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace baton::service {
namespace {

using records::v1::Mutable;
using records::v1::Step;
using storage::Family;

// Reads the newest row, and from it or from an older one the newest attempt.
Error LoadNewest(const engine::View& view, TaskFacts* facts) {
  return ScanLogReverse(view.store(), facts->id, [facts](uint32_t row, const Step& step) {
    if (facts->newest_row == 0) {
      facts->newest_row = row;
      facts->newest = step;
    }
    if (!step.has_attempt()) return true;
    facts->attempt = step.attempt();
    facts->attempt_queued = step.queued_us();
    return false;
  });
}

void ReturnFromChildren(Mutable* now) {
  now->set_stage(now->stage() + 1);
  now->set_failures(0);
}

// What the end row leaves out is what the newest log row says, changed by the last attempt.
void ApplyLastAttempt(const Step& end, Mutable* now) {
  if (!end.has_attempt()) return;
  const bool same_stage = end.attempt().stage() == now->stage();
  const bool failed = end.kind() == Step::FAILED || end.kind() == Step::TIMED_OUT;
  now->set_failures((same_stage ? now->failures() : 0) + (failed ? 1 : 0));
  now->set_stage(end.attempt().stage());
  now->set_attempt(std::max(now->attempt(), end.attempt().number()));
  if (now->options_number() == 0) now->set_options_number(end.attempt().options_number());
}

Error LoadEnd(const engine::View& view, TaskFacts* facts) {
  bool found = false;
  Error error = ReadRow(view.store(), Family::kEnd, engine::EndKey(facts->id), &facts->end, &found);
  if (!error.ok()) return error;
  if (!found) return TaskExpired(facts->id);
  if (facts->end.has_after()) {
    facts->now = facts->end.after();
  } else {
    error = LoadNewest(view, facts);
    if (!error.ok()) return error;
    facts->now = facts->newest.after();
    ApplyLastAttempt(facts->end, &facts->now);
  }
  if (facts->end.has_attempt()) {
    facts->attempt = facts->end.attempt();
    facts->attempt_queued = facts->end.queued_us();
  } else if (facts->newest_row == 0 && facts->now.attempt() > 0) {
    return LoadNewest(view, facts);
  }
  return {};
}

}  // namespace

Error FindTask(const engine::View& view, TaskId id, TaskFacts* facts) {
  if (id == 0 || id >= view.next_id()) return TaskNotFound(id, view.next_id());
  facts->id = id;
  const absl::StatusOr<LiveState> state = view.StateOf(id, &facts->entry);
  if (!state.ok()) return StoreDamaged(std::string(state.status().message()));
  facts->state = *state;
  if (*state == LiveState::STAGED) return TaskNotFound(id, view.next_id());
  if (*state == LiveState::NONE || *state == LiveState::REMOVED) return TaskExpired(id);
  return {};
}

Error FindClass(const engine::View& view, engine::ClassNumber number, const engine::ClassInfo** info) {
  if (number == 0 || number > view.catalog().class_count()) {
    return StoreDamaged(absl::StrCat("there is no class ", number));
  }
  *info = &view.catalog().Class(number);
  return {};
}

Error CheckAttemptOptions(const engine::View& view, TaskId id, engine::OptionsNumber number) {
  if (number == 0 || view.catalog().HasOptions(number)) return {};
  return StoreDamaged(absl::StrCat("the options ", number, " of an attempt of task ", id, " are missing"));
}

Error LoadTaskRow(const engine::View& view, TaskFacts* facts) {
  bool found = false;
  Error error = ReadRow(view.store(), Family::kTask, engine::TaskKey(facts->id), &facts->row, &found);
  if (!error.ok()) return error;
  if (!found) return TaskExpired(facts->id);
  return FindClass(view, facts->row.class_number(), &facts->class_info);
}

Error LoadSteps(const engine::View& view, TaskFacts* facts) {
  if (!facts->live()) return LoadEnd(view, facts);
  Error error = LoadNewest(view, facts);
  if (!error.ok()) return error;
  facts->now = facts->newest.after();
  if (CameBackFromChildren(facts->newest, facts->state)) ReturnFromChildren(&facts->now);
  facts->now.set_attempt(std::max(facts->now.attempt(), facts->entry.attempt));
  if (facts->state == LiveState::RUNNING) facts->now.set_options_number(facts->entry.options_number);
  return {};
}

Error LoadTask(const engine::View& view, TaskId id, TaskFacts* facts) {
  Error error = FindTask(view, id, facts);
  if (error.ok()) error = LoadTaskRow(view, facts);
  if (error.ok()) error = LoadSteps(view, facts);
  return error;
}

Error ReadStep(const engine::View& view, const TaskFacts& facts, uint32_t row, Step* step) {
  if (row == 0) return {};
  if (row == facts.newest_row) {
    *step = facts.newest;
    return {};
  }
  bool found = false;
  Error error = ReadRow(view.store(), Family::kLog, engine::LogKey(facts.id, row), step, &found);
  if (!error.ok() || found) return error;
  // One that has ended was removed since this view.
  return facts.live() ? StoreDamaged(absl::StrCat("log row ", row, " of task ", facts.id, " is missing"))
                      : TaskExpired(facts.id);
}

bool CameBackFromChildren(const Step& newest, LiveState state) {
  return newest.state() == LiveState::WAITING && state != LiveState::WAITING;
}

uint64_t CountOf(const google::protobuf::RepeatedPtrField<records::v1::Range>& ranges) {
  uint64_t count = 0;
  for (const records::v1::Range& range : ranges) count += range.count();
  return count;
}

}  // namespace baton::service
