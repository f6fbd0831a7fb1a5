// What must not wait when there is nothing left to do.
#include <algorithm>

#include "tests/simulation/auditor.h"
#include "tests/simulation/violation.h"

namespace baton::simulation {

void Auditor::CheckNothingWaitsInVain(const engine::Engine& engine) {
  // Counted once: many tasks wait.
  std::set<std::string> full_types;
  for (const auto& [type, limit] : model_.limits) {
    if (model_.IsFull(type)) full_types.insert(type);
  }
  const bool batch_is_full = engine.batch_bytes() >= settings_.work.open_batch_bytes;
  const bool busy = engine.has_more() || loads_ > 0 || draining_ || batch_is_full;
  if (busy) return Tell("busy: ", engine.has_more() ? "has more, " : "", loads_, " loads");
  CheckSleep(engine);
  for (const auto& [name, schedule] : model_.schedules) {
    REQUIRE(!IsDue(schedule), "schedule ", name, " is due and does not fire: ", schedule.state.ShortDebugString());
  }
  for (const auto& [number, job] : model_.jobs) REQUIRE(job->is_over(), "nobody goes on with job ", number);
  for (const TaskId id : model_.deleting) {
    REQUIRE(model_.StateOf(id) == LiveState::REMOVED, "nobody deletes ", Describe(model_.At(id)));
  }
  for (const TaskId id : model_.live) {
    const ModelTask& task = model_.At(id);
    REQUIRE(!Model::FailsFast(task), "a child did not complete, and it does not fail: ", Describe(task));
    REQUIRE(!expire_ || !IsOverdue(task), "nothing happens at ", now_.wall, " to ", Describe(task));
    if (task.state != LiveState::PENDING || model_.IsPaused(task) || task.due > now_.wall) continue;
    for (const auto& [number, session] : model_.sessions) {
      const bool hungry = session.accepts() && !session.behind && session.held.size() < session.worker.slots;
      if (!hungry || !Model::Fits(session.worker, task.type, task.required)) continue;
      const bool full = full_types.contains(task.type), has_room = session.HasRoomFor(task.type);
      REQUIRE(full || !has_room, "worker '", session.worker_id, "' has a free slot, but nobody gives it ",
              Describe(task));
      if (full) coverage_->Count("limit of a type: reached");
      if (!has_room) coverage_->Count("limit of a handler: reached");
    }
  }
}

// It wakes in time for whatever comes next.
void Auditor::CheckSleep(const engine::Engine& engine) const {
  const Micros sleep = engine.SleepTime();
  const auto wakes = [sleep](Micros due, Micros now) { return sleep <= std::max<Micros>(due - now, 0); };
  for (const TaskId id : model_.live) {
    const ModelTask& task = model_.At(id);
    // Once it was due it stays so, whatever the wall clock says.
    const bool comes = task.state == LiveState::PENDING && !model_.IsPaused(task) && task.due > latest_wall_;
    REQUIRE(!comes || wakes(task.due, now_.wall), "sleeps for ", sleep, " us, too long for ", Describe(task));
    const WallMicros alarm = task.state == LiveState::STAGED ? 0 : Model::AlarmOf(task);
    REQUIRE(alarm == 0 || wakes(alarm, now_.wall), "sleeps for ", sleep, " us, beyond the alarm ", alarm, " of ",
            Describe(task));
    if (task.state != LiveState::RUNNING) continue;
    const bool times_out = wakes(task.deadline, lease_now_) &&
                           (task.report_deadline == 0 || wakes(task.report_deadline, lease_now_));
    REQUIRE(times_out, "sleeps for ", sleep, " us, beyond the timeout of ", Describe(task));
  }
  for (const auto& [number, session] : model_.sessions) {
    const bool wakes_for_it = (session.lease == 0 || session.silent || wakes(session.lease, lease_now_)) &&
                      (session.grace == 0 || wakes(session.grace, lease_now_));
    REQUIRE(wakes_for_it, "sleeps for ", sleep, " us, beyond the lease or grace of session ", number);
  }
  for (const auto& [name, schedule] : model_.schedules) {
    const WallMicros next = schedule.state.next_us();
    REQUIRE(schedule.state.has_pause() || next == 0 || wakes(next, now_.wall), "sleeps for ", sleep,
            " us, too long for schedule ", name, ": ", schedule.state.ShortDebugString());
  }
}

void Auditor::CheckNobodyWaits() const {
  for (const auto& [command, waiting] : waiting_) {
    REQUIRE(command->kind == engine::Command::Kind::kDrain, "nothing is under way, and command ", waiting.number,
            " of kind ", static_cast<int>(command->kind), " has no answer");
  }
  REQUIRE(decided_.empty() && undecided_commit_.empty(), "nothing is under way, and ", decided_.size(), " and ",
          undecided_commit_.size(), " answers have not left");
  REQUIRE(loads_ == 0, "nothing is under way, and ", loads_, " loads have not come");
}

}  // namespace baton::simulation
