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
  if (!record.unique_key().empty()) {
    task->unique = UniqueHash(catalog.Class(record.class_number()).type, record.unique_key());
  }
  if (record.has_options()) task->options = std::make_shared<const Options>(FromRecord(record.options()));
  return true;
}

Hash128 UniqueHash(absl::string_view type, absl::string_view unique_key) {
  return HashOf(absl::StrCat(type, absl::string_view("\0", 1), unique_key));
}

}  // namespace baton::engine
