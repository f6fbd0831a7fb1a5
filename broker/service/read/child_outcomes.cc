#include "broker/service/read/child_outcomes.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "broker/service/read/convert.h"
#include "broker/service/read/page_token.h"
#include "broker/service/read/task_facts.h"
#include "broker/service/read/task_message.h"

namespace baton::service {
namespace {

using records::v1::Range;
using records::v1::Step;
using storage::Family;

Error AttemptOver(engine::AttemptId attempt) {
  return Aborted("ATTEMPT_OVER", absl::StrCat("attempt ", attempt.attempt, " of task ", attempt.task,
                                              " is not running (any more): stop the handler and drop its outcome"));
}

Error LoadRunning(const engine::View& view, engine::AttemptId attempt, TaskFacts* facts) {
  Error error = LoadTask(view, attempt.task, facts);
  if (!error.ok()) return error;
  const bool running = facts->state == LiveState::RUNNING && facts->entry.attempt == attempt.attempt;
  return running ? Error{} : AttemptOver(attempt);
}

// Cuts the children that were told before off the front of the ranges.
std::vector<Range> RangesFrom(const records::v1::Mutable& now, uint64_t index) {
  std::vector<Range> rest;
  for (Range range : now.children()) {
    const uint64_t skipped = std::min(index, range.count());
    index -= skipped;
    range.set_first(range.first() + skipped);
    range.set_count(range.count() - skipped);
    if (range.count() > 0) rest.push_back(range);
  }
  return rest;
}

void DescribeEnd(const Step& step, v1::ChildOutcome* outcome) {
  outcome->set_state(WireState(step.state(), false));
  if (step.state() == LiveState::COMPLETED) {
    if (step.has_result()) *outcome->mutable_result() = WirePayload(step.result());
  } else {
    outcome->set_error(step.state() == LiveState::CANCELLED ? CancelText(step) : FailureText(step));
  }
}

void DescribeMissing(v1::ChildOutcome* outcome) {
  const Error error = TaskExpired(outcome->task_id());
  outcome->mutable_missing()->set_code(static_cast<int>(error.code));
  outcome->mutable_missing()->set_reason(error.reason);
  outcome->mutable_missing()->set_message(error.message);
  outcome->clear_task_id();
}

// Fills one page with consecutive children, range by range; each range costs two scans.
class OutcomePage {
 public:
  OutcomePage(const engine::View& view, size_t page_size, size_t page_bytes, uint64_t first_index,
              v1::ListChildOutcomesResponse* response)
      : view_(view), page_size_(page_size), page_bytes_(page_bytes), index_(first_index), response_(*response) {}

  bool full() const { return full_ || response_.outcomes_size() >= static_cast<int>(page_size_); }
  // Children told so far, those of earlier pages included.
  uint64_t index() const { return index_; }

  // Adds as much of the range as there is room for.
  Error Add(const Range& range) {
    const int begin = response_.outcomes_size();
    const uint64_t room = page_size_ - static_cast<uint64_t>(begin);
    const TaskId end = range.first() + std::min(range.count(), room);
    Error error = AddEnds(range.first(), end);
    if (error.ok()) error = AddTypes(begin, range.first());
    return error;
  }

 private:
  // Adds the children [first, end) until the page is full.
  Error AddEnds(TaskId first, TaskId end) {
    TaskId next = first;
    Error error;
    const absl::Status status = view_.store().Scan(
        Family::kEnd, engine::EndKey(first), engine::EndKey(end), [&](absl::string_view key, absl::string_view value) {
          const TaskId id = engine::ReadU64(key);
          // Where the record of a child is gone.
          while (next < id && AddOne(next, nullptr)) ++next;
          Step step;
          error = ParseRow(value, absl::StrCat("end row of task ", id), &step);
          if (!error.ok() || full_ || !AddOne(id, &step)) return false;
          next = id + 1;
          return true;
        });
    if (!status.ok()) return StoreDamaged(std::string(status.message()));
    while (error.ok() && !full_ && next < end && AddOne(next, nullptr)) ++next;
    return error;
  }

  // A null `step`: the record is gone. False if there is no room.
  bool AddOne(TaskId id, const Step* step) {
    v1::ChildOutcome outcome;
    outcome.set_task_id(id);
    outcome.set_index(index_);
    if (step != nullptr) {
      DescribeEnd(*step, &outcome);
    } else {
      DescribeMissing(&outcome);
    }
    // Type and tag are added later: at most 128 bytes each.
    const size_t bytes = outcome.ByteSizeLong() + 300;
    full_ = !response_.outcomes().empty() && bytes_ + bytes > page_bytes_;
    if (full_) return false;
    bytes_ += bytes;
    ++index_;
    *response_.add_outcomes() = std::move(outcome);
    return true;
  }

  // Fills in what the task rows know of the outcomes from position `begin` on, which are of the children from `first`.
  Error AddTypes(int begin, TaskId first) {
    const TaskId end = first + static_cast<uint64_t>(response_.outcomes_size() - begin);
    Error error;
    const absl::Status status = view_.store().Scan(
        Family::kTask, engine::TaskKey(first), engine::TaskKey(end),
        [&](absl::string_view key, absl::string_view value) {
          const TaskId id = engine::ReadU64(key);
          error = AddType(id, value, response_.mutable_outcomes(begin + static_cast<int>(id - first)));
          return error.ok();
        });
    return status.ok() ? error : StoreDamaged(std::string(status.message()));
  }

  Error AddType(TaskId id, absl::string_view value, v1::ChildOutcome* outcome) {
    if (outcome->has_missing()) return {};
    records::v1::TaskRow row;
    const engine::ClassInfo* info = nullptr;
    Error error = ParseRow(value, absl::StrCat("task row of task ", id), &row);
    if (error.ok()) error = FindClass(view_, row.class_number(), &info);
    if (!error.ok()) return error;
    outcome->set_type(info->type);
    outcome->set_tag(row.tag());
    return {};
  }

  const engine::View& view_;
  const size_t page_size_;
  const size_t page_bytes_;
  uint64_t index_;
  v1::ListChildOutcomesResponse& response_;
  bool full_ = false;
  size_t bytes_ = 0;
};

}  // namespace

Error ListChildOutcomes(const engine::View& view, engine::AttemptId attempt,
                        const v1::ListChildOutcomesRequest& request, size_t page_size, size_t page_bytes,
                        v1::ListChildOutcomesResponse* response) {
  // A token is good for one stage: the next one has other children.
  const std::string list = absl::StrCat("children of ", attempt.task, " for attempt ", attempt.attempt);
  std::vector<uint64_t> position = {0};
  Error error;
  if (!request.page_token().empty()) error = DecodePageToken(list, request.page_token(), 1, &position);
  TaskFacts facts;
  if (error.ok()) error = LoadRunning(view, attempt, &facts);
  if (!error.ok()) return error;
  OutcomePage page(view, page_size, page_bytes, position[0], response);
  for (const Range& range : RangesFrom(facts.now, position[0])) {
    if (page.full()) break;
    error = page.Add(range);
    if (!error.ok()) return error;
  }
  if (page.index() < CountOf(facts.now.children()))
    response->set_next_page_token(EncodePageToken(list, {page.index()}));
  return {};
}

}  // namespace baton::service
