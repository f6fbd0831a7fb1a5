#include "tests/bench/handlers.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace baton::bench {

std::vector<Registration> Handlers::For(const std::vector<Kind>& kinds) { return ForShare(kinds, 0, 1); }

std::vector<Registration> Handlers::ForShare(const std::vector<Kind>& kinds, int worker, int workers) {
  std::vector<Registration> registrations;
  for (const Kind kind : kinds) {
    for (const std::string& type : ShareOf(TypesOf(kind), worker, workers)) {
      registrations.emplace_back(type, [this, kind](Task& task) { return Run(kind, task); });
    }
  }
  return registrations;
}

bool Handlers::AllRan() const {
  const BoardHeader& header = board_->header();
  return count_ > 0 && header.ran.load() + header.spawned_ran.load() >= count_;
}

Outcome Handlers::Run(Kind kind, Task& task) {
  if (kind == Kind::kHeld) return Hold(task);
  const std::optional<uint64_t> sequence = SequenceOf(task.payload().bytes());
  if (!sequence || *sequence >= board_->tasks()) return Refuse(task, "came with a payload that nobody submitted");
  Note(kind, *sequence, task);
  switch (kind) {
    case Kind::kParent:
      return RunParent(Kind::kChild, task);
    case Kind::kMixed:
      return RunMixed(*sequence, task);
    case Kind::kCancelled:
      return RunUntilCancelled(task);
    default:
      if (FateOf(kind, *sequence).state == v1::TASK_STATE_COMPLETED) return {};
      return FinalError(kPlannedError);
  }
}

void Handlers::Note(Kind kind, uint64_t sequence, const Task& task) {
  const int64_t now = MonotonicNow();
  Entry& entry = board_->entry(sequence);
  if (task.attempt() == 1) entry.start_at.store(now, std::memory_order_relaxed);
  entry.ran_id.store(task.id(), std::memory_order_relaxed);
  const uint32_t runs = entry.runs.fetch_add(1, std::memory_order_relaxed) + 1;
  if (runs == FateOf(kind, sequence).runs) CountRan(kind);
}

void Handlers::CountRan(Kind kind) {
  BoardHeader& header = board_->header();
  if (kind == Kind::kStream) {
    header.stream_ran.fetch_add(1);
    return board_->Ring();
  }
  const uint64_t ran = (IsSpawned(kind) ? header.spawned_ran : header.ran).fetch_add(1) + 1;
  if (ran % Board::kRunsPerRing == 0 || AllRan()) board_->Ring();
}

Outcome Handlers::RunMixed(uint64_t sequence, Task& task) {
  switch (MixedPartOf(sequence)) {
    case MixedPart::kPlain:
      return {};
    case MixedPart::kRetried:
      if (task.attempt() == 1) return Error(kPlannedError);
      return {};
    case MixedPart::kHopeless:
      return FinalError(kPlannedError);
    case MixedPart::kExhausted:
      return Error(kPlannedError);
    case MixedPart::kReported:
      Report(task);
      return {};
    case MixedPart::kRetriedAndReported:
      Report(task);
      if (task.attempt() == 1) return Error(kPlannedError);
      return {};
    case MixedPart::kParent:
      return RunParent(Kind::kMixedChild, task);
  }
  return {};
}

Outcome Handlers::RunParent(Kind child, Task& task) {
  const std::optional<SpawnPlan> plan = SpawnPlanOf(task.payload().bytes());
  if (!plan || plan->first + plan->count > board_->tasks()) return Refuse(task, "came without a plan for its children");
  return task.stage() == 0 ? Spawn(child, *plan, task) : Join(child, *plan, task);
}

Outcome Handlers::Spawn(Kind child, const SpawnPlan& plan, Task& task) {
  std::vector<NewTask> children;
  children.reserve(plan.count);
  const int64_t now = MonotonicNow();
  for (uint64_t i = plan.first; i < plan.first + plan.count; ++i) {
    children.push_back(MakeTask(child, i, plan.payload_bytes));
    board_->entry(i).submit_at.store(now, std::memory_order_relaxed);
  }
  return task.Next(std::move(children));
}

Outcome Handlers::Join(Kind child, const SpawnPlan& plan, Task& task) {
  board_->header().joined_at.store(MonotonicNow());
  if (task.children_count() != plan.count) {
    return Refuse(task, absl::StrCat("has ", task.children_count(), " children instead of ", plan.count));
  }
  ChildOutcomes outcomes = task.Children();
  for (const ChildOutcome& outcome : outcomes) {
    if (outcome.index >= plan.count) return Refuse(task, absl::StrCat("has a child with index ", outcome.index));
    const uint64_t sequence = plan.first + outcome.index;
    if (outcome.completed() != (FateOf(child, sequence).state == v1::TASK_STATE_COMPLETED)) {
      return Refuse(task, absl::StrCat("has child ", outcome.id, " that is ", TaskStateName(outcome.state)));
    }
    board_->entry(sequence).submitted_id.store(outcome.id, std::memory_order_relaxed);
    board_->entry(sequence).submits.fetch_add(1, std::memory_order_relaxed);
  }
  if (!outcomes.status().ok()) return Refuse(task, absl::StrCat("got ", outcomes.status().ToString()));
  return {};
}

void Handlers::Report(Task& task) {
  absl::Status status = task.Progress(50, "half way", "working");
  for (int i = 0; i < kCheckpoints; ++i) {
    status.Update(task.Audit("bench.mark", absl::StrCat("mark ", i), R"({"planned": true})"));
  }
  status.Update(task.Progress(100, "all of it", "done"));
  if (!status.ok()) board_->Fail(absl::StrCat("task ", task.id(), ": a report was refused: ", status.ToString()));
}

// The start is written before the holder: who sees the holder may read the start.
Outcome Handlers::Hold(Task& task) {
  board_->entry(0).start_at.store(MonotonicNow());
  board_->header().holder.store(static_cast<uint32_t>(index_) + 1);
  board_->Ring();
  while (!task.WaitCancelled(absl::Seconds(1)) && board_->header().gate.load() != Gate::kStop) {
  }
  return {};
}

Outcome Handlers::RunUntilCancelled(Task& task) {
  board_->Ring();  // It has begun.
  while (!task.WaitCancelled(absl::Seconds(1)) && board_->header().gate.load() != Gate::kStop) {
  }
  board_->header().noticed_at.store(MonotonicNow());
  board_->Ring();
  return {};
}

Outcome Handlers::Refuse(const Task& task, const std::string& what) {
  board_->Fail(absl::StrCat("task ", task.id(), " ", what));
  return FinalError(what);
}

}  // namespace baton::bench
