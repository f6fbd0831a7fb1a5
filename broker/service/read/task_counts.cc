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
constexpr size_t kCountBytes = 24;

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
        by_tag_(request.group_by_tag()),
        limit_bytes_(limits.bytes) {}

  void Describe(v1::CountTasksResponse* response) const {
    for (const auto& [group, tasks] : counts_) {
      const auto& [tag, type, state] = group;
      v1::TaskCount* count = response->add_counts();
      if (by_tag_) count->set_tag(tag);
      count->set_type(type);
      count->set_state(state);
      count->set_tasks(tasks);
    }
  }

 private:
  using Group = std::tuple<std::string, std::string, v1::TaskState>;

  Error Look(TaskFacts* facts) override {
    NoteReading();
    bool matches = false;
    Error error = LoadTaskRow(view(), facts);
    if (error.ok()) error = filter().Matches(facts, &matches);
    if (error.code == absl::StatusCode::kNotFound) return {};
    if (error.ok() && matches) Count(*facts);
    return error;
  }

  void Count(const TaskFacts& facts) {
    const auto [place, is_new] = counts_.try_emplace(
        Group(by_tag_ ? facts.row.tag() : "", facts.class_info->type, WireState(facts.state, facts.entry.paused)), 0);
    ++place->second;
    if (!is_new) return;
    bytes_ += std::get<0>(place->first).size() + facts.class_info->type.size() + kCountBytes;
    if (bytes_ >= limit_bytes_) EndPage(facts.id - 1);
  }

  const bool by_tag_;
  const size_t limit_bytes_;
  std::map<Group, uint64_t> counts_;
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
