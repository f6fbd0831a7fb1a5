#ifndef BATON_BROKER_SERVICE_READ_MEMBER_SCAN_H_
#define BATON_BROKER_SERVICE_READ_MEMBER_SCAN_H_

#include <cstdint>
#include <functional>
#include <queue>
#include <vector>

#include "baton/records/v1/records.pb.h"
#include "broker/base/error.h"
#include "broker/engine/live/view.h"
#include "broker/service/read/task_facts.h"

namespace baton::service {

// A task of a workflow, without payload and result.
struct Member {
  TaskId id = 0;
  LiveState state = LiveState::NONE;
  // Live tasks.
  engine::LiveEntry entry;
  records::v1::TaskRow row;
  // Terminal tasks, if it is still there.
  bool has_end = false;
  records::v1::Step end;
};

// Reads a whole workflow in ascending order of ids, so a parent before its children, by ranges of rows: some three of
// them for 512 tasks. Whoever derives from it says what is done with them. What was removed meanwhile is passed over.
// For one view; not thread-safe.
class MemberScan {
 public:
  virtual ~MemberScan() = default;

  bool at_end() const { return ranges_.empty(); }
  // Some hundred tasks more. Errors: STORE_DAMAGED, and those of EndTask.
  Error ReadOn();

 protected:
  // `view` must outlive it.
  MemberScan(const engine::View& view, TaskId root);

  // Of each task, in this order: that it is there, its log rows, and that there are no more.
  virtual void BeginTask(const Member& member) = 0;
  virtual void TakeStep(const Member& member, const records::v1::Step& step) = 0;
  virtual Error EndTask(const Member& member) = 0;

 private:
  struct IsLater {
    bool operator()(const engine::IdRange& a, const engine::IdRange& b) const { return a.first > b.first; }
  };

  // Where the next members can lie: [first_, end_).
  void ChooseIds();
  bool IsExpected(TaskId id) const;
  // Each may find that its rows are large, and leave the ids from there on for later.
  Error ReadTaskRows();
  Error ReadEnds();
  Error ReadSteps();
  // Those below `id` have no more steps.
  Error EndTasksBelow(TaskId id);
  void AddChildren(const records::v1::Step& spawn);

  const engine::View& view_;
  const TaskId root_;
  engine::PageCursor pages_;
  // Ids that were not looked at, among them all members that are known; the lowest first.
  std::priority_queue<engine::IdRange, std::vector<engine::IdRange>, IsLater> ranges_;
  // Below first_, everything was looked at. In between are these ranges, and maybe tasks of others.
  TaskId first_ = 0;
  TaskId end_ = 0;
  std::vector<engine::IdRange> expected_;
  // The first `count_` are members in [first_, end_); memory is used again.
  std::vector<Member> members_;
  size_t count_ = 0;
  // The one whose steps are read, and whether it was begun.
  size_t present_ = 0;
  bool has_begun_ = false;
};

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_READ_MEMBER_SCAN_H_
