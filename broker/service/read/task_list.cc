#include "broker/service/read/task_list.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "broker/service/read/page_token.h"
#include "broker/service/read/task_finder.h"
#include "broker/service/read/task_search.h"

namespace baton::service {
namespace {

// Ids looked at in the live table between two looks at the clock.
constexpr int kIdsPerClockRead = 1024;
constexpr size_t kMaxNameBytes = 128;

Error CheckName(const char* field, const std::string& name) {
  const auto legal = [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
           absl::string_view("_.:/-").find(c) != absl::string_view::npos;
  };
  if (name.size() <= kMaxNameBytes && std::all_of(name.begin(), name.end(), legal)) return {};
  return InvalidArgument("BAD_FILTER", absl::StrCat("filter.", field, " is '", absl::CEscape(name.substr(0, 200)),
                                                    "': use at most 128 bytes of [A-Za-z0-9_.:/-]"));
}

// A token is good for one filter. Serialization of one message by one program is the same each time, and a token that
// is refused after an update of the broker costs a restart of the list.
std::string ListName(const v1::TaskFilter& filter) { return absl::StrCat("tasks ", filter.SerializeAsString()); }

// Fills one page with what is found at or below an id.
class Listing final : public TaskSearch {
 public:
  Listing(const Surroundings& surroundings, const Clock& clock, const v1::TaskFilter& filter, const PageLimits& limits,
          v1::ListTasksResponse* response)
      : TaskSearch(surroundings.view, filter),
        surroundings_(surroundings),
        clock_(clock),
        limits_(limits),
        list_(ListName(filter)),
        response_(*response),
        deadline_(clock.Read().steady + limits.budget) {}

 private:
  Error Look(TaskFacts* facts) override {
    ids_since_clock_ = kIdsPerClockRead;
    bool matches = false;
    Error error = LoadTaskRow(surroundings_.view, facts);
    if (error.ok()) error = filter().Matches(facts, &matches);
    if (error.ok() && matches) error = LoadSteps(surroundings_.view, facts);
    if (error.code == absl::StatusCode::kNotFound) return {};
    if (!error.ok() || !matches) return error;
    v1::Task task;
    error = DescribeTask(surroundings_, *facts, v1::TaskParts(), &task);
    if (error.ok()) Take(std::move(task));
    return error;
  }

  void Passed(TaskId id) override {
    if (++ids_since_clock_ >= kIdsPerClockRead) PassedPage(id);
  }

  void PassedPage(TaskId id) override {
    ids_since_clock_ = 0;
    if (id > 1 && clock_.Read().steady >= deadline_) EndPage(id - 1);
  }

  void Take(v1::Task task) {
    const size_t bytes = task.ByteSizeLong() + 8;
    const bool first = response_.tasks().empty();
    if (!first && (response_.tasks_size() >= static_cast<int>(limits_.items) || bytes_ + bytes > limits_.bytes)) {
      return EndPage(task.id());
    }
    bytes_ += bytes;
    *response_.add_tasks() = std::move(task);
  }

  // The next page starts at `id`.
  void EndPage(TaskId id) {
    End();
    response_.set_next_page_token(EncodePageToken(list_, {id}));
  }

  const Surroundings& surroundings_;
  const Clock& clock_;
  const PageLimits& limits_;
  const std::string list_;
  v1::ListTasksResponse& response_;
  const SteadyMicros deadline_;
  size_t bytes_ = 0;
  int ids_since_clock_ = 0;
};

}  // namespace

Error CheckFilter(const v1::TaskFilter& filter) {
  // What cannot be read must not widen what is shown, cancelled or deleted.
  if (!IsUnderstood(filter)) {
    return InvalidArgument("BAD_FILTER",
                           "filter has a condition that this broker does not know: leave it out, or update the broker");
  }
  for (const int state : filter.states()) {
    if (state == v1::TASK_STATE_UNSPECIFIED || !v1::TaskState_IsValid(state)) {
      return InvalidArgument("BAD_FILTER", absl::StrCat("filter.states has ", state,
                                                        ", which is no state: use values of TaskState but 0"));
    }
  }
  Error error = CheckName("type", filter.type());
  if (error.ok()) error = CheckName("tag", filter.tag());
  if (error.ok()) error = CheckName("schedule", filter.schedule());
  if (error.ok()) error = CheckName("worker_id", filter.worker_id());
  return error.ok() ? CheckTaskConditions(filter) : error;
}

Error ListTasks(const Surroundings& surroundings, const Clock& clock, const v1::ListTasksRequest& request,
                const PageLimits& limits, v1::ListTasksResponse* response) {
  std::vector<uint64_t> position = {std::max<TaskId>(surroundings.view.next_id(), 1) - 1};
  Error error = CheckFilter(request.filter());
  if (error.ok() && !request.page_token().empty()) {
    error = DecodePageToken(ListName(request.filter()), request.page_token(), 1, &position);
  }
  if (!error.ok()) return error;
  return Listing(surroundings, clock, request.filter(), limits, response).From(position[0]);
}

}  // namespace baton::service
