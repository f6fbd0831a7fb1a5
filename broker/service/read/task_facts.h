// Everything that is known of one task, put together from the live table and its records.
#ifndef BATON_BROKER_SERVICE_READ_TASK_FACTS_H_
#define BATON_BROKER_SERVICE_READ_TASK_FACTS_H_

#include <cstdint>
#include <string>

#include "baton/records/v1/records.pb.h"
#include "broker/base/error.h"
#include "broker/engine/catalog.h"
#include "broker/engine/live/view.h"
#include "broker/service/read/rows.h"

namespace baton::service {

using engine::LiveState;
using engine::TaskId;

struct TaskFacts {
  TaskId id = 0;
  LiveState state = LiveState::NONE;
  // Live tasks: what the live table says. Otherwise only the id is set.
  engine::LiveEntry entry;

  // Set by LoadTaskRow.
  records::v1::TaskRow row;
  // Of the catalog.
  const engine::ClassInfo* class_info = nullptr;

  // Set by LoadSteps. The newest log row; 0 and empty: the task has none (or it has ended and they were not needed).
  uint32_t newest_row = 0;
  records::v1::Step newest;
  // Terminal tasks: how they ended.
  records::v1::Step end;
  // What holds now.
  records::v1::Mutable now;
  // The newest attempt that is told by a row (a running one may be told by `entry` alone); number 0: none.
  records::v1::AttemptInfo attempt;
  Micros attempt_queued = 0;

  bool live() const { return engine::IsLive(state); }
  TaskId root() const { return row.root() == 0 ? id : row.root(); }
};

// Finds out whether a task exists and in which state it is. Errors: TASK_NOT_FOUND (a child that is only staged
// included), TASK_EXPIRED, STORE_DAMAGED.
Error FindTask(const engine::View& view, TaskId id, TaskFacts* facts);
// Reads what never changes. `id`, `state` and `entry` must be set. Errors: TASK_EXPIRED, STORE_DAMAGED.
Error LoadTaskRow(const engine::View& view, TaskFacts* facts);
// Reads what happened last. LoadTaskRow must have been called. Errors: as LoadTaskRow.
Error LoadSteps(const engine::View& view, TaskFacts* facts);
// All of them.
Error LoadTask(const engine::View& view, TaskId id, TaskFacts* facts);

// The class with this number. STORE_DAMAGED if there is none.
Error FindClass(const engine::View& view, engine::ClassNumber number, const engine::ClassInfo** info);

// STORE_DAMAGED if an attempt of the task was claimed with options that the catalog lacks; 0: there is no attempt.
Error CheckAttemptOptions(const engine::View& view, TaskId id, engine::OptionsNumber number);

// The step in log row `row`, not read again if it is the newest; an empty one for row 0. Errors: STORE_DAMAGED.
Error ReadStep(const engine::View& view, const TaskFacts& facts, uint32_t row, records::v1::Step* step);

// Whether the children that `newest` waited for have ended although no row says so: they end in the live table alone.
bool CameBackFromChildren(const records::v1::Step& newest, LiveState state);

// How many ids the ranges hold.
uint64_t CountOf(const google::protobuf::RepeatedPtrField<records::v1::Range>& ranges);

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_READ_TASK_FACTS_H_
