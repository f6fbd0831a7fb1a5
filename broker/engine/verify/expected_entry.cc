#include "broker/engine/verify/expected_entry.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace baton::engine {
namespace {

using records::v1::Step;

const Step& NoStep() {
  static const Step* const kNone = new Step();
  return *kNone;
}

// What is claimed is ready since it was due, though not longer than it exists, nor after the claim.
void SetReady(const TaskRecords& records, WallMicros due, LiveEntry* entry) {
  entry->ready = std::min(std::max(due, records.created), entry->claimed);
  entry->due = entry->ready;
}

// The records say pending: it may have been claimed since.
void PendingOrRunning(const TaskRecords& records, const KnownNumbers& known, WallMicros due, const LiveEntry& said,
                      LiveEntry* entry) {
  const Step& newest = records.newest != nullptr ? *records.newest : NoStep();
  const uint32_t ended = newest.after().attempt();
  const OptionsNumber options = newest.after().options_number();
  const bool options_fit =
      known.options.contains(said.options_number) && (options == 0 || options == said.options_number);
  if (said.state == LiveState::RUNNING && said.attempt > ended && options_fit) {
    entry->state = LiveState::RUNNING;
    entry->attempt = said.attempt;
    entry->session = said.session;
    entry->options_number = said.options_number;
    entry->handler_version = said.handler_version;
    entry->claimed = said.claimed;
    return SetReady(records, due, entry);
  }
  entry->state = LiveState::PENDING;
  // An attempt that never ended was never told in a row.
  entry->attempt = said.state == LiveState::PENDING ? std::max(said.attempt, ended) : ended;
  entry->due = due;
}

// The newest row was written during an attempt, which goes on.
void Running(const Step& newest, const LiveEntry& said, LiveEntry* entry) {
  entry->state = LiveState::RUNNING;
  entry->attempt = newest.after().attempt();
  entry->session = said.session;
  entry->options_number = newest.after().options_number();
  entry->handler_version = newest.attempt().handler_version();
  entry->claimed = newest.attempt().claimed_us();
  entry->ready = newest.attempt().ready_us();
  entry->due = entry->ready;
}

// A task that waits keeps the due time of the attempt that made it wait.
WallMicros DueWhenIdle(const Step& newest) {
  return newest.attempt().number() != 0 ? newest.attempt().ready_us() : newest.due_us();
}

std::string StateText(const LiveEntry& entry) {
  return absl::StrCat(LiveState_Name(entry.state), " in attempt ", entry.attempt);
}

}  // namespace

LiveEntry ExpectedEntry(TaskId id, const TaskRecords& records, const KnownNumbers& known, const ChildCount& children,
                        const LiveEntry& said) {
  const Step& newest = records.newest != nullptr ? *records.newest : NoStep();
  LiveEntry entry;
  entry.id = id;
  entry.class_number = records.class_number;
  entry.priority = records.priority;
  entry.paused = newest.after().paused();
  entry.failed = newest.after().children_failed();
  switch (newest.state()) {
    case LiveState::RUNNING:
      Running(newest, said, &entry);
      break;
    case LiveState::SUSPENDED:
      entry.state = LiveState::SUSPENDED;
      entry.attempt = newest.after().attempt();
      entry.due = DueWhenIdle(newest);
      break;
    case LiveState::WAITING:
      entry.failed = children.failed;
      // One that is about to fail because of a child waits, for nothing.
      if (children.remaining == 0 && !(newest.after().fail_fast() && children.failed > 0)) {
        PendingOrRunning(records, known, DueWhenIdle(newest), said, &entry);
        break;
      }
      entry.state = LiveState::WAITING;
      entry.attempt = newest.after().attempt();
      entry.due = DueWhenIdle(newest);
      entry.generation = newest.after().generation();
      entry.remaining = children.remaining;
      entry.fail_fast = newest.after().fail_fast();
      break;
    case LiveState::PENDING:
      PendingOrRunning(records, known, newest.due_us(), said, &entry);
      break;
    default:  // No row yet.
      PendingOrRunning(records, known, records.due, said, &entry);
      break;
  }
  entry.alarm = AlarmOf(entry.state, entry.attempt, records.start_by, records.end_by, newest.after().decide_by_us());
  return entry;
}

LiveEntry StagedEntry(TaskId id, const TaskRecords& records) {
  LiveEntry entry;
  entry.id = id;
  entry.state = LiveState::STAGED;
  entry.class_number = records.class_number;
  entry.priority = records.priority;
  entry.due = records.due;
  entry.alarm = AlarmOf(entry.state, 0, records.start_by, records.end_by, 0);
  return entry;
}

std::optional<Finding> Compare(const LiveEntry& expected, const LiveEntry& said) {
  if (expected == said) return std::nullopt;
  const std::string task = absl::StrCat("task ", expected.id, ": ");
  if (expected.state != said.state) {
    // A running task whose attempt is over is one that waits.
    const bool void_attempt = said.state == LiveState::RUNNING && expected.state == LiveState::PENDING;
    return Finding{void_attempt ? Check::kAttempt : Check::kState,
                   absl::StrCat(task, "the live table says ", StateText(said), ", its records ", StateText(expected))};
  }
  if (expected.attempt != said.attempt) {
    return Finding{Check::kAttempt, absl::StrCat(task, "the live table says attempt ", said.attempt,
                                                 ", its records attempt ", expected.attempt)};
  }
  if (expected.remaining != said.remaining || expected.failed != said.failed ||
      expected.generation != said.generation) {
    return Finding{Check::kChildren,
                   absl::StrCat(task, "the live table counts ", said.remaining, " remaining and ", said.failed,
                                " failed children of spawn ", said.generation, ", their records ", expected.remaining,
                                " and ", expected.failed, " of spawn ", expected.generation)};
  }
  std::string differences;
  const auto differ = [&](const char* name, int64_t is, int64_t should) {
    if (is != should) absl::StrAppend(&differences, differences.empty() ? "" : ", ", name, " ", is, " not ", should);
  };
  differ("class", said.class_number, expected.class_number);
  differ("priority", said.priority, expected.priority);
  differ("due", said.due, expected.due);
  differ("options", said.options_number, expected.options_number);
  differ("claimed", said.claimed, expected.claimed);
  differ("ready", said.ready, expected.ready);
  differ("handler version", static_cast<int64_t>(said.handler_version), static_cast<int64_t>(expected.handler_version));
  differ("session", static_cast<int64_t>(said.session), static_cast<int64_t>(expected.session));
  differ("paused", said.paused, expected.paused);
  differ("fail fast", said.fail_fast, expected.fail_fast);
  differ("alarm", said.alarm, expected.alarm);
  return Finding{Check::kFacts, absl::StrCat(task, "the live table is wrong in ", differences)};
}

}  // namespace baton::engine
