#include "broker/engine/batch.h"

namespace baton::engine {

using records::v1::JournalEntry;

namespace {

// What a part of a journal entry has at most, as a rule: ids of six bytes, times of eight.
constexpr size_t kCreatedBytes = 48;
constexpr size_t kRangeBytes = 16;
constexpr size_t kAlarmBytes = 20;
constexpr size_t kIdBytes = 8;

}  // namespace

void Batch::AddPages(const storage::WriteBatch& pages) {
  writes_.Append(pages);
  stores_pages_ = true;
}

void Batch::Created(const Creation& task) {
  changed_ = true;
  if (entry_.created_size() > 0) {
    JournalEntry::Created* last = entry_.mutable_created(entry_.created_size() - 1);
    if (last->first() + last->count() == task.id && last->class_number() == task.class_number &&
        last->priority() == task.priority && last->due_us() == task.due && last->staged() == task.staged &&
        last->parent() == task.parent && last->tag_hash() == task.tag_hash && last->alarm_us() == task.alarm) {
      last->set_count(last->count() + 1);
      return;
    }
  }
  expected_bytes_ += kCreatedBytes;
  JournalEntry::Created* run = entry_.add_created();
  run->set_first(task.id);
  run->set_count(1);
  run->set_class_number(task.class_number);
  run->set_priority(task.priority);
  run->set_due_us(task.due);
  run->set_staged(task.staged);
  run->set_parent(task.parent);
  run->set_tag_hash(task.tag_hash);
  run->set_alarm_us(task.alarm);
}

void Batch::Sealed(const IdRange& range) {
  changed_ = true;
  expected_bytes_ += kRangeBytes;
  records::v1::Range* record = entry_.add_sealed();
  record->set_first(range.first);
  record->set_count(range.count);
}

void Batch::Moved(const LiveEntry& entry) {
  changed_ = true;
  JournalEntry::Moved* moved = entry_.add_moved();
  moved->set_id(entry.id);
  moved->set_state(entry.state);
  moved->set_due_us(entry.due);
  moved->set_attempt(entry.attempt);
  moved->set_generation(entry.generation);
  moved->set_remaining(entry.remaining);
  moved->set_failed(entry.failed);
  moved->set_paused(entry.paused);
  moved->set_alarm_us(entry.alarm);
  moved->set_fail_fast(entry.fail_fast);
}

void Batch::Revived(const LiveEntry& entry, LiveState was) {
  changed_ = true;
  expected_bytes_ += kRangeBytes;
  JournalEntry::Revived* revived = entry_.add_revived();
  revived->set_id(entry.id);
  revived->set_class_number(entry.class_number);
  revived->set_priority(entry.priority);
  revived->set_was(was);
}

void Batch::Claimed(const LiveEntry& entry) {
  changed_ = true;
  JournalEntry::Claimed* group = nullptr;
  if (entry_.claimed_size() > 0) {
    group = entry_.mutable_claimed(entry_.claimed_size() - 1);
    if (group->session() != entry.session || group->options_number() != entry.options_number ||
        group->handler_version() != entry.handler_version || group->claimed_us() != entry.claimed) {
      group = nullptr;
    }
  }
  if (group == nullptr) {
    group = entry_.add_claimed();
    group->set_session(entry.session);
    group->set_options_number(entry.options_number);
    group->set_handler_version(entry.handler_version);
    group->set_claimed_us(entry.claimed);
    last_claimed_ = 0;
  }
  // Attempts are all 1 as a rule, and then not written: the column starts with the first other one.
  if (entry.attempt != 1 && group->attempts().empty()) {
    for (int i = 0; i < group->id_deltas_size(); ++i) group->add_attempts(1);
    group->add_attempts(entry.attempt);
  } else if (!group->attempts().empty()) {
    group->add_attempts(entry.attempt);
  }
  group->add_id_deltas(static_cast<int64_t>(entry.id - last_claimed_));
  group->add_ready_ages(entry.claimed > entry.ready ? entry.claimed - entry.ready : 0);
  last_claimed_ = entry.id;
}

void Batch::Paused(TaskId id) {
  changed_ = true;
  entry_.add_paused(id);
}

void Batch::HasAlarm(TaskId id, WallMicros alarm) {
  changed_ = true;
  expected_bytes_ += kAlarmBytes;
  JournalEntry::Alarm* record = entry_.add_alarms();
  record->set_id(id);
  record->set_alarm_us(alarm);
}

void Batch::Ended(TaskId id, LiveState state) {
  changed_ = true;
  expected_bytes_ += kIdBytes;
  JournalEntry::Ended* ended = entry_.mutable_ended();
  const int list = state == LiveState::COMPLETED ? 0 : state == LiveState::FAILED ? 1 : 2;
  auto* deltas = list == 0   ? ended->mutable_completed()
                 : list == 1 ? ended->mutable_failed()
                             : ended->mutable_cancelled();
  deltas->Add(static_cast<int64_t>(id - last_ended_[list]));
  last_ended_[list] = id;
}

void Batch::Removed(const IdRange& range) {
  changed_ = true;
  expected_bytes_ += kRangeBytes;
  records::v1::Range* record = entry_.add_removed();
  record->set_first(range.first);
  record->set_count(range.count);
}

void Batch::RemovedEnded(uint64_t page_number, const EndedCounts& counts) {
  JournalEntry::RemovedEnded* record = entry_.add_removed_ended();
  record->set_page(page_number);
  *record->mutable_counts() = ToRecord(counts);
}

void Batch::Reported(TaskId id) {
  changed_ = true;
  expected_bytes_ += kIdBytes;
  entry_.add_reported(id);
}

SessionOutput& Batch::OutputFor(SessionNumber session) {
  for (auto it = outbox_.sessions.rbegin(); it != outbox_.sessions.rend(); ++it) {
    if (it->session == session) return *it;
  }
  outbox_.sessions.emplace_back();
  outbox_.sessions.back().session = session;
  return outbox_.sessions.back();
}

void Batch::Deliver(SessionNumber session, Delivery delivery) {
  delivery_bytes_ += delivery.body->task_row.size() + delivery.body->context_step.size();
  OutputFor(session).deliveries.push_back(std::move(delivery));
}

void Batch::Load(LoadRequest request) {
  request.min_number = number_;
  loads_.push_back(std::move(request));
}

ClosedBatch Batch::Close(WallMicros now, uint64_t incarnation, TaskId next_id, uint64_t* last_entry) {
  ClosedBatch closed;
  if (changed_ || !writes_.empty()) {
    closed.number = number_;
    entry_.set_time_us(now);
    entry_.set_incarnation(incarnation);
    entry_.set_next_id(next_id);
    auto entry = std::make_shared<JournalEntry>(std::move(entry_));
    // A batch that only stores pages or meta rows changes nothing in the live table.
    if (changed_) {
      entry->set_previous(std::exchange(*last_entry, number_));
      const std::string row = entry->SerializeAsString();
      writes_.Put(storage::Family::kJournal, JournalKey(number_), row);
      closed.entry_bytes = row.size();
    }
    closed.entry = std::move(entry);
  }
  closed.tagged = std::move(tagged_);
  closed.stores_pages = stores_pages_;
  closed.writes = std::move(writes_);
  closed.outbox = std::move(outbox_);
  closed.loads = std::move(loads_);
  closed.warnings = std::move(warnings_);
  // What was asked for while nothing was written needs no commit that will never come.
  if (closed.number == 0) {
    for (LoadRequest& request : closed.loads) request.min_number = number_ - 1;
  }
  *this = Batch(closed.number != 0 ? number_ + 1 : number_);
  return closed;
}

}  // namespace baton::engine
