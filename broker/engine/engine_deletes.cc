// Taking out whole workflows that have ended, because an operator says so. What is decided is stored at once, as a job;
// the records go bit by bit after that, those of the root last: so nothing is ever left that no root leads to.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/engine/engine.h"
#include "broker/engine/refusals.h"

namespace baton::engine {

using records::v1::JobRow;

namespace {

Job JobOf(const DeleteCommand& command, const Members& members, WallMicros now) {
  Job job;
  job.row.set_verb(JobRow::DELETE);
  job.row.set_actor(command.actor);
  job.row.set_reason(command.reason);
  job.row.set_started_us(now);
  job.row.set_root(members.root);
  job.ranges.assign(members.ranges.begin(), members.ranges.end());
  return job;
}

}  // namespace

void Engine::Delete(std::unique_ptr<Command> owned) {
  auto& command = static_cast<DeleteCommand&>(*owned);
  if (command.task == 0 || command.task >= next_id_) {
    command.error = UnknownTask(command.task, LiveState::NONE);
    return batch_.Answer(std::move(owned));
  }
  const TaskId id = command.task;
  const auto parked = Park(std::move(owned));
  WithMembers(id, [this, parked](const LoadResult& loaded) {
    auto& asked = static_cast<DeleteCommand&>(*parked->command);
    asked.error = RefuseDelete(loaded);
    if (asked.error.ok()) {
      asked.root = loaded.members.root;
      asked.tasks = loaded.members.tasks;
      // A repeat finds it under way.
      if (!IsBeingDeleted(asked.root)) jobs_[next_job_++] = JobOf(asked, loaded.members, now_.wall);
    }
    batch_.Answer(std::move(parked->command));
  });
}

Error Engine::RefuseDelete(const LoadResult& loaded) const {
  const Members& members = loaded.members;
  const TaskId id = loaded.request.ids[0];
  if (!loaded.damage.empty()) return StoreDamaged(loaded.damage);
  if (members.living == id && members.state != LiveState::STAGED) {
    return FailedPrecondition("WORKFLOW_LIVE", absl::StrCat("task ", id, " is ", StateName(members.living_state),
                                                            ": cancel it, or wait until it has ended"));
  }
  if (!IsTerminal(members.state)) return UnknownTask(id, members.state);
  if (members.living != 0) {
    return FailedPrecondition("WORKFLOW_LIVE", absl::StrCat("task ", members.living, " of the workflow of task ", id,
                                                            " is ", StateName(members.living_state), ": cancel task ",
                                                            members.root, ", or wait until all of it has ended"));
  }
  if (members.ranges.size() <= settings_.work.ranges_to_delete) return {};
  return FailedPrecondition("WORKFLOW_SCATTERED",
                            absl::StrCat("the ", members.tasks, " tasks of the workflow lie in ", members.ranges.size(),
                                         " places between those of others, at most ", settings_.work.ranges_to_delete,
                                         " can be deleted: retention takes it when it is old enough"));
}

void Engine::WithMembers(TaskId id, std::function<void(const LoadResult&)> then) {
  const uint64_t number = next_asked_++;
  members_asked_[number] = {id, std::move(then)};
  LoadMembers(number);
}

void Engine::LoadMembers(uint64_t number) {
  LoadRequest request;
  request.kind = LoadRequest::Kind::kMembers;
  request.ids = {members_asked_.at(number).task};
  request.asked_in = number;
  batch_.Load(std::move(request));
}

void Engine::MembersKnown(const LoadResult& loaded) {
  const uint64_t number = loaded.request.asked_in;
  if (IsOutOfDate(loaded.members)) return LoadMembers(number);
  const auto then = std::move(members_asked_.extract(number).mapped().then);
  then(loaded);
}

// Nothing but a retry changes what a workflow is that has ended; that parts of it are gone does no harm.
bool Engine::IsOutOfDate(const Members& members) const {
  return std::any_of(members.ranges.begin(), members.ranges.end(), [&](const IdRange& range) {
    for (uint64_t page = PageOf(range.first); page <= PageOf(range.first + range.count - 1); ++page) {
      const auto revived = revived_.find(page);
      if (revived != revived_.end() && revived->second > members.as_of) return true;
    }
    return false;
  });
}

bool Engine::IsBeingDeleted(TaskId id) const {
  return std::any_of(jobs_.begin(), jobs_.end(), [id](const auto& numbered) {
    const Job& job = numbered.second;
    return job.row.verb() == JobRow::DELETE &&
           std::any_of(job.ranges.begin(), job.ranges.end(),
                       [id](const IdRange& range) { return id >= range.first && id < range.first + range.count; });
  });
}

void Engine::DeletePart(Job& job, const LoadResult& loaded) {
  const std::vector<IdRange>& ranges = loaded.request.ranges;
  if (!TakeOut(PageOf(ranges[0].first), loaded.removal)) return;  // Out of date: it is asked for again.
  job.dirty = true;
  for (size_t i = 0; i < ranges.size(); ++i) {
    IdRange& front = job.ranges.front();
    const TaskId end = front.first + front.count;
    if (loaded.until < end) {
      front.first = std::max(front.first, loaded.until);
      front.count = end - front.first;
      return;
    }
    job.ranges.pop_front();
  }
}

}  // namespace baton::engine
