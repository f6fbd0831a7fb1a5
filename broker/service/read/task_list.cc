#include "broker/service/read/task_list.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "broker/base/utf8.h"
#include "broker/service/read/page_token.h"
#include "broker/service/read/task_finder.h"
#include "broker/service/read/timed_search.h"

namespace baton::service {
namespace {

constexpr size_t kMaxNameBytes = 128;

Error CheckName(const char* field, const std::string& name) {
  const auto legal = [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
           absl::string_view("_.:/-").find(c) != absl::string_view::npos;
  };
  if (name.size() <= kMaxNameBytes && std::all_of(name.begin(), name.end(), legal)) return {};
  return InvalidArgument("BAD_FILTER", absl::StrCat("filter.", field, " is '", EscapeText(CutUtf8(name, 200)),
                                                    "': use at most 128 bytes of [A-Za-z0-9_.:/-]"));
}

// A token is good for one filter. Serialization of one message by one program is the same each time, and a token that
// is refused after an update of the broker costs a restart of the list.
std::string ListName(const v1::TaskFilter& filter) { return absl::StrCat("tasks ", filter.SerializeAsString()); }

// Fills one page with what is found at or below an id.
class Listing final : public TimedSearch {
 public:
  Listing(const Surroundings& surroundings, const Clock& clock, const v1::TaskFilter& filter, const PageLimits& limits,
          v1::ListTasksResponse* response)
      : TimedSearch(surroundings.view, filter, clock, limits.budget),
        surroundings_(surroundings),
        limits_(limits),
        response_(*response) {}

 private:
  Error Look(TaskFacts* facts) override {
    NoteReading();
    bool matches = false;
    Error error = LoadTaskRow(surroundings_.view, facts);
    if (error.ok()) error = filter().Matches(facts, &matches);
    if (error.ok() && matches) error = LoadSteps(surroundings_.view, facts);
    if (error.code == absl::StatusCode::kNotFound || (error.ok() && !matches)) return {};
    v1::Task task;
    if (error.ok()) error = DescribeTask(surroundings_, *facts, v1::TaskParts(), &task);
    if (error.code == absl::StatusCode::kDataLoss) {
      // It may match, and is not hidden; nor does it hide its neighbours.
      task.Clear();
      DescribeDamaged(surroundings_, *facts, error, &task);
      error = {};
    }
    if (error.ok()) Take(std::move(task));
    return error;
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

  const Surroundings& surroundings_;
  const PageLimits& limits_;
  v1::ListTasksResponse& response_;
  size_t bytes_ = 0;
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
  Listing listing(surroundings, clock, request.filter(), limits, response);
  error = listing.From(position[0]);
  if (error.ok() && listing.rest() != 0) {
    response->set_next_page_token(EncodePageToken(ListName(request.filter()), {listing.rest()}));
  }
  return error;
}

}  // namespace baton::service
