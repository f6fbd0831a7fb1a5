#include "broker/engine/task.h"

#include "absl/strings/str_cat.h"

namespace baton::engine {
namespace {

void ToRecord(const std::vector<IdRange>& ranges, google::protobuf::RepeatedPtrField<records::v1::Range>* records) {
  for (const IdRange& range : ranges) {
    records::v1::Range* record = records->Add();
    record->set_first(range.first);
    record->set_count(range.count);
  }
}

std::vector<IdRange> FromRecord(const google::protobuf::RepeatedPtrField<records::v1::Range>& records) {
  std::vector<IdRange> ranges;
  ranges.reserve(records.size());
  for (const records::v1::Range& record : records) ranges.push_back({record.first(), record.count()});
  return ranges;
}

}  // namespace

uint64_t CountOf(const std::vector<IdRange>& ranges) {
  uint64_t count = 0;
  for (const IdRange& range : ranges) count += range.count;
  return count;
}

WallMicros AlarmOf(const Task& task) {
  return AlarmOf(task.state, task.attempt, task.start_by, task.end_by, task.decide_by);
}

WallMicros AlarmOf(LiveState state, uint32_t attempt, WallMicros start_by, WallMicros end_by, WallMicros decide_by) {
  WallMicros alarm = end_by;
  const auto consider = [&alarm](WallMicros time) {
    if (time != 0 && (alarm == 0 || time < alarm)) alarm = time;
  };
  if (attempt == 0) consider(start_by);
  if (state == LiveState::SUSPENDED) consider(decide_by);
  return alarm;
}

LiveEntry EntryOf(const Task& task) {
  LiveEntry entry;
  entry.id = task.id;
  entry.state = task.state;
  entry.paused = task.paused;
  entry.class_number = task.class_number;
  entry.priority = task.priority;
  entry.due = task.due;
  entry.attempt = task.attempt;
  entry.failed = task.children_failed;
  entry.alarm = task.alarm;
  if (task.state == LiveState::RUNNING) {
    entry.session = task.session;
    entry.options_number = task.options_number;
    entry.handler_version = task.handler_version;
    entry.claimed = task.claimed;
    entry.ready = task.ready;
  }
  if (task.state == LiveState::WAITING) {
    entry.generation = task.generation;
    entry.remaining = task.remaining;
    entry.fail_fast = task.fail_fast;
  }
  return entry;
}

void ToRecord(const Task& task, records::v1::Mutable* record) {
  record->set_stage(task.stage);
  record->set_attempt(task.attempt);
  record->set_failures(task.failures);
  record->set_interruptions(task.interruptions);
  record->set_options_number(task.options_number);
  ToRecord(task.children, record->mutable_children());
  record->set_children_failed(task.children_failed);
  record->set_generation(task.generation);
  record->set_children_total(task.children_total);
  record->set_context_row(task.context_row);
  record->set_decision_row(task.decision_row);
  record->set_error_row(task.error_row);
  record->set_progress_row(task.progress_row);
  record->set_suspension_row(task.suspension_row);
  ToRecord(task.staged, record->mutable_staged());
  record->set_staged_parts(task.staged_parts);
  record->set_paused(task.paused);
  record->set_mark(task.mark);
  if (task.state == LiveState::SUSPENDED) {
    record->set_decide_by_us(task.decide_by);
    record->set_when_undecided(task.when_undecided);
  }
  if (task.state == LiveState::WAITING) record->set_fail_fast(task.fail_fast);
}

void FromRecord(const records::v1::Mutable& record, Task* task) {
  task->stage = record.stage();
  task->attempt = record.attempt();
  task->failures = record.failures();
  task->interruptions = record.interruptions();
  task->options_number = record.options_number();
  task->children = FromRecord(record.children());
  task->children_failed = record.children_failed();
  task->generation = record.generation();
  task->children_total = record.children_total();
  task->context_row = record.context_row();
  task->decision_row = record.decision_row();
  task->error_row = record.error_row();
  task->progress_row = record.progress_row();
  task->suspension_row = record.suspension_row();
  task->staged = FromRecord(record.staged());
  task->staged_parts = record.staged_parts();
  task->paused = record.paused();
  task->mark = record.mark();
  task->decide_by = record.decide_by_us();
  task->when_undecided = record.when_undecided();
  task->fail_fast = record.fail_fast();
}

bool ReadTaskRow(absl::string_view row, TaskId id, const Catalog& catalog, Task* task) {
  records::v1::TaskRow record;
  if (!record.ParseFromArray(row.data(), static_cast<int>(row.size()))) return false;
  if (record.class_number() == 0 || record.class_number() > catalog.class_count()) return false;
  task->id = id;
  task->class_number = record.class_number();
  task->priority = record.priority();
  task->due = record.due_us();
  task->created = record.created_us();
  task->parent = record.parent();
  task->root = record.root() != 0 ? record.root() : id;
  task->parent_generation = record.generation();
  task->depth = record.depth();
  task->schedule = record.schedule_number();
  task->tag_hash = TagHash(record.tag());
  task->start_by = record.start_by_us();
  task->end_by = record.end_by_us();
  if (!record.unique_key().empty()) {
    task->unique = UniqueHash(catalog.Class(record.class_number()).type, record.unique_key());
  }
  if (record.has_options()) task->options = std::make_shared<const Options>(FromRecord(record.options()));
  if (record.has_inherited()) task->inherited = std::make_shared<const Options>(FromRecord(record.inherited()));
  task->trace = TraceOf(record);
  return true;
}

Hash128 UniqueHash(absl::string_view type, absl::string_view unique_key) {
  return HashOf(absl::StrCat(type, absl::string_view("\0", 1), unique_key));
}

}  // namespace baton::engine
