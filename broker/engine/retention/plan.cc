#include "broker/engine/retention/plan.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "broker/base/status_macros.h"
#include "broker/engine/retention/workflows.h"

namespace baton::engine {
namespace {

using records::v1::TaskRow;
using storage::Family;

constexpr LiveState kEnds[] = {LiveState::COMPLETED, LiveState::FAILED, LiveState::CANCELLED};

enum class Fate : uint8_t { kGone, kStays, kGoes };

// What the rows of one ended task say.
struct Relations {
  ClassNumber class_number = 0;  // 0: there is no row.
  TaskId root = 0;
  bool has_parent = false;
  bool has_children = false;
};

// Consecutive ids between two that stay, from the first that goes to the last.
struct Interval {
  TaskId first = 0;
  TaskId end = 0;
  uint64_t going = 0;

  bool by_range() const { return going >= kLeastRangeDelete; }
};

// Makes the plan for the ids of one page, from where the look says up to `end`.
class Planner {
 public:
  Planner(const View& view, const Look& look, const Page& page, TaskId end = UINT64_MAX)
      : view_(view),
        look_(look),
        page_(page),
        first_(std::max(look.first, page.first_id())),
        // What comes into being after the view must not be met by a range.
        end_(std::min({page.first_id() + kPageIds, view.next_id(), end})) {}

  absl::StatusOr<Plan> Make() {
    if (first_ >= end_) return std::move(plan_);
    family_ = page_.has_children() || page_.has_parents();
    if (!family_) NoteWhatStays();
    if (!family_ && look_.first <= page_.first_id() && AllAtOnce()) {
      CountAll();
    } else {
      RETURN_IF_ERROR(OnePart());
    }
    for (const Interval& interval : intervals_) RETURN_IF_ERROR(Delete(interval));
    if (plan_.next == 0 && NothingIsLeft()) RETURN_IF_ERROR(NoteGone());
    return std::move(plan_);
  }

  // The first part in which something has ended, whatever it belongs to; of the ids in `wanted` only.
  absl::StatusOr<Plan> MakePart(const std::vector<IdRange>& wanted) {
    wanted_ = &wanted;
    RETURN_IF_ERROR(OnePart());
    for (const Interval& interval : intervals_) RETURN_IF_ERROR(Delete(interval));
    return std::move(plan_);
  }

 private:
  // Of a page without workflows.
  void NoteWhatStays() {
    for (const EndedCounts& counts : page_.ended()) {
      for (const LiveState state : kEnds) {
        if (counts.Of(state) > 0 && !IsOld(state)) StaysUntil(OldAfter(state));
      }
    }
  }

  // All goes that has ended in a state of which it is old, and no row need be read: if that is not too much.
  bool AllAtOnce() {
    SetFates(end_);
    FindIntervals();
    uint64_t points = 0;
    for (const Interval& interval : intervals_) points += interval.by_range() ? 0 : interval.going;
    return points <= kMostPointDeletes;
  }

  void CountAll() {
    for (const EndedCounts& counts : page_.ended()) {
      EndedCounts going{counts.class_number};
      for (const LiveState state : kEnds) going.Of(state) = IsOld(state) ? counts.Of(state) : 0;
      if (going.sum() > 0) plan_.removal.counts.push_back(going);
    }
  }

  absl::Status OnePart() {
    while (first_ < end_ && !AnyMayGo(first_, PartEnd())) first_ = PartEnd();
    if (first_ >= end_) return absl::OkStatus();
    const TaskId part_end = PartEnd();
    SetFates(part_end);
    std::vector<Relations> facts(fates_.size());
    RETURN_IF_ERROR(ReadRelations(part_end, &facts));
    Workflows workflows(view_, look_.ages, look_.now);
    for (size_t i = 0; i < fates_.size(); ++i) {
      if (fates_[i] == Fate::kGoes) RETURN_IF_ERROR(Decide(i, facts[i], &workflows));
    }
    for (const uint64_t page : workflows.going_pages()) {
      if (page != page_.page_number()) plan_.followers.push_back(page);
    }
    FindIntervals();
    if (part_end < end_) plan_.next = part_end;
    return absl::OkStatus();
  }

  absl::Status Decide(size_t index, const Relations& facts, Workflows* workflows) {
    const LiveState state = page_.StateAt(SlotOf(first_ + index));
    const bool member = facts.has_parent || facts.has_children;
    WallMicros stays_until = 0;
    if (facts.class_number == 0) {
      Keep(index, look_.now + look_.ages.shortest());  // Damage, which is not made larger.
      return absl::OkStatus();
    }
    if (family_ && member) {
      ASSIGN_OR_RETURN(stays_until, workflows->StaysUntil(facts.root));
    } else if (family_ && !IsOld(state)) {
      stays_until = OldAfter(state);
    }
    if (stays_until != 0) {
      Keep(index, stays_until);
      return absl::OkStatus();
    }
    if (member) plan_.removal.has_workflows = true;
    Count(facts.class_number, state);
    return absl::OkStatus();
  }

  void Keep(size_t index, WallMicros until) {
    fates_[index] = Fate::kStays;
    StaysUntil(until);
  }

  void StaysUntil(WallMicros time) { plan_.stays_until = std::min(plan_.stays_until, time); }
  // Of tasks that are no members of workflows.
  WallMicros OldAfter(LiveState state) const { return look_.ages.OldAfter(state, page_.newest_end()); }
  bool IsOld(LiveState state) const { return OldAfter(state) < look_.now; }

  // As far as its state tells.
  bool MayGo(LiveState state) const { return IsTerminal(state) && (family_ || wanted_ != nullptr || IsOld(state)); }

  TaskId PartEnd() const { return std::min(end_, first_ + kPartIds); }

  bool AnyMayGo(TaskId first, TaskId end) const {
    for (TaskId id = first; id < end; ++id) {
      if (MayGo(page_.StateAt(SlotOf(id)))) return true;
    }
    return false;
  }

  void SetFates(TaskId end) {
    fates_.clear();
    for (TaskId id = first_; id < end; ++id) {
      const LiveState state = page_.StateAt(SlotOf(id));
      const bool exists = IsLive(state) || IsTerminal(state);
      fates_.push_back(!exists ? Fate::kGone : MayGo(state) && IsWanted(id) ? Fate::kGoes : Fate::kStays);
    }
  }

  bool IsWanted(TaskId id) const {
    return wanted_ == nullptr || std::any_of(wanted_->begin(), wanted_->end(), [id](const IdRange& range) {
             return id >= range.first && id < range.first + range.count;
           });
  }

  void FindIntervals() {
    intervals_.clear();
    bool open = false;
    for (size_t i = 0; i < fates_.size(); ++i) {
      if (fates_[i] == Fate::kStays) open = false;
      if (fates_[i] != Fate::kGoes) continue;
      const TaskId id = first_ + i;
      if (!open) intervals_.push_back({id, id, 0});
      open = true;
      intervals_.back().end = id + 1;
      ++intervals_.back().going;
    }
  }

  absl::Status ReadRelations(TaskId end, std::vector<Relations>* facts) {
    TaskRow row;
    RETURN_IF_ERROR(view_.store().Scan(Family::kTask, TaskKey(first_), TaskKey(end),
                                       [&](absl::string_view key, absl::string_view value) {
                                         const TaskId id = ReadU64(key);
                                         if (!row.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
                                           return true;  // Stays, as one that is missing.
                                         }
                                         Relations& task = (*facts)[id - first_];
                                         task.class_number = row.class_number();
                                         task.root = row.root() != 0 ? row.root() : id;
                                         task.has_parent = row.parent() != 0;
                                         return true;
                                       }));
    if (!page_.has_parents()) return absl::OkStatus();
    std::vector<TaskId> parents;
    RETURN_IF_ERROR(FindEndedParents(view_.store(), first_, end, &parents));
    for (const TaskId id : parents) (*facts)[id - first_].has_children = true;
    return absl::OkStatus();
  }

  void Count(ClassNumber class_number, LiveState state) {
    std::vector<EndedCounts>& counts = plan_.removal.counts;
    auto at = std::find_if(counts.begin(), counts.end(),
                           [&](const EndedCounts& known) { return known.class_number == class_number; });
    if (at == counts.end()) at = counts.insert(at, EndedCounts{class_number});
    ++at->Of(state);
  }

  absl::Status Delete(const Interval& interval) {
    plan_.removal.ids.push_back({interval.first, interval.end - interval.first});
    storage::WriteBatch& deletes = plan_.removal.deletes;
    if (interval.by_range()) {
      deletes.DeleteRange(Family::kTask, TaskKey(interval.first), TaskKey(interval.end));
      deletes.DeleteRange(Family::kEnd, EndKey(interval.first), EndKey(interval.end));
      deletes.DeleteRange(Family::kLog, LogKey(interval.first, 0), LogKey(interval.end, 0));
      return absl::OkStatus();
    }
    for (TaskId id = interval.first; id < interval.end; ++id) {
      if (fates_[id - first_] != Fate::kGoes) continue;
      deletes.Delete(Family::kTask, TaskKey(id));
      deletes.Delete(Family::kEnd, EndKey(id));
    }
    return DeleteSteps(interval);
  }

  absl::Status DeleteSteps(const Interval& interval) {
    std::vector<std::string> keys;
    RETURN_IF_ERROR(view_.store().Scan(Family::kLog, LogKey(interval.first, 0), LogKey(interval.end, 0),
                                       [&](absl::string_view key, absl::string_view) {
                                         keys.emplace_back(key);
                                         return keys.size() <= kMostStepDeletes;
                                       }));
    if (keys.size() > kMostStepDeletes) {
      plan_.removal.deletes.DeleteRange(Family::kLog, LogKey(interval.first, 0), LogKey(interval.end, 0));
      return absl::OkStatus();
    }
    for (const std::string& key : keys) plan_.removal.deletes.Delete(Family::kLog, key);
    return absl::OkStatus();
  }

  absl::Status NoteGone() {
    plan_.gone_until = end_;
    if (end_ < page_.first_id() + kPageIds) return absl::OkStatus();
    const uint64_t group = GroupOf(page_.page_number());
    return view_.store().Scan(Family::kIndex, IndexGroupKey(group), IndexGroupKey(group + 1),
                              [this](absl::string_view, absl::string_view) {
                                plan_.has_index = true;
                                return false;
                              });
  }

  bool NothingIsLeft() const {
    uint64_t removed = 0;
    for (const EndedCounts& counts : plan_.removal.counts) removed += counts.sum();
    return page_.live_count() == 0 && page_.ended_count() == removed;
  }

  const View& view_;
  const Look& look_;
  const Page& page_;
  TaskId first_;
  const TaskId end_;
  const std::vector<IdRange>* wanted_ = nullptr;  // These go whatever their age; null: all ids that are old.
  bool family_ = false;                           // Some of the page are members of workflows.
  std::vector<Fate> fates_;                       // From first_ on.
  std::vector<Interval> intervals_;
  Plan plan_;
};

// Nothing of the page is old before that is over. Children go by their roots, which may have ended in any way.
WallMicros FirstOldAfter(const Page& page, const RetentionAges& ages) {
  EndedCounts ended;
  for (const EndedCounts& counts : page.ended()) {
    for (const LiveState state : kEnds) ended.Of(state) += counts.Of(state);
  }
  WallMicros first = kForEver;
  for (const LiveState state : kEnds) {
    if (page.has_children() || ended.Of(state) > 0) first = std::min(first, ages.OldAfter(state, page.newest_end()));
  }
  return first;
}

}  // namespace

absl::StatusOr<Plan> PlanRemoval(const View& view, const Look& look) {
  Plan plan;
  ASSIGN_OR_RETURN(const std::shared_ptr<const Page> page, view.GetPage(look.page_number));
  if (page == nullptr) return plan;
  if (page->ended_count() > 0) {
    const WallMicros old_after = FirstOldAfter(*page, look.ages);
    if (old_after >= look.now) {
      plan.stays_until = old_after;
      return plan;
    }
  }
  return Planner(view, look, *page).Make();
}

Part PlanPart(const View& view, const std::vector<IdRange>& ranges) {
  Look look;
  look.first = ranges.front().first;
  look.page_number = PageOf(look.first);
  Part part;
  part.until = std::min(ranges.back().first + ranges.back().count, (look.page_number + 1) * kPageIds);
  const absl::StatusOr<std::shared_ptr<const Page>> page = view.GetPage(look.page_number);
  if (!page.ok() || *page == nullptr) return part;
  absl::StatusOr<Plan> plan = Planner(view, look, **page, part.until).MakePart(ranges);
  if (!plan.ok()) return part;
  if (plan->next != 0) part.until = plan->next;
  part.removal = std::move(plan->removal);
  part.removal.as_of = view.number();
  return part;
}

}  // namespace baton::engine
