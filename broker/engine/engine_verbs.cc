// What submitters and operators do to tasks; cascades run as jobs.
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/base/check.h"
#include "broker/engine/engine.h"

namespace baton::engine {
namespace {

using storage::Family;

Error UnknownTask(const LoadedTask& found) {
  if (found.state == LiveState::REMOVED) {
    return NotFound("TASK_EXPIRED", absl::StrCat("task ", found.id, " is no longer retained"));
  }
  return NotFound("TASK_NOT_FOUND", absl::StrCat("there is no task ", found.id));
}

}  // namespace

void Engine::Cancel(std::unique_ptr<Command> owned) {
  const TaskId id = static_cast<CancelCommand&>(*owned).task;
  const auto parked = Park(std::move(owned));
  WithTask(id, [this, parked](Task* task, const LoadedTask& found) {
    auto& command = static_cast<CancelCommand&>(*parked->command);
    if (task != nullptr) {
      CancelTask(*task, command.actor, command.reason, 0);
    } else if (found.state == LiveState::COMPLETED || found.state == LiveState::FAILED) {
      command.error = FailedPrecondition(
          "TASK_TERMINAL", absl::StrCat("task ", command.task, " has ended already (",
                                        found.state == LiveState::COMPLETED ? "COMPLETED" : "PERMANENTLY_FAILED",
                                        "): there is nothing to cancel"));
    } else if (found.state != LiveState::CANCELLED) {
      command.error = UnknownTask(found);
    }
    batch_.Answer(std::move(parked->command));
  });
}

void Engine::CancelTask(Task& task, const std::string& actor, const std::string& reason, uint64_t job) {
  if (task.state == LiveState::RUNNING) {
    const AttemptId attempt{task.id, task.attempt};
    if (Session* session = FindSession(task.session); session != nullptr) {
      const auto held = session->held.find(attempt);
      if (held != session->held.end()) held->second.cancelled = true;
      if (session->open) OrderCancel(*session, attempt, reason);
    }
  }
  if (task.state == LiveState::WAITING) {
    if (job != 0) {
      Job& running = jobs_[job];
      running.ranges.insert(running.ranges.end(), task.children.begin(), task.children.end());
      running.dirty = true;
    } else {
      StartJob(task.children, task, actor, reason);
    }
  }
  Step content;
  content.set_reason(reason);
  Advance(task, Event::kCancelled, {content.SerializeAsString()}, actor);
}

void Engine::OrderCancel(const Session& session, const AttemptId& attempt, const std::string& reason) {
  std::vector<Order>& orders = batch_.OutputFor(session.number).orders;
  if (orders.empty() || orders.back().kind != Order::Kind::kCancel || orders.back().text != reason) {
    orders.push_back({Order::Kind::kCancel, {}, reason});
  }
  orders.back().attempts.push_back(attempt);
}

void Engine::Resume(std::unique_ptr<Command> owned) {
  const TaskId id = static_cast<ResumeCommand&>(*owned).task;
  const auto parked = Park(std::move(owned));
  WithTask(id, [this, parked](Task* task, const LoadedTask& found) {
    auto& command = static_cast<ResumeCommand&>(*parked->command);
    if (task == nullptr && !IsTerminal(found.state)) {
      command.error = UnknownTask(found);
    } else if (task != nullptr && task->state == LiveState::SUSPENDED) {
      Advance(*task, Event::kResumed, {command.step, false, command.has_decision, false}, command.actor);
    } else if (task != nullptr && task->state == LiveState::WAITING) {
      command.error = FailedPrecondition(
          "WAITS_FOR_CHILDREN", absl::StrCat("task ", command.task, " waits for ", waiting_[command.task].remaining,
                                             " children: it goes on when they end"));
    } else {
      command.error = FailedPrecondition("NOT_SUSPENDED",
                                         absl::StrCat("task ", command.task, " is not suspended but ",
                                                      LiveState_Name(task != nullptr ? task->state : found.state)));
    }
    batch_.Answer(std::move(parked->command));
  });
}

void Engine::StartJob(std::vector<IdRange> ranges, const Task& root, const std::string& actor,
                      const std::string& reason) {
  Job& job = jobs_[next_job_++];
  job.ranges.assign(ranges.begin(), ranges.end());
  job.row.set_actor(actor);
  job.row.set_reason(reason);
  job.row.set_started_us(now_.wall);
  job.row.set_root(root.id);
}

void Engine::RunJobs() {
  std::vector<uint64_t> numbers;
  for (const auto& [number, job] : jobs_) numbers.push_back(number);
  for (const uint64_t number : numbers) RunJob(number, jobs_[number]);
}

void Engine::RunJob(uint64_t number, Job& job) {
  if (job.searching || job.cancelling > 0) return;
  if (job.rest.has_value()) {
    // Everything found before was cancelled: what is done need not be searched again.
    job.ranges.pop_front();
    if (job.rest->count > 0) job.ranges.push_front(*job.rest);
    job.rest.reset();
    job.dirty = true;
  }
  if (job.ranges.empty()) {
    batch_.writes().Delete(Family::kMeta, JobMetaKey(number));
    jobs_.erase(number);
    return;
  }
  job.searching = true;
  LoadRequest request;
  request.kind = LoadRequest::Kind::kLiveIds;
  request.range = job.ranges.front();
  request.job = number;
  batch_.Load(std::move(request));
}

void Engine::Found(const LoadResult& loaded) {
  const uint64_t number = loaded.request.job;
  const auto it = jobs_.find(number);
  if (it == jobs_.end()) return;
  it->second.searching = false;
  it->second.rest = loaded.rest;
  it->second.cancelling = loaded.live.size();
  for (const TaskId id : loaded.live) {
    WithTask(id, [this, number](Task* task, const LoadedTask&) {
      Job& job = jobs_[number];
      const std::string actor = job.row.actor(), reason = job.row.reason();
      if (task != nullptr) CancelTask(*task, actor, reason, number);
      --jobs_[number].cancelling;
    });
  }
}

void Engine::WriteJobs() {
  for (auto& [number, job] : jobs_) {
    if (!job.dirty) continue;
    job.dirty = false;
    job.row.clear_ranges();
    for (const IdRange& range : job.ranges) {
      records::v1::Range* row = job.row.add_ranges();
      row->set_first(range.first);
      row->set_count(range.count);
    }
    batch_.writes().Put(Family::kMeta, JobMetaKey(number), job.row.SerializeAsString());
  }
}

}  // namespace baton::engine
