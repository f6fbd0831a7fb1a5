#include "broker/service/read/member_scan.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/service/read/rows.h"

namespace baton::service {
namespace {

using engine::IdRange;
using records::v1::Step;
using storage::Family;

// Read at a time: so many ids, or rows of one kind that have about so many bytes.
constexpr uint64_t kIdsAtOnce = 512;
constexpr size_t kBytesAtOnce = 2 << 20;
// Ids of others between two ranges that are read with them: faster than to begin once more.
constexpr uint64_t kGap = 16;

Error ScanError(const absl::Status& status, Error error) {
  return status.ok() ? std::move(error) : StoreDamaged(std::string(status.message()));
}

}  // namespace

MemberScan::MemberScan(const engine::View& view, TaskId root) : view_(view), root_(root), pages_(view) {
  ranges_.push({root, 1});
}

Error MemberScan::ReadOn() {
  ChooseIds();
  const TaskId end = end_;
  Error error = ReadTaskRows();
  if (error.ok()) error = ReadEnds();
  if (end_ < end) ranges_.push({end_, end - end_});
  if (error.ok()) error = ReadSteps();
  return error;
}

void MemberScan::ChooseIds() {
  first_ = end_ = std::max(end_, ranges_.top().first);
  expected_.clear();
  const TaskId limit = std::min(first_ + kIdsAtOnce, (engine::PageOf(first_) + 1) * engine::kPageIds);
  while (!ranges_.empty() && end_ < limit && ranges_.top().first < std::min(limit, end_ + kGap)) {
    const IdRange range = ranges_.top();
    ranges_.pop();
    expected_.push_back(range);
    const TaskId range_end = range.first + range.count;
    if (range_end > limit) ranges_.push({limit, range_end - limit});
    end_ = std::max(end_, std::min(range_end, limit));
  }
}

bool MemberScan::IsExpected(TaskId id) const {
  return std::any_of(expected_.begin(), expected_.end(),
                     [id](const IdRange& range) { return id >= range.first && id - range.first < range.count; });
}

Error MemberScan::ReadTaskRows() {
  count_ = 0;
  const absl::StatusOr<const engine::Page*> page = pages_.Read(engine::PageOf(first_));
  if (!page.ok()) return StoreDamaged(std::string(page.status().message()));
  if (*page == nullptr) return {};
  Error error;
  size_t bytes = 0;
  const auto visit = [&](absl::string_view key, absl::string_view value) {
    const TaskId id = engine::ReadU64(key);
    const LiveState state = (*page)->StateAt(engine::SlotOf(id));
    const bool exists = engine::IsTerminal(state) || (engine::IsLive(state) && state != LiveState::STAGED);
    if (!exists) return true;
    if (count_ == members_.size()) members_.emplace_back();
    Member& member = members_[count_];
    member.id = id;
    member.state = state;
    member.has_end = false;
    member.entry = engine::LiveEntry();
    (*page)->Find(engine::SlotOf(id), &member.entry);
    const bool is_readable = member.row.ParseFromArray(value.data(), static_cast<int>(value.size()));
    if (!is_readable && IsExpected(id))
      error = StoreDamaged(absl::StrCat("task row of task ", id, " cannot be decoded"));
    member.row.clear_payload();
    if (is_readable && (id == root_ || member.row.root() == root_)) ++count_;
    bytes += value.size();
    if (bytes > kBytesAtOnce) end_ = id + 1;
    return error.ok() && id + 1 < end_;
  };
  const absl::Status status = view_.store().Scan(Family::kTask, engine::TaskKey(first_), engine::TaskKey(end_), visit);
  return ScanError(status, std::move(error));
}

Error MemberScan::ReadEnds() {
  Error error;
  size_t bytes = 0;
  size_t at = 0;
  const auto visit = [&](absl::string_view key, absl::string_view value) {
    const TaskId id = engine::ReadU64(key);
    while (at < count_ && members_[at].id < id) ++at;
    if (at == count_) return false;
    Member& member = members_[at];
    if (member.id != id) return true;
    member.has_end = true;
    error = ParseRow(value, absl::StrCat("end row of task ", id), &member.end);
    member.end.clear_result();
    bytes += value.size();
    if (bytes > kBytesAtOnce) end_ = id + 1;
    return error.ok() && id + 1 < end_;
  };
  const absl::Status status = view_.store().Scan(Family::kEnd, engine::EndKey(first_), engine::EndKey(end_), visit);
  while (count_ > 0 && members_[count_ - 1].id >= end_) --count_;
  return ScanError(status, std::move(error));
}

Error MemberScan::ReadSteps() {
  present_ = 0;
  has_begun_ = false;
  Error error;
  Step step;
  const auto visit = [&](absl::string_view key, absl::string_view value) {
    const TaskId id = engine::ReadU64(key);
    error = EndTasksBelow(id);
    if (!error.ok() || present_ == count_) return false;
    const Member& member = members_[present_];
    if (member.id != id) return true;
    error = ParseRow(value, absl::StrCat("log row ", engine::RowOfLogKey(key), " of task ", id), &step);
    if (!error.ok()) return false;
    if (!has_begun_) BeginTask(member);
    has_begun_ = true;
    if (step.kind() == Step::SPAWNED) AddChildren(step);
    TakeStep(member, step);
    return true;
  };
  const absl::Status status =
      view_.store().Scan(Family::kLog, engine::LogKey(first_, 0), engine::LogKey(end_, 0), visit);
  error = ScanError(status, std::move(error));
  return error.ok() ? EndTasksBelow(end_) : error;
}

Error MemberScan::EndTasksBelow(TaskId id) {
  for (; present_ < count_ && members_[present_].id < id; ++present_, has_begun_ = false) {
    const Member& member = members_[present_];
    // It ended, and what is left of it is being removed.
    if (engine::IsTerminal(member.state) && !member.has_end) continue;
    if (!has_begun_) BeginTask(member);
    Error error = EndTask(member);
    if (!error.ok()) return error;
  }
  return {};
}

// Children that lie among the ids at hand are found there: by their root.
void MemberScan::AddChildren(const Step& spawn) {
  for (const records::v1::Range& range : spawn.after().children()) {
    const TaskId first = std::max(range.first(), end_);
    const TaskId end = range.first() + range.count();
    if (first < end) ranges_.push({first, end - first});
  }
}

}  // namespace baton::service
