#include "broker/engine/live/loader.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/base/status_macros.h"
#include "broker/engine/limits.h"

namespace baton::engine {
namespace {

using records::v1::Step;
using storage::Family;

absl::Status TaskDamaged(TaskId id, absl::string_view what) {
  return absl::DataLossError(absl::StrCat("task ", id, ": ", what));
}

absl::Status TaskIncomplete(TaskId id, absl::string_view what) {
  return absl::NotFoundError(absl::StrCat("task ", id, ": ", what));
}

// The newest row of family `log`, and its number; 0 if there is none.
absl::StatusOr<uint32_t> NewestStep(const storage::Snapshot& store, TaskId id, Step* step) {
  uint32_t row = 0;
  bool readable = true;
  RETURN_IF_ERROR(store.ScanReverse(Family::kLog, LogKey(id, 0), LogKey(id + 1, 0),
                                    [&](absl::string_view key, absl::string_view value) {
                                      row = ReadU32(key.substr(8));
                                      readable = step->ParseFromArray(value.data(), static_cast<int>(value.size()));
                                      return false;
                                    }));
  if (!readable) return TaskDamaged(id, "its newest step is not readable");
  return row;
}

absl::Status ReadStepRow(const storage::Snapshot& store, TaskId id, uint32_t row, std::string* step) {
  if (row == 0) return absl::OkStatus();
  const absl::Status status = store.Get(Family::kLog, LogKey(id, row), step);
  return absl::IsNotFound(status) ? TaskIncomplete(id, absl::StrCat("step ", row, " is missing")) : status;
}

// The live table is ahead of the rows in what writes no row: a claim, and the return from children.
void Overlay(const LiveEntry& entry, const Step& newest, Task* task) {
  const bool returned = newest.state() == LiveState::WAITING && entry.state != LiveState::WAITING;
  if (returned) {
    ++task->stage;
    task->failures = 0;
  }
  task->state = entry.state;
  task->paused = entry.paused;
  task->due = entry.due;
  task->attempt = entry.attempt;
  if (entry.state == LiveState::WAITING || returned) task->children_failed = entry.failed;
  if (entry.state == LiveState::WAITING) task->remaining = entry.remaining;
  if (entry.state != LiveState::RUNNING) return;
  task->options_number = entry.options_number;
  task->session = entry.session;
  task->handler_version = entry.handler_version;
  task->claimed = entry.claimed;
  task->ready = entry.ready;
}

absl::StatusOr<LoadedTask> LoadOne(const View& view, TaskId id) {
  LoadedTask loaded;
  loaded.id = id;
  LiveEntry entry;
  ASSIGN_OR_RETURN(loaded.state, view.StateOf(id, &entry));
  if (IsLive(loaded.state)) {
    absl::StatusOr<std::unique_ptr<Task>> task = LoadTask(view.store(), view.catalog(), entry);
    if (absl::IsNotFound(task.status())) {
      loaded.missing = std::string(task.status().message());
    } else {
      RETURN_IF_ERROR(task.status());
      loaded.task = *std::move(task);
    }
  } else if (IsTerminal(loaded.state)) {
    std::string row;
    Step step;
    const absl::Status status = view.store().Get(Family::kEnd, EndKey(id), &row);
    if (absl::IsNotFound(status)) {
      loaded.state = LiveState::REMOVED;  // Since this view.
      return loaded;
    }
    RETURN_IF_ERROR(status);
    if (!step.ParseFromString(row)) return TaskDamaged(id, "its end is not readable");
    loaded.end = {step.attempt().number(), step.kind()};
  }
  return loaded;
}

// `state`: of the task; corrected if it was removed since the view.
absl::StatusOr<AttemptEnd> FindAttemptEnd(const View& view, TaskId id, uint32_t attempt, LiveState* state) {
  AttemptEnd found;
  std::string row;
  Step step;
  const absl::Status status = view.store().Get(Family::kEnd, EndKey(id), &row);
  if (absl::IsNotFound(status) && IsTerminal(*state)) *state = LiveState::REMOVED;
  if (status.ok() && step.ParseFromString(row) && step.attempt().number() == attempt) {
    return AttemptEnd{attempt, step.kind()};
  }
  RETURN_IF_ERROR(view.store().ScanReverse(Family::kLog, LogKey(id, 0), LogKey(id + 1, 0),
                                           [&](absl::string_view, absl::string_view value) {
                                             if (!step.ParseFromArray(value.data(), static_cast<int>(value.size())))
                                               return true;
                                             if (step.kind() == Step::REPORTED || step.attempt().number() > attempt)
                                               return true;
                                             if (step.attempt().number() == attempt) found = {attempt, step.kind()};
                                             return !step.has_attempt();
                                           }));
  return found;
}

absl::Status FindLiveIds(const View& view, const IdRange& range, LoadResult* result) {
  TaskId id = range.first;
  const TaskId end = range.first + range.count;
  while (id < end && result->live.size() < kRoundJobSteps) {
    ASSIGN_OR_RETURN(const std::shared_ptr<const Page> page, view.GetPage(PageOf(id)));
    const TaskId page_end = std::min(end, (PageOf(id) + 1) * kPageIds);
    for (; id < page_end && result->live.size() < kRoundJobSteps; ++id) {
      if (page != nullptr && IsLive(page->StateAt(SlotOf(id)))) result->live.push_back(id);
    }
  }
  result->rest = {id, end - id};
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Task>> LoadTask(const storage::Snapshot& store, const Catalog& catalog,
                                               const LiveEntry& entry) {
  auto task = std::make_unique<Task>();
  auto body = std::make_shared<TaskBody>();
  const absl::Status status = store.Get(Family::kTask, TaskKey(entry.id), &body->task_row);
  if (absl::IsNotFound(status)) return TaskIncomplete(entry.id, "it is live, but its record is missing");
  RETURN_IF_ERROR(status);
  if (!ReadTaskRow(body->task_row, entry.id, catalog, task.get()))
    return TaskDamaged(entry.id, "its record is unreadable");
  Step newest;
  ASSIGN_OR_RETURN(task->log_rows, NewestStep(store, entry.id, &newest));
  if (task->log_rows > 0) FromRecord(newest.after(), task.get());
  Overlay(entry, newest, task.get());
  if (task->state != LiveState::RUNNING) {
    RETURN_IF_ERROR(ReadStepRow(store, entry.id, task->context_row, &body->context_step));
    RETURN_IF_ERROR(ReadStepRow(store, entry.id, task->decision_row, &body->decision_step));
    task->body_bytes = body->task_row.size() + body->context_step.size() + body->decision_step.size();
    task->body = std::move(body);
  }
  return task;
}

absl::StatusOr<LoadResult> Load(const View& view, LoadRequest request) {
  LoadResult result;
  switch (request.kind) {
    case LoadRequest::Kind::kTasks:
      result.tasks.reserve(request.ids.size());
      for (const TaskId id : request.ids) {
        ASSIGN_OR_RETURN(LoadedTask loaded, LoadOne(view, id));
        result.tasks.push_back(std::move(loaded));
      }
      break;
    case LoadRequest::Kind::kAttempt: {
      ASSIGN_OR_RETURN(result.state, view.StateOf(request.ids[0]));
      ASSIGN_OR_RETURN(result.ended, FindAttemptEnd(view, request.ids[0], request.attempt, &result.state));
      break;
    }
    case LoadRequest::Kind::kLiveIds:
      RETURN_IF_ERROR(FindLiveIds(view, request.range, &result));
      break;
  }
  result.request = std::move(request);
  return result;
}

}  // namespace baton::engine
