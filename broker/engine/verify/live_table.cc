#include "broker/engine/verify/live_table.h"

#include <algorithm>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "broker/base/status_macros.h"
#include "broker/engine/live/journal_order.h"

namespace baton::engine {
namespace {

using records::v1::JournalEntry;
using storage::Family;
using storage::Snapshot;

}  // namespace

absl::Status LiveTable::Read(Findings* findings) {
  const std::shared_ptr<const Snapshot> snapshot = store_.TakeSnapshot();
  RETURN_IF_ERROR(ReadCheckpoint(*snapshot, findings));
  RETURN_IF_ERROR(ReadPages(*snapshot, findings));
  RETURN_IF_ERROR(ReadJournal(*snapshot, findings));
  if (broken_ || !follower_.Fold(snapshot->number(), JournalEntry(), 0).ok()) return absl::OkStatus();
  view_ = follower_.MakeView(snapshot);
  return absl::OkStatus();
}

absl::Status LiveTable::ReadCheckpoint(const Snapshot& store, Findings* findings) {
  std::string value;
  const absl::Status status = store.Get(Family::kMeta, CheckpointMetaKey(), &value);
  if (!status.ok() && !absl::IsNotFound(status)) return status;
  if (!checkpoint_.ParseFromString(value)) {
    broken_ = true;
    checkpoint_.Clear();
    findings->Add(Check::kUnreadableCheckpoint, "the checkpoint is not readable");
  }
  if (std::max(checkpoint_.number(), checkpoint_.counted()) > store.number()) {
    broken_ = true;
    findings->Add(Check::kNumberAhead,
                  absl::StrCat("the checkpoint is as of commit ", std::max(checkpoint_.number(), checkpoint_.counted()),
                               "; the last commit is ", store.number()));
  }
  return follower_.Restore(checkpoint_);
}

absl::Status LiveTable::ReadPages(const Snapshot& store, Findings* findings) {
  const std::set<uint64_t> listed(checkpoint_.live_pages().begin(), checkpoint_.live_pages().end());
  std::set<uint64_t> stored;
  RETURN_IF_ERROR(store.Scan(Family::kPage, "", "", [&](absl::string_view key, absl::string_view value) {
    ++findings->inventory.pages;
    if (key.size() != 8) {
      stray_pages_.emplace_back(key);
      findings->Add(Check::kStrayKey, "family page has a key that is none");
      return true;
    }
    const uint64_t number = ReadU64(key);
    stored.insert(number);
    const absl::StatusOr<Page> page = Page::Decode(number, value);
    if (!page.ok()) {
      page_missing_ = true;
      findings->Add(Check::kUnreadablePage, std::string(page.status().message()));
      return true;
    }
    if (page->folded() > store.number()) {
      broken_ = true;
      findings->Add(Check::kNumberAhead, absl::StrCat("page ", number, " is as of commit ", page->folded(),
                                                      "; the last commit is ", store.number()));
    }
    if (broken_ || (page->live_count() > 0) == listed.contains(number)) return true;
    findings->Add(Check::kLivePages, absl::StrCat("the checkpoint ", page->live_count() > 0 ? "does not list" : "lists",
                                                  " page ", number, ", which has ", page->live_count(), " live tasks"));
    return true;
  }));
  for (const uint64_t number : listed) {
    if (stored.contains(number)) continue;
    page_missing_ = true;
    findings->Add(Check::kLivePages, absl::StrCat("the checkpoint lists page ", number, ", which is not there"));
  }
  return absl::OkStatus();
}

absl::Status LiveTable::ReadJournal(const Snapshot& store, Findings* findings) {
  return store.Scan(Family::kJournal, "", "", [&](absl::string_view key, absl::string_view value) {
    ++findings->inventory.journal_entries;
    if (key.size() != 8) {
      findings->Add(Check::kStrayKey, "family journal has a key that is none");
    } else if (const uint64_t number = ReadU64(key); number > store.number()) {
      broken_ = true;
      findings->Add(Check::kNumberAhead, absl::StrCat("the journal has an entry of commit ", number,
                                                      "; the last commit is ", store.number()));
    } else {
      TakeEntry(number, value, findings);
    }
    return true;
  });
}

void LiveTable::TakeEntry(uint64_t number, absl::string_view value, Findings* findings) {
  const bool needed = number > checkpoint_.number();
  JournalEntry entry;
  if (!entry.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
    broken_ = broken_ || needed;
    last_entry_ = number;
    last_next_id_ = 0;
    findings->Add(Check::kUnreadableJournal,
                  absl::StrCat("the journal's entry of commit ", number, " is not readable"));
    return;
  }
  CheckOrder(number, entry, findings);
  if (!needed || broken_) return;
  const absl::Status folded = follower_.Fold(number, entry, value.size());
  if (folded.ok()) return;
  broken_ = true;
  findings->Add(Check::kJournalContradiction, absl::StrCat("the journal's entry of commit ", number,
                                                           " does not fit what was before it: ", folded.message()));
}

void LiveTable::CheckOrder(uint64_t number, const JournalEntry& entry, Findings* findings) {
  const TaskId checkpointed = std::max<TaskId>(checkpoint_.next_id(), 1);
  const bool first_above = number > checkpoint_.number() && !above_checkpoint_ && !broken_;
  above_checkpoint_ = above_checkpoint_ || first_above;
  if (!GoesOnAt(last_entry_, last_next_id_, entry)) {
    findings->Add(Check::kJournalGap, absl::StrCat("the journal's entry of commit ", number, " does not go on at task ",
                                                   last_next_id_, ", where the one before it, of commit ", last_entry_,
                                                   ", ended: entries between them are missing"));
  } else if (first_above && !ReachesBackTo(checkpoint_.number(), checkpointed, entry)) {
    findings->Add(Check::kJournalGap,
                  absl::StrCat("the journal's entry of commit ", number, " does not go on at task ", checkpointed,
                               ", where the checkpoint ended: entries between them are missing"));
  }
  last_entry_ = number;
  last_next_id_ = entry.next_id();
}

void LiveTable::Recount(const Page& page) {
  page.ForEachLive([this](const LiveEntry& entry) { ++recount_[entry.class_number][entry.state]; });
  for (const EndedCounts& ended : page.ended()) {
    StateCounts& counts = recount_[ended.class_number];
    counts[LiveState::COMPLETED] += ended.completed;
    counts[LiveState::FAILED] += ended.failed;
    counts[LiveState::CANCELLED] += ended.cancelled;
  }
}

void LiveTable::CheckCounters(Findings* findings) const {
  if (!known() || page_missing_) return;
  std::map<ClassNumber, StateCounts> uncounted = recount_;
  const auto check = [&](ClassNumber class_number, int state, uint64_t says, uint64_t are) {
    if (says == are) return;
    findings->Add(Check::kCounters, absl::StrCat("the counters say ", says, " ",
                                                 records::v1::LiveState_Name(static_cast<LiveState>(state)),
                                                 " tasks of class ", class_number, ", the pages hold ", are));
  };
  for (const auto& [class_number, counts] : view_->counts()) {
    StateCounts& counted = uncounted[class_number];
    for (int state = 0; state < kLiveStates; ++state) check(class_number, state, counts[state], counted[state]);
    counted = {};
  }
  for (const auto& [class_number, counts] : uncounted) {
    for (int state = 0; state < kLiveStates; ++state) check(class_number, state, 0, counts[state]);
  }
}

}  // namespace baton::engine
