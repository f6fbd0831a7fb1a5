#include "broker/service/read/task_list.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "broker/service/read/page_token.h"
#include "broker/service/read/task_filter.h"

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
class Search {
 public:
  Search(const Surroundings& surroundings, const Clock& clock, const v1::TaskFilter& filter, const PageLimits& limits,
         v1::ListTasksResponse* response)
      : surroundings_(surroundings),
        clock_(clock),
        limits_(limits),
        list_(ListName(filter)),
        filter_(surroundings.view, filter),
        pages_(surroundings.view),
        response_(*response),
        deadline_(clock.Read().steady + limits.budget) {}

  Error From(TaskId newest) {
    std::vector<TaskFilter::Interval> intervals;
    if (const std::optional<engine::Wanted> wanted = filter_.FindWanted(); wanted.has_value()) {
      if (wanted->classes.has_value() && wanted->classes->empty()) return {};  // There never was a task of the type.
      index_.emplace(surroundings_.view, *wanted);
    }
    Error error = filter_.FindIntervals(&intervals);
    for (const TaskFilter::Interval& interval : intervals) {
      if (!error.ok() || over_) break;
      error = Walk(interval.first, std::min(interval.end - 1, newest));
    }
    return error;
  }

 private:
  // Looks at the ids from `id` down to `first`.
  Error Walk(TaskId first, TaskId id) {
    while (id >= first && id != 0 && !over_) {
      const TaskId page_first = std::max(first, engine::PageOf(id) * engine::kPageIds);
      Error error = WalkPage(page_first, id);
      if (!error.ok()) return error;
      if (!over_) CheckBudget(page_first);
      id = page_first - 1;
    }
    return {};
  }

  // The same within one page, which is not read where the index tells of nothing.
  Error WalkPage(TaskId first, TaskId last) {
    engine::SlotSet slots = engine::SlotSet::All();
    if (index_.has_value()) {
      const absl::Status status = index_->Find(engine::PageOf(last), &slots);
      if (!status.ok()) return StoreDamaged(std::string(status.message()));
    }
    std::optional<uint32_t> slot = slots.Highest(engine::SlotOf(last));
    if (!slot.has_value() || *slot < engine::SlotOf(first)) return {};
    const absl::StatusOr<const engine::Page*> page = pages_.Read(engine::PageOf(last));
    if (!page.ok()) return StoreDamaged(std::string(page.status().message()));
    // Most of what is old may be removed, or be in another state: then not an id of the page is looked at.
    if (*page == nullptr || !filter_.MayMatchIn(**page)) return {};
    for (; slot.has_value() && *slot >= engine::SlotOf(first) && !over_; slot = slots.Below(*slot)) {
      Error error = LookAt(**page, *slot);
      if (!error.ok()) return error;
    }
    return {};
  }

  Error LookAt(const engine::Page& page, uint32_t slot) {
    const TaskId id = page.first_id() + slot;
    if (filter_.MayMatch(page, slot)) {
      TaskFacts facts;
      facts.id = id;
      facts.state = page.StateAt(slot);
      page.Find(slot, &facts.entry);
      Error error = Look(&facts);
      if (!error.ok()) return error;
      ids_since_clock_ = kIdsPerClockRead;
    }
    if (!over_ && ++ids_since_clock_ >= kIdsPerClockRead) CheckBudget(id);
    return {};
  }

  Error Look(TaskFacts* facts) {
    bool matches = false;
    Error error = LoadTaskRow(surroundings_.view, facts);
    if (error.ok()) error = filter_.Matches(*facts, &matches);
    if (error.ok() && matches) error = LoadSteps(surroundings_.view, facts);
    if (error.code == absl::StatusCode::kNotFound) return {};
    if (!error.ok() || !matches) return error;
    v1::Task task;
    error = DescribeTask(surroundings_, *facts, v1::TaskParts(), &task);
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

  // `id` was looked at, so that every page gets on.
  void CheckBudget(TaskId id) {
    ids_since_clock_ = 0;
    if (id > 1 && clock_.Read().steady >= deadline_) EndPage(id - 1);
  }

  // The next page starts at `id`.
  void EndPage(TaskId id) {
    over_ = true;
    response_.set_next_page_token(EncodePageToken(list_, {id}));
  }

  const Surroundings& surroundings_;
  const Clock& clock_;
  const PageLimits& limits_;
  const std::string list_;
  TaskFilter filter_;
  engine::PageCursor pages_;
  // Tells where tasks of the type, or with the tag, can be; nullopt: any will do.
  std::optional<engine::IndexReader> index_;
  v1::ListTasksResponse& response_;
  const SteadyMicros deadline_;
  size_t bytes_ = 0;
  int ids_since_clock_ = 0;
  bool over_ = false;
};

}  // namespace

Error CheckFilter(const v1::TaskFilter& filter) {
  for (const int state : filter.states()) {
    if (state == v1::TASK_STATE_UNSPECIFIED || !v1::TaskState_IsValid(state)) {
      return InvalidArgument("BAD_FILTER", absl::StrCat("filter.states has ", state,
                                                        ", which is no state: use values of TaskState but 0"));
    }
  }
  Error error = CheckName("type", filter.type());
  return error.ok() ? CheckName("tag", filter.tag()) : error;
}

Error ListTasks(const Surroundings& surroundings, const Clock& clock, const v1::ListTasksRequest& request,
                const PageLimits& limits, v1::ListTasksResponse* response) {
  std::vector<uint64_t> position = {std::max<TaskId>(surroundings.view.next_id(), 1) - 1};
  Error error = CheckFilter(request.filter());
  if (error.ok() && !request.page_token().empty()) {
    error = DecodePageToken(ListName(request.filter()), request.page_token(), 1, &position);
  }
  if (!error.ok()) return error;
  return Search(surroundings, clock, request.filter(), limits, response).From(position[0]);
}

}  // namespace baton::service
