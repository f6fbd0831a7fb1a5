#include "broker/service/read/task_counts.h"

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "broker/service/read/convert.h"
#include "broker/service/read/page_token.h"
#include "broker/service/read/task_list.h"
#include "broker/service/read/timed_search.h"

namespace baton::service {
namespace {

// What a count takes in an answer beside its names, at most.
constexpr size_t kCountBytes = 44;

// A token is good for one count, as that of a list is (task_list.cc).
std::string CountName(const v1::CountTasksRequest& request) {
  return absl::StrCat("counts ", request.group_by_tag() ? "by tag " : "", request.filter().SerializeAsString());
}

// Counts what is found at or below an id.
class Counting final : public TimedSearch {
 public:
  Counting(const Surroundings& surroundings, const Clock& clock, const v1::CountTasksRequest& request,
           const PageLimits& limits)
      : TimedSearch(surroundings.view, request.filter(), clock, limits.budget),
        now_(surroundings.now),
        by_tag_(request.group_by_tag()),
        limit_bytes_(limits.bytes) {}

  void Describe(v1::CountTasksResponse* response) const {
    for (const auto& [group, counted] : counts_) {
      const auto& [tag, type, state] = group;
      v1::TaskCount* count = response->add_counts();
      if (by_tag_) count->set_tag(tag);
      count->set_type(type);
      count->set_state(state);
      count->set_tasks(counted.tasks);
      if (counted.oldest_due != 0) *count->mutable_oldest_due() = WireDuration(now_ - counted.oldest_due);
    }
  }

 private:
  using Group = std::tuple<std::string, std::string, v1::TaskState>;
  struct Counted {
    uint64_t tasks = 0;
    WallMicros oldest_due = 0;  // 0: none is due.
  };

  Error Look(TaskFacts* facts) override {
    NoteReading();
    bool matches = false;
    Error error = LoadTaskRow(view(), facts);
    if (error.ok()) error = filter().Matches(facts, &matches);
    if (error.code == absl::StatusCode::kNotFound) return {};
    bool is_due = false;
    if (error.ok() && matches) error = IsDue(*facts, &is_due);
    if (error.ok() && matches) Count(*facts, is_due);
    return error;
  }

  Error IsDue(const TaskFacts& facts, bool* is_due) {
    *is_due = false;
    if (facts.state != LiveState::PENDING || facts.entry.paused || facts.entry.due > now_) return {};
    const auto [type, is_new] = paused_types_.try_emplace(facts.class_info->type, false);
    records::v1::TypeRow row;
    Error error;
    if (is_new) error = ReadType(view(), type->first, &row);
    if (row.has_pause()) type->second = true;
    *is_due = !type->second;
    return error;
  }

  void Count(const TaskFacts& facts, bool is_due) {
    const auto [place, is_new] = counts_.try_emplace(
        Group(by_tag_ ? facts.row.tag() : "", facts.class_info->type, WireState(facts.state, facts.entry.paused)));
    Counted& counted = place->second;
    ++counted.tasks;
    if (is_due && (counted.oldest_due == 0 || facts.entry.due < counted.oldest_due)) {
      counted.oldest_due = facts.entry.due;
    }
    if (!is_new) return;
    bytes_ += std::get<0>(place->first).size() + facts.class_info->type.size() + kCountBytes;
    if (bytes_ >= limit_bytes_) EndPage(facts.id - 1);
  }

  const WallMicros now_;
  const bool by_tag_;
  const size_t limit_bytes_;
  std::map<Group, Counted> counts_;
  std::map<std::string, bool> paused_types_;  // Of the types that were asked for.
  size_t bytes_ = 0;
};

}  // namespace

Error CountTasks(const Surroundings& surroundings, const Clock& clock, const v1::CountTasksRequest& request,
                 const PageLimits& limits, v1::CountTasksResponse* response) {
  std::vector<uint64_t> position = {std::max<TaskId>(surroundings.view.next_id(), 1) - 1};
  Error error = CheckFilter(request.filter());
  if (error.ok() && !request.page_token().empty()) {
    error = DecodePageToken(CountName(request), request.page_token(), 1, &position);
  }
  if (!error.ok()) return error;
  Counting counting(surroundings, clock, request, limits);
  error = counting.From(position[0]);
  if (!error.ok()) return error;
  counting.Describe(response);
  if (counting.rest() != 0) response->set_next_page_token(EncodePageToken(CountName(request), {counting.rest()}));
  return {};
}

}  // namespace baton::service
