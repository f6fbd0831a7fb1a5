#include "broker/engine/live/follower.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "broker/base/status_macros.h"

namespace baton::engine {
namespace {

using records::v1::CheckpointRow;
using records::v1::JournalEntry;

// Journal between two samples of its length.
constexpr uint64_t kSampleBytes = 1 << 20;

// Calls change(first, count) for the part of [first, first + count) in each page.
template <typename Visitor>
absl::Status ForEachPagePart(TaskId first, uint64_t count, Visitor&& visit) {
  while (count > 0) {
    const uint64_t part = std::min<uint64_t>(count, kPageIds - SlotOf(first));
    RETURN_IF_ERROR(visit(first, part));
    first += part;
    count -= part;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Follower::Restore(const CheckpointRow& checkpoint) {
  folded_ = checkpoint.number();
  counted_ = checkpoint.counted();
  trimmed_ = checkpoint.trimmed();
  next_id_ = std::max<TaskId>(checkpoint.next_id(), 1);
  stored_live_.insert(checkpoint.live_pages().begin(), checkpoint.live_pages().end());
  for (const auto& row : checkpoint.counts()) {
    StateCounts& counts = (*counts_)[row.class_number()];
    for (int i = 0; i < row.counts_size() && i < kLiveStates; ++i) counts[i] = row.counts(i);
  }
  samples_.push_back({checkpoint.number(), checkpoint.time_us(), 0});
  return absl::OkStatus();
}

absl::Status Follower::Fold(uint64_t number, const JournalEntry& entry, size_t entry_bytes,
                            absl::Span<const TaggedTask> tagged) {
  folding_ = number;
  folding_time_ = entry.time_us();
  if (samples_.empty() || journal_bytes_ - samples_.back().bytes >= kSampleBytes) {
    samples_.push_back({number - 1, entry.time_us(), journal_bytes_});
  }
  journal_bytes_ += entry_bytes;
  for (const TaggedTask& task : tagged) tag_hashes_[task.id] = task.tag_hash;
  RETURN_IF_ERROR(FoldCreated(entry));
  RETURN_IF_ERROR(FoldSealed(entry));
  RETURN_IF_ERROR(FoldRevived(entry));
  RETURN_IF_ERROR(FoldClaimed(entry));
  RETURN_IF_ERROR(FoldPausedAndAlarms(entry));
  RETURN_IF_ERROR(FoldMoved(entry));
  RETURN_IF_ERROR(FoldEnded(entry));
  RETURN_IF_ERROR(FoldRemoved(entry));
  RETURN_IF_ERROR(FoldRemovedEnded(entry));
  for (const uint64_t page : touched_) slots_[page].page->set_folded(number);
  touched_.clear();
  if (board_ != nullptr) {
    board_->Add(clock_->Read().steady, observations_);
    observations_.clear();
  }
  tag_hashes_.clear();
  next_id_ = std::max<TaskId>(next_id_, entry.next_id());
  folded_ = number;
  EvictCleanPages();
  return absl::OkStatus();
}

absl::Status Follower::FoldCreated(const JournalEntry& entry) {
  // A new task takes more than four bytes of a lane: no more of them fit into a commit. The constant is for entries
  // from when lanes were larger. A damaged entry must not take all memory.
  const uint64_t most = std::max<uint64_t>(1 << 24, settings_.lane_bytes / 4);
  for (const JournalEntry::Created& run : entry.created()) {
    if (run.count() > most || run.first() > UINT64_MAX - run.count()) {
      return absl::DataLossError(absl::StrCat("journal entry ", folding_, " creates ", run.count(), " tasks from ",
                                              run.first(), " on, which no commit does"));
    }
    LiveEntry task;
    task.state = run.staged() ? LiveState::STAGED : LiveState::PENDING;
    task.class_number = run.class_number();
    task.priority = run.priority();
    task.due = run.due_us();
    task.alarm = run.alarm_us();
    if (run.parent() != 0) {
      ASSIGN_OR_RETURN(Page* const page, Open(PageOf(run.parent())));
      if (page != nullptr) page->set_has_parents();
    }
    RETURN_IF_ERROR(ForEachPagePart(run.first(), run.count(), [&](TaskId first, uint64_t count) -> absl::Status {
      ASSIGN_OR_RETURN(Page* const page, Open(PageOf(first)));
      if (page == nullptr) return absl::OkStatus();
      if (run.parent() != 0) page->set_has_children();
      if (!page->AddAttributes({static_cast<uint16_t>(SlotOf(first)), static_cast<uint16_t>(count), run.class_number(),
                                run.tag_hash()})) {
        return absl::DataLossError(absl::StrCat("journal entry ", folding_, " creates task ", first, " once more"));
      }
      for (task.id = first; task.id < first + count; ++task.id) Put(page, task);
      return absl::OkStatus();
    }));
    if (board_ == nullptr) continue;
    observations_.push_back({run.class_number(), Happening::kCreated, run.count(), -1, run.tag_hash(), run.first()});
  }
  return absl::OkStatus();
}

absl::Status Follower::FoldSealed(const JournalEntry& entry) {
  for (const records::v1::Range& range : entry.sealed()) {
    for (TaskId id = range.first(); id < range.first() + range.count(); ++id) {
      RETURN_IF_ERROR(Change(id, [](LiveEntry& task) { task.state = LiveState::PENDING; }));
    }
  }
  return absl::OkStatus();
}

absl::Status Follower::FoldRevived(const JournalEntry& entry) {
  for (const JournalEntry::Revived& revived : entry.revived()) {
    ASSIGN_OR_RETURN(Page* const page, Open(PageOf(revived.id())));
    if (page == nullptr) continue;
    const LiveState was = revived.was();
    EndedCounts counts{revived.class_number()};
    if (IsTerminal(was)) ++counts.Of(was);
    if (counts.sum() == 0 || page->StateAt(SlotOf(revived.id())) != was || !page->UncountEnded(counts)) {
      return absl::DataLossError(
          absl::StrCat("journal entry ", folding_, " revives task ", revived.id(), ", which had not ended so"));
    }
    Count(revived.class_number(), was, -1);
    LiveEntry task;
    task.id = revived.id();
    task.state = LiveState::PENDING;
    task.class_number = revived.class_number();
    task.priority = revived.priority();
    Put(page, task);
  }
  return absl::OkStatus();
}

absl::Status Follower::FoldClaimed(const JournalEntry& entry) {
  for (const JournalEntry::Claimed& group : entry.claimed()) {
    TaskId id = 0;
    for (int i = 0; i < group.id_deltas_size(); ++i) {
      id += static_cast<TaskId>(group.id_deltas(i));
      RETURN_IF_ERROR(Change(id, [&](LiveEntry& task) {
        task.state = LiveState::RUNNING;
        task.paused = false;
        task.alarm = 0;
        task.attempt = group.attempts_size() > i ? group.attempts(i) : 1;
        task.session = group.session();
        task.options_number = group.options_number();
        task.handler_version = group.handler_version();
        task.claimed = group.claimed_us();
        task.ready = group.claimed_us() - (group.ready_ages_size() > i ? group.ready_ages(i) : 0);
        // It may have been set by the same commit, which then tells only of the claim.
        task.due = task.ready;
        task.generation = 0;
        task.remaining = 0;
        task.fail_fast = false;
      }));
    }
  }
  return absl::OkStatus();
}

absl::Status Follower::FoldPausedAndAlarms(const JournalEntry& entry) {
  for (const TaskId id : entry.paused()) {
    RETURN_IF_ERROR(Change(id, [](LiveEntry& task) { task.paused = true; }));
  }
  for (const JournalEntry::Alarm& alarm : entry.alarms()) {
    RETURN_IF_ERROR(Change(alarm.id(), [&](LiveEntry& task) { task.alarm = alarm.alarm_us(); }));
  }
  return absl::OkStatus();
}

absl::Status Follower::FoldMoved(const JournalEntry& entry) {
  for (const JournalEntry::Moved& moved : entry.moved()) {
    RETURN_IF_ERROR(Change(moved.id(), [&](LiveEntry& task) {
      LiveEntry after;
      after.id = task.id;
      after.class_number = task.class_number;
      after.priority = task.priority;
      after.state = moved.state();
      after.due = moved.due_us();
      after.attempt = moved.attempt();
      after.paused = moved.paused();
      after.generation = moved.generation();
      after.remaining = moved.remaining();
      after.failed = moved.failed();
      after.fail_fast = moved.fail_fast();
      after.alarm = moved.alarm_us();
      task = after;
    }));
  }
  return absl::OkStatus();
}

absl::Status Follower::FoldEnded(const JournalEntry& entry) {
  RETURN_IF_ERROR(FoldEndedList(entry.ended().completed(), LiveState::COMPLETED));
  RETURN_IF_ERROR(FoldEndedList(entry.ended().failed(), LiveState::FAILED));
  return FoldEndedList(entry.ended().cancelled(), LiveState::CANCELLED);
}

template <typename Deltas>
absl::Status Follower::FoldEndedList(const Deltas& deltas, LiveState state) {
  TaskId id = 0;
  for (const int64_t delta : deltas) {
    id += static_cast<TaskId>(delta);
    ASSIGN_OR_RETURN(Page* const page, Open(PageOf(id)));
    if (page != nullptr) RETURN_IF_ERROR(End(page, id, state));
  }
  return absl::OkStatus();
}

absl::Status Follower::FoldRemoved(const JournalEntry& entry) {
  for (const records::v1::Range& range : entry.removed()) {
    RETURN_IF_ERROR(ForEachPagePart(range.first(), range.count(), [&](TaskId first, uint64_t count) -> absl::Status {
      ASSIGN_OR_RETURN(Page* const page, Open(PageOf(first)));
      if (page == nullptr) return absl::OkStatus();
      for (TaskId id = first; id < first + count; ++id) {
        LiveEntry task;
        if (page->Find(SlotOf(id), &task)) Count(task.class_number, task.state, -1);
        page->End(SlotOf(id), LiveState::REMOVED);
      }
      return absl::OkStatus();
    }));
  }
  return absl::OkStatus();
}

// They were counted when they ended; here is told of which class they are.
absl::Status Follower::FoldRemovedEnded(const JournalEntry& entry) {
  for (const JournalEntry::RemovedEnded& removed : entry.removed_ended()) {
    ASSIGN_OR_RETURN(Page* const page, Open(removed.page()));
    if (page == nullptr) continue;
    const EndedCounts counts = FromRecord(removed.counts());
    if (!page->UncountEnded(counts)) {
      return absl::DataLossError(absl::StrCat("journal entry ", folding_, " removes more ended tasks of class ",
                                              counts.class_number, " than page ", removed.page(), " has"));
    }
    Count(counts.class_number, LiveState::COMPLETED, -int64_t{counts.completed});
    Count(counts.class_number, LiveState::FAILED, -int64_t{counts.failed});
    Count(counts.class_number, LiveState::CANCELLED, -int64_t{counts.cancelled});
  }
  return absl::OkStatus();
}

absl::Status Follower::Change(TaskId id, absl::FunctionRef<void(LiveEntry&)> change) {
  ASSIGN_OR_RETURN(Page* const page, Open(PageOf(id)));
  if (page == nullptr) return absl::OkStatus();
  LiveEntry task;
  if (!page->Find(SlotOf(id), &task)) {
    return absl::DataLossError(absl::StrCat("journal entry ", folding_, " changes task ", id, ", which is not live"));
  }
  const LiveEntry before = task;
  change(task);
  if (board_ != nullptr) ObserveChange(before, task);
  Put(page, task);
  return absl::OkStatus();
}

void Follower::Put(Page* page, const LiveEntry& entry) {
  LiveEntry before;
  if (page->Find(SlotOf(entry.id), &before)) Count(before.class_number, before.state, -1);
  Count(entry.class_number, entry.state, 1);
  page->Put(entry);
}

absl::Status Follower::End(Page* page, TaskId id, LiveState state) {
  LiveEntry before;
  if (!page->Find(SlotOf(id), &before)) {
    return absl::DataLossError(absl::StrCat("journal entry ", folding_, " ends task ", id, ", which is not live"));
  }
  if (board_ != nullptr) ObserveEnd(before, state);
  Count(before.class_number, before.state, -1);
  Count(before.class_number, state, 1);
  page->End(SlotOf(id), state);
  page->CountEnded(before.class_number, state);
  page->NoteEnd(folding_time_);
  return absl::OkStatus();
}

void Follower::Count(ClassNumber class_number, LiveState state, int64_t change) {
  if (folding_ <= counted_) return;
  if (Shared(counts_copied_at_)) {
    counts_ = std::make_shared<View::Counts>(*counts_);
    counts_copied_at_ = views_;
  }
  StateCounts& counts = (*counts_)[class_number];
  counts[state] += change;
  if (counts == StateCounts{}) counts_->erase(class_number);  // A class that nothing is left of costs nothing.
}

absl::StatusOr<Page*> Follower::Open(uint64_t page_number) {
  Slot& slot = slots_[page_number];
  if (slot.page == nullptr) {
    ASSIGN_OR_RETURN(slot.page, Load(page_number));
    slot.copied_at = views_;
  }
  // While recovering: the stored page may be ahead of this entry.
  if (slot.page->folded() >= folding_) return nullptr;
  Page& page = Writable(slot);
  if (touched_.empty() || touched_.back() != page_number) {
    touched_.push_back(page_number);
    MarkDirty(slot);
    published_ = nullptr;
  }
  return &page;
}

Page& Follower::Writable(Slot& slot) {
  if (Shared(slot.copied_at)) {
    slot.page = std::make_shared<Page>(*slot.page);
    slot.copied_at = views_;
  }
  return *slot.page;
}

absl::StatusOr<std::shared_ptr<Page>> Follower::Load(uint64_t page_number) const {
  std::string row;
  const absl::Status status = store_->TakeSnapshot()->Get(storage::Family::kPage, PageKey(page_number), &row);
  if (absl::IsNotFound(status)) return std::make_shared<Page>(page_number);
  RETURN_IF_ERROR(status);
  ASSIGN_OR_RETURN(Page page, Page::Decode(page_number, row));
  return std::make_shared<Page>(std::move(page));
}

void Follower::MarkDirty(Slot& slot) {
  slot.last_used = folding_;
  if (slot.dirty_since != 0) return;
  slot.dirty_since = folding_;
  slot.dirty_time = folding_time_;
  slot.journal_at_dirty = journal_bytes_;
  dirty_.insert({slot.dirty_since, slot.page->page_number()});
}

bool Follower::Shared(uint64_t copied_at) {
  if (released_ < views_ && alive_->load(std::memory_order_acquire) == 0) released_ = views_;
  return std::max(copied_at, released_) < views_;
}

std::shared_ptr<const View> Follower::MakeView(std::shared_ptr<const storage::Snapshot> snapshot) {
  if (published_ == nullptr) {
    auto pages = std::make_shared<View::Pages>();
    pages->reserve(slots_.size());
    for (const auto& [number, slot] : slots_) pages->emplace(number, slot.page);
    published_ = std::move(pages);
  }
  ++views_;
  alive_->fetch_add(1, std::memory_order_relaxed);
  // The count is dropped after everything the view shares was let go of, which the release order tells the follower.
  std::shared_ptr<void> lease(nullptr, [alive = alive_](void*) { alive->fetch_sub(1, std::memory_order_release); });
  return std::make_shared<const View>(folded_, next_id_, std::move(snapshot), published_, counts_, catalog_,
                                      std::move(lease));
}

absl::Status Follower::ForEachLive(absl::FunctionRef<void(const LiveEntry&)> visit) {
  std::set<uint64_t> pages = stored_live_;
  for (const auto& [number, slot] : slots_) pages.insert(number);
  for (const uint64_t number : pages) {
    const auto slot = slots_.find(number);
    std::shared_ptr<Page> page;
    if (slot != slots_.end()) {
      page = slot->second.page;
    } else {
      ASSIGN_OR_RETURN(page, Load(number));
    }
    page->ForEachLive(visit);
  }
  return absl::OkStatus();
}

}  // namespace baton::engine
