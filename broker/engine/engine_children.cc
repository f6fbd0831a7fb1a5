// Workflows: children are made real and the parent waits in one step; each child's end counts while the parent waits
// for that generation.
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/base/check.h"
#include "broker/engine/engine.h"
#include "broker/engine/refusals.h"

namespace baton::engine {

using storage::Family;

namespace {

Parent ParentOf(const Task& task) {
  const Options inherited = InheritedBy(task.options != nullptr ? *task.options : Options(),
                                        task.inherited != nullptr ? *task.inherited : Options());
  return {&task, inherited.empty() ? nullptr : std::make_shared<const Options>(inherited)};
}

// A child that says nothing of its trace context has that of its parent.
void TakeTrace(const Task& parent, NewTask* child) {
  if (child->trace != nullptr || parent.trace == nullptr) return;
  child->trace = parent.trace;
  records::v1::TaskRow taken;
  taken.set_trace_parent(parent.trace->parent);
  taken.set_trace_state(parent.trace->state);
  taken.AppendToString(&child->row);
}

// How a child ended that did not complete, for its parent's error.
std::string Describe(TaskId child, LiveState state, absl::string_view end) {
  Step step;
  if (!step.ParseFromArray(end.data(), static_cast<int>(end.size()))) step.Clear();
  const std::string& why = state == LiveState::CANCELLED ? step.reason() : step.error();
  return absl::StrCat("child ", child, state == LiveState::CANCELLED ? " was cancelled" : " has failed",
                      why.empty() ? "" : ": ", why);
}

}  // namespace

Error Engine::CheckChildren(const Task& parent, const std::vector<NewTask>& children) {
  if (parent.depth + 1 > settings_.max_depth) {
    return InvalidArgument(
        "TOO_DEEP", absl::StrCat("task ", parent.id, " is ", parent.depth, " levels deep; children may be at most ",
                                 settings_.max_depth, " levels below their root"));
  }
  const uint64_t count = CountOf(parent.staged) + children.size();
  if (count > settings_.max_children) {
    return InvalidArgument("TOO_MANY_CHILDREN",
                           absl::StrCat("one spawn has at most ", settings_.max_children, " children, not ", count,
                                        ": spawn the others at the next stage"));
  }
  if (!children.empty() && parent.staged.size() >= settings_.work.child_ranges) {
    return InvalidArgument(
        "TOO_MANY_CHILDREN",
        absl::StrCat("the parts sent before lie in ", parent.staged.size(), " places between the tasks of others, at "
                     "most ", settings_.work.child_ranges, " are allowed: send larger parts, or fewer children"));
  }
  if (catalog_->class_count() + children.size() <= kMaxClasses) return {};
  const Parent of = ParentOf(parent);
  for (const NewTask& child : children) {
    if (Place(child, of.inherited.get()).class_number == 0) return TooManyTypes(child.type);
  }
  return {};
}

Error Engine::Spawn(Outcome& outcome, Task& parent) {
  if (outcome.parts != parent.staged_parts) {
    return FailedPrecondition(
        "PART_MISSING", absl::StrCat("the outcome names ", outcome.parts, " staged parts, but ", parent.staged_parts,
                                     " are there: send SpawnChildren again"));
  }
  Error error = CheckChildren(parent, outcome.children);
  if (!error.ok()) return error;

  std::vector<IdRange> ranges = std::move(parent.staged);
  parent.staged.clear();
  staged_ranges_ -= ranges.size();
  staging_.erase(parent.id);
  parent.staged_parts = 0;
  for (const IdRange& range : ranges) Seal(range);
  if (!outcome.children.empty()) {
    ranges.push_back({next_id_, outcome.children.size()});
    const Parent of = ParentOf(parent);
    for (NewTask& child : outcome.children) CreateChild(child, of, LiveState::PENDING);
  }
  parent.children = std::move(ranges);
  parent.children_failed = 0;
  parent.remaining = CountOf(parent.children);
  parent.children_total += parent.remaining;
  ++parent.generation;
  parent.fail_fast = outcome.fail_fast;
  Advance(parent, Event::kSpawned, {outcome.step, outcome.has_context, false, outcome.has_progress}, "");
  return {};
}

void Engine::SpawnStaged(std::unique_ptr<Command> owned) {
  auto& command = static_cast<SpawnChildrenCommand&>(*owned);
  Task* parent = FindAttempt(command.attempt);
  if (parent == nullptr) {
    const auto parked = Park(std::move(owned));
    return ExplainOver(command.attempt, Outcome::Kind::kSpawned, [this, parked](Error error) {
      const AttemptId& attempt = static_cast<SpawnChildrenCommand&>(*parked->command).attempt;
      // Also if it has spawned: what is sealed takes no further part.
      if (error.ok()) {
        error = Aborted("ATTEMPT_OVER", absl::StrCat("attempt ", attempt.attempt, " of task ", attempt.task,
                                                     " has spawned its children: stop working on it"));
      }
      parked->command->error = std::move(error);
      batch_.Answer(std::move(parked->command));
    });
  }
  if (command.part > parent->staged_parts + 1) {
    command.error = FailedPrecondition("PART_MISSING", absl::StrCat("part ", command.part, " came before part ",
                                                                    parent->staged_parts + 1, ": send them in order"));
  } else if (command.part == parent->staged_parts + 1) {
    command.error = CheckChildren(*parent, command.children);
    if (command.error.ok()) command.error = CheckRoomToStage(*parent);
    if (command.error.ok()) Stage(command.children, *parent);
  }
  command.staged = CountOf(parent->staged);
  batch_.Answer(std::move(owned));
}

bool Engine::GoesOn(const Task& parent) const {
  return !parent.staged.empty() && parent.staged.back().first + parent.staged.back().count == next_id_;
}

Error Engine::CheckRoomToStage(const Task& parent) const {
  // The first of them may always go on, or else all might wait for each other.
  const bool first = !staging_.empty() && *staging_.begin() == parent.id;
  if (GoesOn(parent) || first || staged_ranges_ < settings_.work.staged_ranges) return {};
  return ResourceExhausted("OVERLOADED",
                           absl::StrCat("the parts of all parents that are spawning lie in ", staged_ranges_,
                                        " places, as many as may be: retry later, and send larger parts"),
                           kSecond);
}

void Engine::Stage(std::vector<NewTask>& children, Task& parent) {
  const bool goes_on = GoesOn(parent);
  const TaskId first = next_id_;
  const Parent of = ParentOf(parent);
  for (NewTask& child : children) CreateChild(child, of, LiveState::STAGED);
  if (goes_on) {
    parent.staged.back().count += children.size();
  } else {
    parent.staged.push_back({first, children.size()});
    ++staged_ranges_;
    staging_.insert(parent.id);
  }
  ++parent.staged_parts;
  WriteStep(parent, Step::REPORTED, {}, "", AttemptOf(parent));
  HasReported(parent);
}

void Engine::CreateChild(NewTask& child, const Parent& parent, LiveState state) {
  TakeTrace(*parent.task, &child);
  Create(child, Place(child, parent.inherited.get()), parent, state);
}

void Engine::Seal(const IdRange& range) {
  batch_.Sealed(range);
  seals_.push_back(range);
  LoadAgain(range);
}

void Engine::EnqueueSealed() {
  for (size_t done = 0; !seals_.empty() && done < settings_.work.round_job_steps; ++done) {
    IdRange& range = seals_.front();
    // One that was cancelled meanwhile is not there any more.
    if (const auto it = staged_.find(range.first); it != staged_.end()) {
      Enqueue(it->second.class_number, it->second.key);
      ArmAlarm(it->first, it->second.alarm);
      // Its time may have been over before it was sealed.
      if (it->second.alarm != 0 && it->second.alarm <= now_.wall) has_more_ = true;
      staged_.erase(it);
    }
    ++range.first;
    if (--range.count == 0) seals_.pop_front();
  }
  if (!seals_.empty()) has_more_ = true;
}

void Engine::DropStaged(Task& parent) {
  for (const IdRange& range : parent.staged) {
    staged_.erase(staged_.lower_bound(range.first), staged_.lower_bound(range.first + range.count));
    batch_.writes().DeleteRange(Family::kTask, TaskKey(range.first), TaskKey(range.first + range.count));
    batch_.Removed(range);
    LoadAgain(range);
  }
  staged_ranges_ -= parent.staged.size();
  staging_.erase(parent.id);
  parent.staged.clear();
  parent.staged_parts = 0;
}

void Engine::ChildEnded(const EndedChild& child, absl::string_view end) {
  const TaskId parent = child.parent;
  const auto it = waiting_.find(parent);
  if (it == waiting_.end() || it->second.generation != child.generation) return;
  Waiting& waiting = it->second;
  BATON_CHECK(waiting.remaining > 0, absl::StrCat("task ", parent, " waits for no child"));
  --waiting.remaining;
  if (child.state != LiveState::COMPLETED) ++waiting.failed;
  if (IsDoomed(waiting)) {
    doomed_.try_emplace(parent, Describe(child.id, child.state, end));
    has_more_ = true;
  }
  if (waiting.remaining > 0 || IsDoomed(waiting)) {
    touched_waiting_.insert(parent);
    return;
  }
  if (Task* task = Resident(parent); task != nullptr) {
    task->children_failed = waiting.failed;
    // Read again, it is claimed in a later commit: a claim of this one would be all that the journal tells of it, and
    // not how many children failed.
    DropBody(*task);
    return Advance(*task, Event::kChildrenEnded, {}, "broker");
  }
  LiveEntry entry = EntryOfWaiting(parent, waiting);
  entry.state = LiveState::PENDING;
  entry.generation = 0;
  entry.fail_fast = false;
  waiting_.erase(it);
  resumed_.emplace_back(parent, entry);
  if (!entry.paused) Enqueue(entry.class_number, order_.KeyOf(entry.priority, entry.due, parent));
}

void Engine::FailDoomed() {
  for (auto& [id, why] : std::exchange(doomed_, {})) {
    WithTask(id, [this, why = why](Task* task, const LoadedTask&) {
      const auto waiting = task != nullptr ? waiting_.find(task->id) : waiting_.end();
      if (waiting == waiting_.end() || !IsDoomed(waiting->second)) return;
      const std::string error = absl::StrCat(why, ", and the task was to fail then");
      CallOff(*task, "broker", absl::StrCat("its parent has failed: ", why), 0);
      task->children_failed = waiting->second.failed;
      Step content;
      content.set_error(error);
      Advance(*task, Event::kChildFailed, {content.SerializeAsString()}, "broker");
    });
  }
}

LiveEntry Engine::EntryOfWaiting(TaskId parent, const Waiting& waiting) {
  LiveEntry entry;
  entry.id = parent;
  entry.state = LiveState::WAITING;
  entry.class_number = waiting.class_number;
  entry.priority = waiting.priority;
  entry.due = waiting.due;
  entry.attempt = waiting.attempt;
  entry.generation = waiting.generation;
  entry.remaining = waiting.remaining;
  entry.failed = waiting.failed;
  entry.paused = waiting.paused;
  entry.fail_fast = waiting.fail_fast;
  entry.alarm = waiting.alarm;
  return entry;
}

}  // namespace baton::engine
