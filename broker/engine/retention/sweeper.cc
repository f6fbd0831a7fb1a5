#include "broker/engine/retention/sweeper.h"

#include <algorithm>
#include <utility>

namespace baton::engine {
namespace {

using records::v1::JournalEntry;

// Pages looked at with one view.
constexpr size_t kLooksAtOnce = 16;
// Pages removed before their files are given back, while there is more to remove. A file holds the rows of a few pages.
constexpr size_t kReclaimPages = 32;
// When the engine is too busy for a removal.
constexpr Micros kBusyPause = kSecond;

}  // namespace

std::vector<Sighting> LookAt(const View& view, const std::vector<Look>& looks) {
  std::vector<Sighting> sightings;
  for (const Look& look : looks) {
    absl::StatusOr<Plan> plan = PlanRemoval(view, look);
    if (!plan.ok()) {
      // Damage: what can be read is not touched, and `batond verify` tells the rest.
      plan.emplace();
      plan->stays_until = look.ages.shortest() == 0 ? kForEver : look.now + look.ages.shortest();
    }
    plan->removal.as_of = view.number();
    const bool last = !plan->removal.empty() || plan->next != 0;
    sightings.push_back({look, *std::move(plan)});
    if (last) break;
  }
  return sightings;
}

Sweeper::Sweeper(const RetentionAges& ages, Now now, TaskId next_id, uint32_t oldest_request_window)
    : ages_(ages),
      keeps_all_(ages.shortest() == 0),
      clock_(now),
      survey_end_(PageOf(next_id - 1) + 1),
      first_request_window_(std::min(oldest_request_window, FirstRequestWindow(now.wall))) {}

void Sweeper::Fold(const JournalEntry& entry, Now now) {
  if (entry.has_ended() && !keeps_all_) {
    clock_.HoldBack(now, entry.time_us());
    NoteEnds(entry.ended().completed(), ages_.OldAfter(LiveState::COMPLETED, entry.time_us()));
    NoteEnds(entry.ended().failed(), ages_.OldAfter(LiveState::FAILED, entry.time_us()));
    NoteEnds(entry.ended().cancelled(), ages_.OldAfter(LiveState::CANCELLED, entry.time_us()));
  }
  uint64_t own_page = UINT64_MAX;
  if (removing_.has_value() && entry.removal() == removals_) {
    const Sighting done = *std::move(removing_);
    removing_.reset();
    own_page = done.look.page_number;
    Finish(done);
  }
  for (const JournalEntry::RemovedEnded& removed : entry.removed_ended()) {
    if (removed.page() != own_page) LookNow(removed.page());
  }
}

// If they are children, their page is also looked at when their root goes.
void Sweeper::NoteEnds(const google::protobuf::RepeatedField<int64_t>& deltas, WallMicros old_after) {
  TaskId id = 0;
  uint64_t last_page = UINT64_MAX;
  for (const int64_t delta : deltas) {
    id += static_cast<TaskId>(delta);
    if (PageOf(id) == last_page) continue;
    last_page = PageOf(id);
    PlanLook(last_page, old_after);
  }
}

// An earlier look stays planned: it finds out by itself that it came too early.
void Sweeper::PlanLook(uint64_t page_number, WallMicros old_after) {
  if (old_after == kForEver) return;
  const auto [known, added] = planned_.try_emplace(page_number, old_after);
  if (!added && known->second <= old_after) return;
  if (!added) due_.erase({known->second, page_number});
  known->second = old_after;
  due_.insert({old_after, page_number});
}

void Sweeper::LookNow(uint64_t page_number) { PlanLook(page_number, INT64_MIN); }

std::vector<Look> Sweeper::TakeLooks(Now now) {
  if (!idle() || unreclaimed_.size() >= kReclaimPages) return {};
  Look look;
  look.now = clock_.Read(now);
  look.ages = ages_;
  if (rest_.has_value()) {
    look.page_number = rest_->page_number;
    look.first = rest_->next;
    looking_.push_back(look);
    return looking_;
  }
  while (looking_.size() < kLooksAtOnce && !due_.empty() && due_.begin()->first < look.now) {
    look.page_number = due_.begin()->second;
    due_.erase(due_.begin());
    planned_.erase(look.page_number);
    looking_.push_back(look);
  }
  while (looking_.size() < kLooksAtOnce && survey_next_ < survey_end_) {
    look.page_number = survey_next_++;
    const bool due = std::any_of(looking_.begin(), looking_.end(),
                                 [&](const Look& other) { return other.page_number == look.page_number; });
    if (!due) looking_.push_back(look);
  }
  return looking_;
}

std::optional<NumberedRemoval> Sweeper::Take(std::vector<Sighting> sightings) {
  for (size_t i = sightings.size(); i < looking_.size(); ++i) LookNow(looking_[i].page_number);
  looking_.clear();
  std::optional<NumberedRemoval> removal;
  for (Sighting& sighting : sightings) {
    if (sighting.plan.removal.empty()) {
      Finish(sighting);
      continue;
    }
    removal = {++removals_, sighting.look.page_number, std::exchange(sighting.plan.removal, {})};
    removing_ = std::move(sighting);
  }
  return removal;
}

void Sweeper::NotSent(Now now) {
  PlanLook(removing_->look.page_number, clock_.Read(now) + kBusyPause);
  removing_.reset();
  rest_.reset();
}

void Sweeper::Finish(const Sighting& sighting) {
  const uint64_t page_number = sighting.look.page_number;
  WallMicros stays_until = sighting.plan.stays_until;
  if (rest_.has_value()) stays_until = std::min(stays_until, rest_->stays_until);
  rest_.reset();
  for (const uint64_t follower : sighting.plan.followers) LookNow(follower);
  if (sighting.plan.next != 0) {
    rest_ = {page_number, sighting.plan.next, stays_until};
  } else if (sighting.plan.gone_until != 0) {
    MarkGone(page_number, sighting.plan);
  } else {
    PlanLook(page_number, stays_until);
  }
}

void Sweeper::MarkGone(uint64_t page_number, const Plan& plan) {
  uint64_t first = page_number, end = page_number + 1;
  if (plan.gone_until < end * kPageIds) {
    if (plan.gone_until != std::exchange(gone_until_, plan.gone_until)) unreclaimed_.insert(page_number);
    return;
  }
  unreclaimed_.insert(page_number);
  const auto after = gone_.find(end);
  if (after != gone_.end()) {
    end = after->second;
    gone_.erase(after);
  }
  auto before = gone_.upper_bound(page_number);
  if (before != gone_.begin() && (--before)->second >= page_number) {
    first = before->first;
    end = std::max(end, before->second);
  }
  gone_[first] = end;
  const uint64_t group = GroupOf(page_number);
  const bool whole = first <= group * kGroupPages && end >= (group + 1) * kGroupPages;
  if (whole && plan.has_index) gone_groups_.insert(group);
}

std::optional<IdRange> Sweeper::TakeReclaim() {
  if (!idle() || unreclaimed_.empty()) return std::nullopt;
  const uint64_t page_number = *unreclaimed_.begin();
  uint64_t first = page_number, end = page_number;
  const auto run = gone_.upper_bound(page_number);
  if (run != gone_.begin() && std::prev(run)->second >= page_number) {
    first = std::prev(run)->first;
    end = std::prev(run)->second;
  }
  IdRange range{first * kPageIds, (end - first) * kPageIds};
  // The page that new ids come from, up to where they do.
  if (PageOf(gone_until_) == end && gone_until_ > end * kPageIds) {
    range.count = gone_until_ - range.first;
    ++end;
  }
  unreclaimed_.erase(unreclaimed_.begin(), unreclaimed_.lower_bound(std::max(end, page_number + 1)));
  if (range.count == 0) return std::nullopt;
  reclaiming_ = true;
  return range;
}

std::optional<storage::WriteBatch> Sweeper::TakeOldRows(Now now) {
  storage::WriteBatch deletes;
  if (const uint32_t first = FirstRequestWindow(clock_.Read(now)); first > first_request_window_) {
    first_request_window_ = first;
    deletes.DeleteRange(storage::Family::kKey, RequestWindowKey(0), RequestWindowKey(first));
  }
  sent_groups_ = std::exchange(gone_groups_, {});
  for (const uint64_t group : sent_groups_) {
    deletes.DeleteRange(storage::Family::kIndex, IndexGroupKey(group), IndexGroupKey(group + 1));
  }
  if (deletes.empty()) return std::nullopt;
  return deletes;
}

void Sweeper::OldRowsNotSent() {
  first_request_window_ = 0;
  gone_groups_.merge(sent_groups_);
}

}  // namespace baton::engine
