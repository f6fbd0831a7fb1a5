// What became of a whole workflow, in one answer of bounded size.
#ifndef BATON_BROKER_SERVICE_READ_WORKFLOW_SUMMARY_H_
#define BATON_BROKER_SERVICE_READ_WORKFLOW_SUMMARY_H_

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "baton/v1/admin.pb.h"
#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/service/read/critical_path.h"
#include "broker/service/read/events.h"
#include "broker/service/read/member_scan.h"
#include "broker/service/read/task_message.h"
#include "broker/service/read/task_timeline.h"

namespace baton::service {

// Goes through the tasks bit by bit, so that others who wait for the same thread do so for milliseconds, and holds what
// it counts: memory is bounded by the number of spawns and of distinct types, stages and workers. Not thread-safe.
//
//   TaskId root = 0;
//   Error error = FindRoot(view, request.task_id(), &root);
//   WorkflowSummary summary(surroundings, root, most_tasks);
//   while (error.ok() && !summary.is_complete()) error = summary.ReadOn();
//   if (error.ok()) error = summary.Finish(&response);
class WorkflowSummary final : private MemberScan {
 public:
  // What `surroundings` refers to must outlive it. `most_tasks`: looks at no more than that, and says so.
  WorkflowSummary(const Surroundings& surroundings, TaskId root, uint64_t most_tasks);

  bool is_complete() const { return at_end() || tasks_ > most_tasks_; }
  // Some hundred tasks more. Errors: STORE_DAMAGED.
  Error ReadOn() { return MemberScan::ReadOn(); }

  // Once it is complete. Errors: as LoadTask for the root, STORE_DAMAGED.
  Error Finish(v1::GetWorkflowSummaryResponse* response);

 private:
  // An attempt that is shown, or may be.
  struct Span {
    Micros duration = 0;
    WallMicros claimed = 0;
    TaskId task = 0;
    uint32_t number = 0;
    uint32_t stage = 0;
    engine::ClassNumber class_number = 0;
    std::string worker;
    WallMicros ended = 0;
    v1::AttemptOutcome outcome = v1::ATTEMPT_OUTCOME_UNSPECIFIED;

    // Is shown before the other one.
    bool IsSlowerThan(const Span& other) const;
  };

  void BeginTask(const Member& member) override;
  void TakeStep(const Member& member, const records::v1::Step& step) override;
  Error EndTask(const Member& member) override;

  bool is_over() const { return tasks_ > most_tasks_; }
  void TakeEvents(const records::v1::Step* step);
  void TakeAttempt(const Member& member, const records::v1::AttemptInfo& info, WallMicros ended,
                   v1::AttemptOutcome outcome);
  Error EndLiveTask(const Member& member);
  void CountTask(const Member& member);
  Error NameWorker(uint64_t session, std::string* worker);

  // Of a class that was found.
  const std::string& TypeOf(engine::ClassNumber class_number) const;
  void AddCounts(v1::GetWorkflowSummaryResponse* response) const;
  void AddTimes(v1::GetWorkflowSummaryResponse* response) const;
  v1::AttemptSpan WireSpan(const Span& span) const;

  const Surroundings surroundings_;
  const TaskId root_;
  const uint64_t most_tasks_;

  uint64_t tasks_ = 0;
  uint64_t attempts_ = 0;
  uint64_t events_count_ = 0;
  uint64_t checkpoints_ = 0;
  uint32_t highest_attempt_ = 0;
  std::map<v1::TaskState, uint64_t> states_;
  std::map<v1::AttemptOutcome, uint64_t> outcomes_;
  absl::flat_hash_map<engine::ClassNumber, uint64_t> classes_;
  absl::flat_hash_map<uint32_t, uint64_t> stages_;
  absl::flat_hash_set<std::string> workers_;
  WallMicros created_ = 0;
  WallMicros ended_ = 0;
  WallMicros first_claim_ = 0;
  WallMicros last_end_ = 0;
  WallMicros last_event_ = 0;
  std::deque<Span> stages_of_root_;
  std::vector<v1::FailedTask> failed_;
  // The slowest first.
  std::vector<Span> slowest_;
  ChildWaits waits_;
  absl::flat_hash_map<uint64_t, std::string> sessions_;

  // Of the task that is read.
  std::optional<EventExpander> expander_;
  std::vector<v1::Event> events_;
  TaskTimeline timeline_;
  std::string error_;
};

// The root of the workflow that a task belongs to. Errors: as LoadTaskRow, for the task and for its root.
Error FindRoot(const engine::View& view, TaskId task, TaskId* root);

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_READ_WORKFLOW_SUMMARY_H_
