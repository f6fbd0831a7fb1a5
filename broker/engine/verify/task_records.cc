#include "broker/engine/verify/task_records.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "broker/base/status_macros.h"

namespace baton::engine {
namespace {

using records::v1::Step;
using storage::Family;
using storage::Snapshot;

constexpr size_t kIdBytes = 8;
constexpr size_t kStepKeyBytes = 12;

// Reads the rows of one page, family by family.
class PageReader {
 public:
  PageReader(const Snapshot& store, const KnownNumbers& known, uint64_t page_number, DamageSink damage,
             PageRecords* records)
      : store_(store), known_(known), first_(page_number * kPageIds), damage_(damage), records_(*records) {}

  absl::Status Read() {
    RETURN_IF_ERROR(Scan(Family::kTask, kIdBytes,
                         [this](TaskId id, absl::string_view, absl::string_view value) { TakeTask(id, value); }));
    RETURN_IF_ERROR(Scan(Family::kEnd, kIdBytes,
                         [this](TaskId id, absl::string_view, absl::string_view value) { TakeEnd(id, value); }));
    return Scan(Family::kLog, kStepKeyBytes, [this](TaskId id, absl::string_view key, absl::string_view value) {
      TakeStep(id, ReadU32(key.substr(kIdBytes)), value);
    });
  }

  // After all rows were read.
  void Finish() {
    for (uint32_t slot = 0; slot < kPageIds; ++slot) {
      TaskRecords& task = records_.tasks[slot];
      if (!task.found) continue;
      if (!task.has_task && !task.lost) {
        Lose(Check::kMissingTask, first_ + slot, "its record in family task is missing");
      }
      if (task.newest != nullptr && IsTerminal(task.newest->state())) {
        Lose(Check::kImpossibleRecord, first_ + slot, "its last step ends it, but is not its end");
      }
      CheckPointers(first_ + slot, task.newest != nullptr ? HighestRow(task.newest->after()) : 0);
      if (task.has_end) task.newest = nullptr;
    }
  }

 private:
  template <typename Visitor>
  absl::Status Scan(Family family, size_t key_bytes, Visitor&& visit) {
    const TaskId last = first_ + (kPageIds - 1);
    const std::string end = last == UINT64_MAX ? "" : TaskKey(last + 1).str();
    return store_.Scan(family, TaskKey(first_), end, [&](absl::string_view key, absl::string_view value) {
      if (key.size() == key_bytes && ReadU64(key) != 0) {  // No task has the id 0.
        visit(ReadU64(key), key, value);
        return true;
      }
      damage_(Check::kStrayKey, 0, absl::StrCat("key ", absl::BytesToHexString(key), " is none of its family"));
      records_.stray.emplace_back(family, std::string(key));
      return true;
    });
  }

  TaskRecords& At(TaskId id) {
    TaskRecords& task = records_.tasks[SlotOf(id)];
    task.found = true;
    return task;
  }

  void Lose(Check check, TaskId id, const std::string& what) {
    At(id).lost = true;
    damage_(check, id, absl::StrCat("task ", id, ": ", what));
  }

  void TakeTask(TaskId id, absl::string_view value) {
    TaskRecords& task = At(id);
    task.has_task = true;
    records::v1::TaskRow row;
    if (!row.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
      return Lose(Check::kUnreadableTask, id, "its record in family task is not readable");
    }
    const auto type = known_.types.find(row.class_number());
    if (type == known_.types.end()) {
      return Lose(Check::kUnknownClass, id, absl::StrCat("nothing tells its class ", row.class_number()));
    }
    if (row.parent() >= id || row.priority() != static_cast<int8_t>(row.priority())) {
      return Lose(Check::kImpossibleRecord, id, "its record in family task says what cannot be");
    }
    task.class_number = row.class_number();
    task.tag_hash = TagHash(row.tag());
    task.priority = row.priority();
    task.due = row.due_us();
    task.created = row.created_us();
    task.start_by = row.start_by_us();
    task.end_by = row.end_by_us();
    task.parent = row.parent();
    task.generation = row.generation();
    if (!row.unique_key().empty()) task.unique = UniqueHash(type->second, row.unique_key());
  }

  void TakeEnd(TaskId id, absl::string_view value) {
    TaskRecords& task = At(id);
    task.has_end = true;
    Step& step = scratch_;
    if (!step.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
      return Lose(Check::kUnreadableEnd, id, "its end is not readable");
    }
    task.end_state = step.state();
    task.ended = step.time_us();
    if (!IsTerminal(step.state())) Lose(Check::kImpossibleRecord, id, "its end says that it has not ended");
    CheckOptions(id, step);
    if (const uint32_t highest = HighestRow(step.after()); highest > 0) ends_[id] = highest;
  }

  void TakeStep(TaskId id, uint32_t row, absl::string_view value) {
    ++records_.steps;
    TaskRecords& task = At(id);
    if (id != step_task_) step_row_ = 0;
    step_task_ = id;
    if (row != ++step_row_) {
      Lose(Check::kMissingStep, id, absl::StrCat("step ", step_row_, " is missing before step ", row));
      step_row_ = row;
    }
    rows_[id] = row;
    Step& step = scratch_;
    if (!step.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
      return Lose(Check::kUnreadableStep, id, absl::StrCat("step ", row, " is not readable"));
    }
    const bool ended = IsTerminal(step.state());
    // What had ended goes on only by being retried.
    const bool had_ended = task.newest != nullptr && IsTerminal(task.newest->state());
    if ((!IsLive(step.state()) && !ended) || step.state() == LiveState::STAGED ||
        had_ended != (step.kind() == Step::RETRIED)) {
      Lose(Check::kImpossibleRecord, id, absl::StrCat("step ", row, " says what cannot be"));
    }
    CheckOptions(id, step);
    if (task.newest == nullptr) task.newest = std::make_unique<Step>();
    task.newest_row = row;
    Step& newest = *task.newest;
    newest.set_kind(step.kind());
    newest.set_time_us(step.time_us());
    newest.set_state(step.state());
    newest.set_due_us(step.due_us());
    newest.mutable_attempt()->Swap(step.mutable_attempt());
    newest.mutable_after()->Swap(step.mutable_after());
  }

  void CheckOptions(TaskId id, const Step& step) {
    for (const OptionsNumber number : {step.after().options_number(), step.attempt().options_number()}) {
      if (number == 0 || known_.options.contains(number)) continue;
      return Lose(Check::kUnknownOptions, id, absl::StrCat("nothing tells the options ", number, " of its attempt"));
    }
  }

  static uint32_t HighestRow(const records::v1::Mutable& after) {
    return std::max(
        {after.context_row(), after.decision_row(), after.error_row(), after.progress_row(), after.suspension_row()});
  }

  // What steps refer to is in steps before them.
  void CheckPointers(TaskId id, uint32_t highest) {
    if (const auto end = ends_.find(id); end != ends_.end()) highest = std::max(highest, end->second);
    if (highest == 0) return;
    const auto rows = rows_.find(id);
    const uint32_t last = rows == rows_.end() ? 0 : rows->second;
    if (highest > last) {
      Lose(Check::kMissingStep, id, absl::StrCat("it refers to step ", highest, ", and step ", last, " is the last"));
    }
  }

  const Snapshot& store_;
  const KnownNumbers& known_;
  const TaskId first_;
  DamageSink damage_;
  PageRecords& records_;
  Step scratch_;  // Reused, to save allocations.
  TaskId step_task_ = 0;
  uint32_t step_row_ = 0;
  absl::flat_hash_map<TaskId, uint32_t> rows_;  // Of family log.
  absl::flat_hash_map<TaskId, uint32_t> ends_;  // The highest row that the end refers to.
};

// Page of the first key of the family at or above that page.
absl::StatusOr<std::optional<uint64_t>> FirstPage(const Snapshot& store, Family family, uint64_t page_number) {
  const bool of_pages = family == Family::kPage;
  const Key begin = of_pages ? PageKey(page_number) : TaskKey(page_number * kPageIds);
  std::optional<uint64_t> found;
  RETURN_IF_ERROR(store.Scan(family, begin, "", [&](absl::string_view key, absl::string_view) {
    std::string padded(key.substr(0, kIdBytes));
    padded.resize(kIdBytes, '\0');
    found = of_pages ? ReadU64(padded) : PageOf(ReadU64(padded));
    return false;
  }));
  // Nothing beyond has ids.
  if (found.has_value() && *found > PageOf(UINT64_MAX)) found.reset();
  return found;
}

}  // namespace

absl::Status ReadPageRecords(const Snapshot& store, const KnownNumbers& known, uint64_t page_number, DamageSink damage,
                             PageRecords* records) {
  records->tasks.resize(kPageIds);
  for (TaskRecords& task : records->tasks) {
    if (task.found) task = TaskRecords();
  }
  records->steps = 0;
  records->stray.clear();
  PageReader reader(store, known, page_number, damage, records);
  RETURN_IF_ERROR(reader.Read());
  reader.Finish();
  return absl::OkStatus();
}

absl::StatusOr<std::optional<uint64_t>> NextPage(const Snapshot& store, uint64_t page_number) {
  std::optional<uint64_t> next;
  if (page_number > PageOf(UINT64_MAX)) return next;  // Its first id would be 0 again.
  for (const Family family : {Family::kTask, Family::kEnd, Family::kLog, Family::kPage}) {
    ASSIGN_OR_RETURN(const std::optional<uint64_t> first, FirstPage(store, family, page_number));
    if (first.has_value() && (!next.has_value() || *first < *next)) next = first;
  }
  return next;
}

absl::StatusOr<Spawns> ReadSpawns(const Snapshot& store, TaskId id) {
  std::string value;
  Step step;
  const absl::Status status = store.Get(Family::kEnd, EndKey(id), &value);
  if (!status.ok() && !absl::IsNotFound(status)) return status;
  Spawns spawns;
  spawns.told = status.ok() && step.ParseFromString(value);
  if (!spawns.told) {
    bool has_step = false;
    RETURN_IF_ERROR(store.ScanReverse(Family::kLog, LogKey(id, 0), LogKey(id + 1, 0),
                                      [&](absl::string_view, absl::string_view row) {
                                        has_step = true;
                                        spawns.told = step.ParseFromArray(row.data(), static_cast<int>(row.size()));
                                        return false;
                                      }));
    if (!has_step) {
      // A task without steps has spawned nothing.
      const absl::Status task = store.Get(Family::kTask, TaskKey(id), &value);
      if (!task.ok() && !absl::IsNotFound(task)) return task;
      spawns.told = task.ok();
    }
    if (!has_step || !spawns.told) return spawns;
  }
  spawns.generation = step.after().generation();
  spawns.staged = RangesOf(step.after().staged());
  return spawns;
}

bool Contains(const std::vector<IdRange>& ranges, TaskId id) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [id](const IdRange& range) { return id >= range.first && id - range.first < range.count; });
}

std::vector<IdRange> RangesOf(const google::protobuf::RepeatedPtrField<records::v1::Range>& records) {
  std::vector<IdRange> ranges;
  ranges.reserve(records.size());
  for (const records::v1::Range& record : records) ranges.push_back({record.first(), record.count()});
  return ranges;
}

}  // namespace baton::engine
