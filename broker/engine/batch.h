// The open batch: everything the engine has decided since the last commit, and what leaves the process with it.
#ifndef BATON_BROKER_ENGINE_BATCH_H_
#define BATON_BROKER_ENGINE_BATCH_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "baton/records/v1/records.pb.h"
#include "broker/engine/command.h"
#include "broker/engine/live/loader.h"
#include "broker/engine/live/page.h"
#include "broker/storage/write_batch.h"

namespace baton::engine {

// A batch on its way to the disk.
struct ClosedBatch {
  // Commit number; 0 if there is nothing to write: then the outbox may leave as soon as all earlier batches are done.
  uint64_t number = 0;
  storage::WriteBatch writes;
  // For the follower.
  std::shared_ptr<const records::v1::JournalEntry> entry;
  size_t entry_bytes = 0;
  std::vector<TaggedTask> tagged;
  bool stores_pages = false;
  Outbox outbox;
  // To be loaded once this batch is done.
  std::vector<LoadRequest> loads;
  // For the operator, once this batch is done.
  std::vector<std::string> warnings;
};

// Not thread-safe.
class Batch {
 public:
  explicit Batch(uint64_t number) : number_(number) {}

  // Number it will be committed as.
  uint64_t number() const { return number_; }
  bool empty() const { return writes_.empty() && outbox_.empty() && loads_.empty() && warnings_.empty() && !changed_; }
  // With what its journal entry will have, about.
  size_t bytes() const { return writes_.bytes() + delivery_bytes_ + expected_bytes_; }
  // So many bytes are still to be written into it, when it is closed.
  void Expect(size_t bytes) { expected_bytes_ += bytes; }

  storage::WriteBatch& writes() { return writes_; }
  const storage::WriteBatch& writes() const { return writes_; }
  Outbox& outbox() { return outbox_; }
  const Outbox& outbox() const { return outbox_; }
  size_t load_count() const { return loads_.size(); }
  void AddPages(const storage::WriteBatch& pages);

  // ── Live table ──
  // Of a new task; `parent`, `tag_hash`, `alarm` 0: none.
  struct Creation {
    TaskId id = 0;
    ClassNumber class_number = 0;
    int32_t priority = 0;
    WallMicros due = 0;
    bool staged = false;
    TaskId parent = 0;
    uint32_t tag_hash = 0;
    WallMicros alarm = 0;
  };
  void Created(const Creation& task);
  void Sealed(const IdRange& range);
  // That had ended, `was` so; followed by what it is now, by Moved, Claimed or Ended.
  void Revived(const LiveEntry& entry, LiveState was);
  void Moved(const LiveEntry& entry);
  void Claimed(const LiveEntry& entry);
  // Of one that was put down as claimed.
  void Paused(TaskId id);
  void HasAlarm(TaskId id, WallMicros alarm);
  void Ended(TaskId id, LiveState state);
  void Removed(const IdRange& range);
  // The ranges above are removal number `removal` of retention.
  void RemovedAs(uint64_t removal) { entry_.set_removal(removal); }
  // How many ended tasks of a page are in the ranges above.
  void RemovedEnded(uint64_t page_number, const EndedCounts& counts);
  void Reported(TaskId id);
  // Of a task that the journal entry tells of; for the follower alone, it is not stored. 0: it has no tag.
  void HasTag(TaskId id, uint32_t tag_hash) {
    if (tag_hash != 0) tagged_.push_back({id, tag_hash});
  }

  // ── Outbox ──
  SessionOutput& OutputFor(SessionNumber session);
  void Answer(std::unique_ptr<Command> command) { outbox_.answered.push_back(std::move(command)); }
  void Deliver(SessionNumber session, Delivery delivery);
  void Load(LoadRequest request);
  // The one added last, which may still be extended; null: none.
  LoadRequest* LastLoad() { return loads_.empty() ? nullptr : &loads_.back(); }
  void Warn(std::string text) { warnings_.push_back(std::move(text)); }

  // Ends this batch and opens the next one. The journal entry is part of the writes.
  // `last_entry`: number of the last commit with an entry in the journal; becomes this one's if it has one.
  ClosedBatch Close(WallMicros now, uint64_t incarnation, TaskId next_id, uint64_t* last_entry);

 private:
  uint64_t number_;
  storage::WriteBatch writes_;
  records::v1::JournalEntry entry_;
  bool changed_ = false;  // The journal entry says something.
  bool stores_pages_ = false;
  std::vector<TaggedTask> tagged_;
  TaskId last_claimed_ = 0;
  TaskId last_ended_[3] = {0, 0, 0};
  size_t delivery_bytes_ = 0;
  size_t expected_bytes_ = 0;
  Outbox outbox_;
  std::vector<LoadRequest> loads_;
  std::vector<std::string> warnings_;
};

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_BATCH_H_
