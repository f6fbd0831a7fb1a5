#include "broker/service/read/task_watch.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "broker/service/read/page_token.h"
#include "broker/service/read/rows.h"
#include "broker/service/read/task_list.h"

namespace baton::service {
namespace {

// Incarnation, number and index stand before the page token.
constexpr size_t kPositionBytes = 24;

Error BadResumeToken() {
  return InvalidArgument("BAD_RESUME_TOKEN",
                         "resume_token is not from a watch of these tasks: pass that of its last response with the "
                         "same filter and task_id, or leave it empty to watch from now on");
}

// Whether the id lies in one of the intervals, of which the highest is the first.
bool LiesIn(const std::vector<TaskFilter::Interval>& intervals, TaskId id) {
  const auto at = std::partition_point(intervals.begin(), intervals.end(),
                                       [id](const TaskFilter::Interval& interval) { return interval.first > id; });
  return at != intervals.end() && id < at->end;
}

// Those that may match by what the live table says. Ids are looked up in ascending order: a page that has to be read is
// read once.
using Candidates = absl::flat_hash_map<TaskId, std::pair<LiveState, engine::LiveEntry>>;
Error FindCandidates(const engine::View& view, const TaskFilter& filter, const std::vector<Change>& changes,
                     Candidates* candidates) {
  std::vector<TaskId> ids;
  for (const Change& change : changes) ids.push_back(change.id);
  std::sort(ids.begin(), ids.end());
  engine::PageCursor pages(view);
  for (const TaskId id : ids) {
    const absl::StatusOr<const engine::Page*> page = pages.Read(engine::PageOf(id));
    if (!page.ok()) return StoreDamaged(std::string(page.status().message()));
    const uint32_t slot = engine::SlotOf(id);
    if (*page == nullptr || !filter.MayMatch(**page, slot)) continue;
    auto& [state, entry] = (*candidates)[id];
    state = (*page)->StateAt(slot);
    (*page)->Find(slot, &entry);
  }
  return {};
}

// `task` is left empty if it does not match, or is gone. One that is damaged may match, and ends no watch.
Error Describe(const Surroundings& surroundings, TaskFilter* filter, TaskFacts* facts, v1::Task* task) {
  bool matches = false;
  Error error = LoadTaskRow(surroundings.view, facts);
  if (error.ok()) error = filter->Matches(facts, &matches);
  if (error.ok() && matches) error = LoadSteps(surroundings.view, facts);
  if (error.ok() && matches) error = DescribeTask(surroundings, *facts, v1::TaskParts(), task);
  const bool damaged = error.code == absl::StatusCode::kDataLoss;
  if (!damaged && error.code != absl::StatusCode::kNotFound) return error;
  task->Clear();
  if (damaged) DescribeDamaged(surroundings, *facts, error, task);
  return {};
}

}  // namespace

Error TaskWatch::Begin(const v1::WatchRequest& request, uint64_t incarnation) {
  Error error = CheckFilter(request.filter());
  if (!error.ok()) return error;
  request_ = request;
  incarnation_ = incarnation;
  telling_all_ = request.initial() && request.resume_token().empty();
  return request.resume_token().empty() ? Error() : ReadToken(request.resume_token());
}

Error TaskWatch::Tell(const Surroundings& surroundings, const Clock& clock, const PageLimits& limits,
                      v1::WatchResponse* response) {
  if (task() != 0) {
    TaskFacts facts;
    Error error = FindTask(surroundings.view, task(), &facts);
    if (!error.ok()) return error;
  }
  const uint64_t number = surroundings.view.number();
  if (position_.number == 0) position_ = {number + 1, 0};
  Error error =
      telling_all_ ? TellMatching(surroundings, clock, limits, response) : TellChanged(surroundings, limits, response);
  if (!error.ok()) return error;
  response->set_resume_token(Token());
  response->set_caught_up(!telling_all_ && position_.number > number);
  return {};
}

Error TaskWatch::TellMatching(const Surroundings& surroundings, const Clock& clock, const PageLimits& limits,
                              v1::WatchResponse* response) {
  if (task() != 0) {
    telling_all_ = false;
    TaskFilter filter(surroundings.view, request_.filter());
    std::vector<TaskFilter::Interval> intervals;
    Error error = filter.FindIntervals(&intervals);
    if (!error.ok() || !LiesIn(intervals, task())) return error;
    return TellEach(surroundings, limits, {{task(), position_}}, &filter, response);
  }
  v1::ListTasksRequest request;
  v1::ListTasksResponse page;
  *request.mutable_filter() = request_.filter();
  request.set_page_token(page_token_);
  Error error = ListTasks(surroundings, clock, request, limits, &page);
  if (!error.ok()) return error;
  response->mutable_tasks()->Swap(page.mutable_tasks());
  page_token_ = std::move(*page.mutable_next_page_token());
  telling_all_ = !page_token_.empty();
  return {};
}

Error TaskWatch::TellChanged(const Surroundings& surroundings, const PageLimits& limits, v1::WatchResponse* response) {
  TaskFilter filter(surroundings.view, request_.filter());
  std::vector<TaskFilter::Interval> intervals;
  Error error = filter.FindIntervals(&intervals);
  if (!error.ok()) return error;
  const auto wanted = [&](TaskId id) { return (task() == 0 || task() == id) && LiesIn(intervals, id); };
  std::vector<Change> changes;
  JournalPosition next;
  error = ReadChanges(surroundings.view, position_, {.ids = limits.items}, wanted, &changes, &next);
  if (!error.ok()) return error;
  position_ = next;
  return TellEach(surroundings, limits, changes, &filter, response);
}

// What does not fit any more is where the next response begins.
Error TaskWatch::TellEach(const Surroundings& surroundings, const PageLimits& limits,
                          const std::vector<Change>& changes, TaskFilter* filter, v1::WatchResponse* response) {
  Candidates candidates;
  Error error = FindCandidates(surroundings.view, *filter, changes, &candidates);
  size_t bytes = 0;
  for (const Change& change : changes) {
    if (!error.ok()) return error;
    const auto candidate = candidates.find(change.id);
    if (candidate == candidates.end()) continue;
    TaskFacts facts;
    facts.id = change.id;
    std::tie(facts.state, facts.entry) = candidate->second;
    v1::Task task;
    error = Describe(surroundings, filter, &facts, &task);
    if (!error.ok() || task.id() == 0) continue;
    bytes += task.ByteSizeLong() + 8;
    if (!response->tasks().empty() && bytes > limits.bytes) {
      position_ = change.at;
      return {};
    }
    *response->add_tasks() = std::move(task);
  }
  return error;
}

std::string TaskWatch::ListName() const {
  return absl::StrCat("watch ", request_.task_id(), " ", request_.filter().SerializeAsString());
}

std::string TaskWatch::Token() const {
  const engine::Key position = engine::Key().U64(incarnation_).U64(position_.number).U64(position_.index);
  return EncodePageToken(ListName(), position.str() + page_token_);
}

Error TaskWatch::ReadToken(const std::string& token) {
  std::string position;
  if (!DecodePageToken(ListName(), token, &position).ok() || position.size() < kPositionBytes) return BadResumeToken();
  const absl::string_view bytes = position;
  if (engine::ReadU64(bytes) != incarnation_)
    return WatchExpired("it is of another store, or of one that was restored");
  position_ = {engine::ReadU64(bytes.substr(8)), engine::ReadU64(bytes.substr(16))};
  page_token_ = position.substr(kPositionBytes);
  telling_all_ = !page_token_.empty();
  return {};
}

}  // namespace baton::service
