#include "broker/engine/verify/repair.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/base/status_macros.h"
#include "broker/engine/live/index.h"

namespace baton::engine {
namespace {

using records::v1::Step;
using storage::Family;

constexpr size_t kBatchBytes = 1 << 20;
// Above every key that a broker writes.
const std::string kEnd(16, '\xff');
constexpr char kReason[] = "the store was repaired";

records::v1::AttemptInfo AttemptOf(const LiveEntry& entry, const KnownNumbers& known, uint32_t stage) {
  records::v1::AttemptInfo info;
  info.set_number(entry.attempt);
  const auto worker = known.workers.find(entry.session);
  if (worker != known.workers.end()) info.set_worker(worker->second);
  info.set_handler_version(entry.handler_version);
  info.set_options_number(entry.options_number);
  info.set_ready_us(entry.ready);
  info.set_claimed_us(entry.claimed);
  info.set_stage(stage);
  return info;
}

}  // namespace

absl::Status StoreRepair::Begin(const Examination& found) {
  records::v1::StoreRow row = found.store_row();
  row.set_repairing(true);
  row.set_incarnation(options_.random());
  batch_.Put(Family::kMeta, StoreMetaKey(), row.SerializeAsString());
  for (const std::string& key : found.unreadable_meta()) batch_.Delete(Family::kMeta, key);
  for (const std::string& key : found.stray_pages()) batch_.Delete(Family::kPage, key);
  batch_.DeleteRange(Family::kMeta, "s", "t");
  batch_.DeleteRange(Family::kKey, "u", "v");
  RETURN_IF_ERROR(DeleteAll(Family::kIndex));
  for (const std::string& key : found.unreadable_keys()) {
    RETURN_IF_ERROR(Flush(false));
    batch_.Delete(Family::kKey, key);
  }
  return Flush(true);
}

absl::Status StoreRepair::Drop(const absl::btree_set<TaskId>& lost) {
  for (const TaskId id : lost) {
    batch_.Delete(Family::kTask, TaskKey(id));
    batch_.Delete(Family::kEnd, EndKey(id));
    batch_.DeleteRange(Family::kLog, LogKey(id, 0), id == UINT64_MAX ? kEnd : LogKey(id + 1, 0).str());
    RETURN_IF_ERROR(Flush(false));
  }
  return Flush(true);
}

absl::Status StoreRepair::Rebuild(Examination& found) {
  std::optional<uint64_t> page_number;
  ASSIGN_OR_RETURN(page_number, NextPage(*store_.TakeSnapshot(), 0));
  while (page_number.has_value()) {
    RETURN_IF_ERROR(RebuildPage(found, *page_number));
    ASSIGN_OR_RETURN(page_number, NextPage(*store_.TakeSnapshot(), *page_number + 1));
  }
  return Finish(found);
}

absl::Status StoreRepair::RebuildPage(Examination& found, uint64_t page_number) {
  PageRecords records;
  RETURN_IF_ERROR(ReadPageRecords(
      *store_.TakeSnapshot(), found.known(), page_number, [](Check, TaskId, const std::string&) {}, &records));
  for (const auto& [family, key] : records.stray) batch_.Delete(family, key);
  const absl::StatusOr<std::shared_ptr<const Page>> said = found.PageOfTable(page_number);
  Page page(page_number);
  for (uint32_t slot = 0; slot < kPageIds; ++slot) {
    RETURN_IF_ERROR(
        RebuildTask(found, page.first_id() + slot, records.tasks[slot], said.ok() ? said->get() : nullptr, &page));
    RETURN_IF_ERROR(Flush(false));
  }
  if (found.HasParents(page_number)) page.set_has_parents();
  if (page.live_count() > 0) live_pages_.push_back(page_number);
  page.set_folded(store_.number() + 1);
  if (IsFull(page_number, found.next_id())) {
    AddIndexRows(page, &batch_);
    page.SetIndexed();
  }
  batch_.Put(Family::kPage, PageKey(page_number), page.Encode());
  return Flush(true);
}

absl::Status StoreRepair::RebuildTask(Examination& found, TaskId id, const TaskRecords& records, const Page* said,
                                      Page* page) {
  if (!records.found) {
    if (id != 0 && id < found.next_id()) page->End(SlotOf(id), LiveState::REMOVED);
    return absl::OkStatus();
  }
  if (records.parent != 0) page->set_has_children();
  page->AddAttributes({static_cast<uint16_t>(SlotOf(id)), 1, records.class_number, records.tag_hash});
  if (records.has_end) {
    page->End(SlotOf(id), records.end_state);
    page->CountEnded(records.class_number, records.end_state);
    page->NoteEnd(records.ended);
    ++counts_[records.class_number][records.end_state];
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const std::optional<bool> staged, found.IsStaged(id, records));
  if (!staged.has_value() || *staged) {
    // The attempt that staged it is over, with all others.
    batch_.Delete(Family::kTask, TaskKey(id));
    page->End(SlotOf(id), LiveState::REMOVED);
    return absl::OkStatus();
  }
  LiveEntry entry = ExpectedEntry(id, records, found.known(), found.ChildrenOf(id), found.SaidOf(said, id).entry);
  if (entry.state == LiveState::RUNNING) Release(found, records, &entry);
  page->Put(entry);
  ++counts_[entry.class_number][entry.state];
  return KeepUniqueKey(id, records);
}

// As if its worker had given it back: costs nothing, and the history tells of the attempt.
void StoreRepair::Release(const Examination& found, const TaskRecords& records, LiveEntry* entry) {
  Step step;
  uint32_t row = 1;
  if (records.newest != nullptr) {
    *step.mutable_after() = records.newest->after();
    row = records.newest_row + 1;
    if (records.newest->state() == LiveState::WAITING) {  // Its children have ended: see loader.cc.
      step.mutable_after()->set_stage(step.after().stage() + 1);
      step.mutable_after()->set_failures(0);
      step.mutable_after()->set_children_failed(entry->failed);
    }
  }
  step.set_kind(Step::RELEASED);
  step.set_time_us(options_.now);
  step.set_actor("broker");
  step.set_reason(kReason);
  step.set_state(LiveState::PENDING);
  step.set_due_us(entry->due);
  *step.mutable_attempt() = AttemptOf(*entry, found.known(), step.after().stage());
  step.mutable_after()->set_attempt(entry->attempt);
  step.mutable_after()->set_options_number(entry->options_number);
  step.mutable_after()->clear_staged();
  step.mutable_after()->clear_staged_parts();
  batch_.Put(Family::kLog, LogKey(entry->id, row), step.SerializeAsString());

  LiveEntry pending;
  pending.id = entry->id;
  pending.state = LiveState::PENDING;
  pending.paused = entry->paused;
  pending.class_number = entry->class_number;
  pending.priority = entry->priority;
  pending.due = entry->due;
  pending.attempt = entry->attempt;
  pending.failed = entry->failed;
  pending.alarm = engine::AlarmOf(pending.state, pending.attempt, records.start_by, records.end_by, 0);
  *entry = pending;
}

// All were removed at the beginning: the first live task that has the key gets it.
absl::Status StoreRepair::KeepUniqueKey(TaskId id, const TaskRecords& records) {
  if (records.unique.empty() || held_.contains(records.unique)) return absl::OkStatus();
  std::string value;
  const absl::Status status = store_.TakeSnapshot()->Get(Family::kKey, UniqueKey(records.unique), &value);
  if (!absl::IsNotFound(status)) return status;
  held_.insert(records.unique);
  records::v1::KeyRow row;
  row.set_task(id);
  row.set_time_us(records.created);
  batch_.Put(Family::kKey, UniqueKey(records.unique), row.SerializeAsString());
  return absl::OkStatus();
}

absl::Status StoreRepair::Finish(const Examination& found) {
  const uint64_t number = store_.number();
  records::v1::CheckpointRow checkpoint;
  checkpoint.set_number(number);
  checkpoint.set_next_id(found.next_id());
  checkpoint.set_time_us(options_.now);
  checkpoint.set_counted(number);
  checkpoint.set_trimmed(number);
  checkpoint.mutable_live_pages()->Add(live_pages_.begin(), live_pages_.end());
  for (const auto& [class_number, counts] : counts_) {
    auto* row = checkpoint.add_counts();
    row->set_class_number(class_number);
    row->mutable_counts()->Add(counts.begin(), counts.end());
  }
  batch_.Put(Family::kMeta, CheckpointMetaKey(), checkpoint.SerializeAsString());
  RETURN_IF_ERROR(DeleteAll(Family::kJournal));
  std::string value;
  records::v1::StoreRow row;
  RETURN_IF_ERROR(store_.TakeSnapshot()->Get(Family::kMeta, StoreMetaKey(), &value));
  if (!row.ParseFromString(value)) return absl::DataLossError("the record of the store's format is not readable");
  row.set_repairing(false);
  batch_.Put(Family::kMeta, StoreMetaKey(), row.SerializeAsString());
  return Flush(true);
}

absl::Status StoreRepair::DeleteAll(Family family) {
  batch_.DeleteRange(family, "", kEnd);
  return store_.TakeSnapshot()->Scan(family, kEnd, "", [&](absl::string_view key, absl::string_view) {
    batch_.Delete(family, key);
    return true;
  });
}

absl::Status StoreRepair::Flush(bool all) {
  if (batch_.empty() || (!all && batch_.bytes() < kBatchBytes)) return absl::OkStatus();
  std::string error;
  if (store_.Commit(batch_, store_.number() + 1, &error) != storage::CommitResult::kDone) {
    return absl::UnavailableError(absl::StrCat("the repair cannot write: ", error));
  }
  batch_.Clear();
  held_.clear();
  return absl::OkStatus();
}

}  // namespace baton::engine
