#include "broker/engine/live/loader.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/base/check.h"
#include "broker/base/status_macros.h"
#include "broker/engine/limits.h"
#include "broker/engine/retention/plan.h"
#include "broker/engine/rules/transition.h"

namespace baton::engine {
namespace {

using records::v1::Step;
using storage::Family;

absl::Status TaskDamaged(TaskId id, absl::string_view what) {
  return absl::DataLossError(absl::StrCat("task ", id, ": ", what));
}

// A record of a live task is missing or unreadable: nobody else is concerned.
absl::Status TaskUnusable(TaskId id, absl::string_view what) {
  return absl::NotFoundError(absl::StrCat("task ", id, ": ", what));
}

// What is handed out with tasks that are read at once, about; the others come without and are read again when their
// turn comes.
constexpr size_t kMostBodyBytes = 2 * kReadAheadBytes;

// What the families `task` and `log` hold of one task.
struct Rows {
  std::string task;          // Empty: there is none.
  uint32_t newest_step = 0;  // Number of the newest row of `log`; 0: there is none.
  std::string step;
};

absl::StatusOr<Rows> ReadRows(const storage::Snapshot& store, TaskId id) {
  Rows rows;
  const absl::Status status = store.Get(Family::kTask, TaskKey(id), &rows.task);
  if (!absl::IsNotFound(status)) RETURN_IF_ERROR(status);
  RETURN_IF_ERROR(store.ScanReverse(Family::kLog, LogKey(id, 0), LogKey(id + 1, 0),
                                    [&](absl::string_view key, absl::string_view value) {
                                      rows.newest_step = RowOfLogKey(key);
                                      rows.step.assign(value.data(), value.size());
                                      return false;
                                    }));
  return rows;
}

// The rows of many tasks that lie close together, as those submitted at the same time do: one pass over each family
// costs a third of looking each of them up.
class RowsOfMany {
 public:
  // `ids` must outlive it.
  explicit RowsOfMany(const std::vector<TaskId>& ids) : ids_(ids) {}

  bool pays() const {
    return ids_.size() > 4 && std::is_sorted(ids_.begin(), ids_.end()) && ids_.back() - ids_.front() < 2 * ids_.size();
  }

  // Ends with the first of those that are too large to have them all in memory.
  absl::Status Read(const storage::Snapshot& store) {
    rows_.resize(ids_.size());
    read_ = ids_.size();
    size_t next = 0, bytes = 0;
    RETURN_IF_ERROR(store.Scan(Family::kTask, TaskKey(ids_.front()), TaskKey(ids_.back() + 1),
                               [&](absl::string_view key, absl::string_view value) {
                                 Rows* rows = Find(key, &next);
                                 if (rows == nullptr) return true;
                                 rows->task.assign(value.data(), value.size());
                                 bytes += value.size();
                                 if (bytes > kMostBodyBytes) read_ = next + 1;
                                 return bytes <= kMostBodyBytes;
                               }));
    next = 0;
    return store.Scan(Family::kLog, LogKey(ids_.front(), 0), LogKey(ids_[read_ - 1] + 1, 0),
                      [&](absl::string_view key, absl::string_view value) {
                        Rows* rows = Find(key, &next);
                        if (rows == nullptr) return true;
                        bytes += value.size();
                        bytes -= rows->step.size();
                        rows->newest_step = RowOfLogKey(key);
                        rows->step.assign(value.data(), value.size());
                        // There may be newer ones of it.
                        if (bytes > 2 * kMostBodyBytes) read_ = next;
                        return bytes <= 2 * kMostBodyBytes;
                      });
  }

  // Null: it was not read, since those before it are large.
  Rows* at(size_t index) { return index < read_ ? &rows_[index] : nullptr; }

 private:
  // Null: that task is not wanted. Keys come in ascending order.
  Rows* Find(absl::string_view key, size_t* next) {
    const TaskId id = ReadU64(key);
    while (*next < ids_.size() && ids_[*next] < id) ++*next;
    return *next < ids_.size() && ids_[*next] == id ? &rows_[*next] : nullptr;
  }

  const std::vector<TaskId>& ids_;
  std::vector<Rows> rows_;
  size_t read_ = 0;
};

absl::Status ReadStepRow(const storage::Snapshot& store, TaskId id, uint32_t row, std::string* step) {
  if (row == 0) return absl::OkStatus();
  const absl::Status status = store.Get(Family::kLog, LogKey(id, row), step);
  return absl::IsNotFound(status) ? TaskUnusable(id, absl::StrCat("step ", row, " is missing")) : status;
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
  task->alarm = entry.alarm;
  if (entry.state == LiveState::WAITING || returned) task->children_failed = entry.failed;
  if (entry.state == LiveState::WAITING) task->remaining = entry.remaining;
  if (entry.state != LiveState::RUNNING) return;
  task->options_number = entry.options_number;
  task->session = entry.session;
  task->handler_version = entry.handler_version;
  task->claimed = entry.claimed;
  task->ready = entry.ready;
}

absl::StatusOr<std::unique_ptr<Task>> MakeTask(const storage::Snapshot& store, const Catalog& catalog,
                                               const LiveEntry& entry, Rows rows) {
  if (rows.task.empty()) return TaskUnusable(entry.id, "it is live, but its record is missing");
  auto task = std::make_unique<Task>();
  if (!ReadTaskRow(rows.task, entry.id, catalog, task.get())) return TaskUnusable(entry.id, "its record is unreadable");
  Step newest;
  if (!newest.ParseFromString(rows.step)) return TaskUnusable(entry.id, "its newest step is unreadable");
  task->log_rows = rows.newest_step;
  if (task->log_rows > 0) FromRecord(newest.after(), task.get());
  if (task->options_number != 0 && !catalog.HasOptions(task->options_number)) {
    return TaskUnusable(entry.id, "the options of its attempt are missing");
  }
  Overlay(entry, newest, task.get());
  if (task->state == LiveState::RUNNING) return task;
  auto body = std::make_shared<TaskBody>();
  body->task_row = std::move(rows.task);
  RETURN_IF_ERROR(ReadStepRow(store, entry.id, task->context_row, &body->context_step));
  RETURN_IF_ERROR(ReadStepRow(store, entry.id, task->decision_row, &body->decision_step));
  task->body_bytes = body->task_row.size() + body->context_step.size() + body->decision_step.size();
  task->body = std::move(body);
  return task;
}

// `pages` are the view's; `rows`: null if they were not read yet.
absl::StatusOr<LoadedTask> LoadOne(const View& view, PageCursor& pages, TaskId id, Rows* rows) {
  LoadedTask loaded;
  loaded.id = id;
  LiveEntry entry;
  ASSIGN_OR_RETURN(loaded.state, pages.StateOf(id, &entry));
  if (IsLive(loaded.state)) {
    Rows own;
    if (rows == nullptr) {
      ASSIGN_OR_RETURN(own, ReadRows(view.store(), id));
      rows = &own;
    }
    absl::StatusOr<std::unique_ptr<Task>> task = MakeTask(view.store(), view.catalog(), entry, std::move(*rows));
    if (absl::IsNotFound(task.status())) {
      loaded.damage = std::string(task.status().message());
      loaded.entry = entry;
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
    if (step.ParseFromString(row)) {
      loaded.end = {step.attempt().number(), step.kind()};
    } else {
      loaded.damage = absl::StrCat("task ", id, ": its end is unreadable");
    }
  }
  return loaded;
}

void DropBody(Task* task) {
  task->body = nullptr;
  task->body_bytes = 0;
}

absl::Status LoadTasks(const View& view, const std::vector<TaskId>& ids, bool with_bodies,
                       std::vector<LoadedTask>* tasks) {
  RowsOfMany rows(ids);
  const bool together = rows.pays();
  if (together) RETURN_IF_ERROR(rows.Read(view.store()));
  PageCursor pages(view);
  size_t body_bytes = 0;
  tasks->reserve(ids.size());
  for (size_t i = 0; i < ids.size(); ++i) {
    ASSIGN_OR_RETURN(LoadedTask loaded, LoadOne(view, pages, ids[i], together ? rows.at(i) : nullptr));
    if (loaded.task != nullptr) {
      body_bytes += loaded.task->body_bytes;
      if (!with_bodies || body_bytes > kMostBodyBytes) DropBody(loaded.task.get());
    }
    tasks->push_back(std::move(loaded));
  }
  return absl::OkStatus();
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
                                             if (!EndsAttempt(step.kind()) || step.attempt().number() > attempt)
                                               return true;
                                             if (step.attempt().number() == attempt) found = {attempt, step.kind()};
                                             return !step.has_attempt();
                                           }));
  return found;
}

absl::Status LoadEnded(const View& view, TaskId id, LoadResult* result) {
  ASSIGN_OR_RETURN(result->state, view.StateOf(id));
  if (!IsTerminal(result->state)) return absl::OkStatus();
  EndedTask& end = result->end;
  end.as_of = view.number();
  ASSIGN_OR_RETURN(const Rows rows, ReadRows(view.store(), id));
  const absl::Status status = view.store().Get(Family::kEnd, EndKey(id), &end.row);
  if (absl::IsNotFound(status) || rows.task.empty()) {
    result->state = LiveState::REMOVED;  // Since this view.
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(status);
  Step step;
  if (!step.ParseFromString(end.row)) return TaskDamaged(id, "its end is not readable");
  end.from = step.from();
  end.task = std::make_unique<Task>();
  if (!ReadTaskRow(rows.task, id, view.catalog(), end.task.get())) return TaskDamaged(id, "its record is unreadable");
  FromRecord(step.after(), end.task.get());
  end.task->state = result->state;
  end.task->log_rows = rows.newest_step;
  if (end.task->unique.empty()) return absl::OkStatus();
  std::string key;
  records::v1::KeyRow holder;
  const absl::Status held = view.store().Get(Family::kKey, UniqueKey(end.task->unique), &key);
  if (absl::IsNotFound(held)) return absl::OkStatus();
  RETURN_IF_ERROR(held);
  if (!holder.ParseFromString(key)) return TaskDamaged(id, "the record of its unique key is not readable");
  end.key_holder = holder.task();
  return absl::OkStatus();
}

absl::Status FindLiveIds(const View& view, const LoadRequest& request, LoadResult* result) {
  PageCursor pages(view);
  uint64_t passed = 0;
  for (const IdRange& range : request.ranges) {
    if (result->found.size() >= request.most || passed >= kPageIds) break;
    ++result->ranges_begun;
    passed += range.count;
    TaskId id = range.first;
    const TaskId end = range.first + range.count;
    while (id < end && result->found.size() < request.most) {
      ASSIGN_OR_RETURN(const Page* page, pages.Read(PageOf(id)));
      const TaskId page_end = std::min(end, (PageOf(id) + 1) * kPageIds);
      for (; id < page_end && result->found.size() < request.most; ++id) {
        if (page != nullptr && IsLive(page->StateAt(SlotOf(id)))) result->found.push_back(id);
      }
    }
    result->rest = {id, end - id};
  }
  return absl::OkStatus();
}

absl::Status LoadMembers(const View& view, TaskId id, Members* members) {
  ASSIGN_OR_RETURN(*members, FindMembers(view, id));
  return absl::OkStatus();
}

// Damage of what has ended hurts nobody but who asks for it.
absl::Status NoteDamage(const absl::Status& status, LoadResult* result) {
  if (!absl::IsDataLoss(status)) return status;
  result->damage = std::string(status.message());
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Task>> LoadTask(const storage::Snapshot& store, const Catalog& catalog,
                                               const LiveEntry& entry) {
  ASSIGN_OR_RETURN(Rows rows, ReadRows(store, entry.id));
  return MakeTask(store, catalog, entry, std::move(rows));
}

absl::StatusOr<LoadResult> Load(const View& view, LoadRequest request, const FindMatches& find_matches) {
  LoadResult result;
  switch (request.kind) {
    case LoadRequest::Kind::kTasks:
      RETURN_IF_ERROR(LoadTasks(view, request.ids, request.with_bodies, &result.tasks));
      break;
    case LoadRequest::Kind::kAttempt: {
      ASSIGN_OR_RETURN(result.state, view.StateOf(request.ids[0]));
      ASSIGN_OR_RETURN(result.ended, FindAttemptEnd(view, request.ids[0], request.attempt, &result.state));
      break;
    }
    case LoadRequest::Kind::kEnded:
      RETURN_IF_ERROR(NoteDamage(LoadEnded(view, request.ids[0], &result), &result));
      break;
    case LoadRequest::Kind::kLiveIds:
      RETURN_IF_ERROR(FindLiveIds(view, request, &result));
      break;
    case LoadRequest::Kind::kMembers:
      RETURN_IF_ERROR(NoteDamage(LoadMembers(view, request.ids[0], &result.members), &result));
      break;
    case LoadRequest::Kind::kPart: {
      Part part = PlanPart(view, request.ranges);
      result.removal = std::move(part.removal);
      result.until = part.until;
      break;
    }
    case LoadRequest::Kind::kMatches: {
      BATON_CHECK(find_matches != nullptr, "there is nobody who can read filters");
      Matches matches = find_matches(view, request);
      result.found = std::move(matches.ids);
      result.rest = matches.rest;
      break;
    }
  }
  result.request = std::move(request);
  return result;
}

}  // namespace baton::engine
