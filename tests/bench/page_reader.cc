#include "tests/bench/page_reader.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "broker/base/status_macros.h"

namespace baton::bench {
namespace {

constexpr absl::Duration kCallTimeout = absl::Seconds(60);
constexpr uint64_t kLargestPage = 1000;

// Gives each name a number of its own.
class Numbering {
 public:
  explicit Numbering(std::vector<std::string>* names) : names_(names) {}

  uint16_t NumberOf(const std::string& name) {
    const auto [at, is_new] = numbers_.try_emplace(name, static_cast<uint16_t>(names_->size()));
    if (is_new) names_->push_back(name);
    return at->second;
  }

 private:
  std::vector<std::string>* const names_;
  std::map<std::string, uint16_t> numbers_;
};

// The id of the only parent; 0: there is none.
uint64_t ParentIn(const Board& board, const Portions& portions) {
  for (const Portion& portion : portions) {
    if (portion.kind == Kind::kParent) return board.entry(portion.first).submitted_id.load();
  }
  return 0;
}

}  // namespace

ExpectedList::ExpectedList(const Board& board, const Portions& portions) {
  Numbering types(&types_);
  Numbering tags(&tags_);
  const uint64_t parent = ParentIn(board, portions);
  for (const Portion& portion : portions) {
    rows_.reserve(rows_.size() + portion.count);
    for (uint64_t i = portion.first; i < portion.end(); ++i) {
      rows_.push_back({.id = board.entry(i).submitted_id.load(),
                       .state = portion.fate(i).state,
                       .type = types.NumberOf(TypeOf(portion.kind, i)),
                       .tag = tags.NumberOf(TagOf(portion.kind, i)),
                       .parent = IsSpawned(portion.kind) ? parent : 0});
    }
  }
  std::sort(rows_.begin(), rows_.end(), [](const ListedRow& a, const ListedRow& b) { return a.id > b.id; });
}

bool ExpectedList::Matches(const ListedRow& row, const v1::TaskFilter& filter) const {
  const auto& states = filter.states();
  return (states.empty() || std::find(states.begin(), states.end(), row.state) != states.end()) &&
         (filter.type().empty() || filter.type() == types_[row.type]) &&
         (filter.tag().empty() || filter.tag() == tags_[row.tag]) &&
         (filter.parent_id() == 0 || filter.parent_id() == row.parent) &&
         (filter.root_id() == 0 || filter.root_id() == row.parent || filter.root_id() == row.id) &&
         (filter.worker_id().empty() || row.state != v1::TASK_STATE_PENDING) &&
         (filter.error().empty() ||
          (row.state == v1::TASK_STATE_PERMANENTLY_FAILED && absl::StrContains(kPlannedError, filter.error())));
}

std::vector<uint64_t> ExpectedList::Select(const v1::TaskFilter& filter) const {
  std::vector<uint64_t> ids;
  for (const ListedRow& row : rows_) {
    if (Matches(row, filter)) ids.push_back(row.id);
  }
  return ids;
}

PageReader::PageReader(cli::Broker* broker, v1::TaskFilter filter, std::vector<uint64_t> expected)
    : broker_(broker), expected_(std::move(expected)) {
  *request_.mutable_filter() = std::move(filter);
}

void PageReader::Rewind() {
  request_.clear_page_token();
  position_ = 0;
  at_end_ = false;
}

absl::Status PageReader::Read(uint64_t size) {
  const uint64_t end = position_ + size;
  while (position_ < end && !at_end_) {
    request_.set_page_size(static_cast<int>(std::min(end - position_, kLargestPage)));
    ++calls_;
    ASSIGN_OR_RETURN(const v1::ListTasksResponse page, broker_->ListTasks(request_, kCallTimeout));
    for (const v1::Task& task : page.tasks()) RETURN_IF_ERROR(Take(task));
    request_.set_page_token(page.next_page_token());
    at_end_ = page.next_page_token().empty();
  }
  if (!at_end_ || position_ == expected_.size()) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("the list of ", request_.filter().ShortDebugString(), " ends after ",
                                          position_, " of ", expected_.size(), " tasks"));
}

absl::Status PageReader::Take(const v1::Task& task) {
  if (position_ < expected_.size() && task.id() == expected_[position_]) {
    ++position_;
    return absl::OkStatus();
  }
  return absl::DataLossError(absl::StrCat("row ", position_, " of the list of ", request_.filter().ShortDebugString(),
                                          " is task ", task.id(), " instead of ",
                                          position_ < expected_.size() ? absl::StrCat(expected_[position_]) : "none"));
}

}  // namespace baton::bench
