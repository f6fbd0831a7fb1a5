#include "tests/unit/read/scene.h"

#include <algorithm>

#include "broker/engine/live/index.h"

namespace baton::service::testing {

using storage::Family;
using storage::WriteBatch;

void FakePartition::Read(ReadDone done) {
  std::shared_ptr<const engine::View> view;
  {
    absl::MutexLock lock(&mu_);
    if (hold_) {
      held_.push_back(std::move(done));
      return;
    }
    auto pages = std::make_shared<engine::View::Pages>();
    for (const auto& [number, page] : pages_) (*pages)[number] = std::make_shared<const engine::Page>(page);
    view = std::make_shared<const engine::View>(store_->number(), next_id_, store_->TakeSnapshot(), std::move(pages),
                                                std::make_shared<const engine::View::Counts>(counts_), &catalog_);
  }
  done(view);
}

void FakePartition::HoldReads(bool hold) {
  std::vector<ReadDone> held;
  {
    absl::MutexLock lock(&mu_);
    hold_ = hold;
    if (!hold) held.swap(held_);
  }
  for (ReadDone& done : held) Read(std::move(done));
}

uint64_t FakePartition::Watch(TaskId task, std::function<void()> changed) {
  absl::MutexLock lock(&mu_);
  watches_[++last_watch_] = {task, std::move(changed)};
  return last_watch_;
}

void FakePartition::Unwatch(uint64_t watch) {
  absl::MutexLock lock(&mu_);
  watches_.erase(watch);
}

size_t FakePartition::watches() const {
  absl::MutexLock lock(&mu_);
  return watches_.size();
}

void FakePartition::AwaitWatches(size_t count) const {
  const auto reached = [this, count]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return watches_.size() == count; };
  absl::MutexLock lock(&mu_);
  ASSERT_TRUE(mu_.AwaitWithTimeout(absl::Condition(&reached), absl::Seconds(20))) << watches_.size() << " watches";
}

void FakePartition::Commit(WriteBatch batch, TaskId task) {
  if (task != 0) {
    records::v1::JournalEntry entry;
    entry.add_reported(task);
    batch.Put(Family::kJournal, engine::JournalKey(store_->number() + 1), entry.SerializeAsString());
  }
  std::string error;
  EXPECT_EQ(store_->Commit(batch, store_->number() + 1, &error), storage::CommitResult::kDone) << error;
  std::vector<std::function<void()>> changed;
  {
    absl::MutexLock lock(&mu_);
    std::erase_if(watches_, [&](auto& watch) {
      if (watch.second.first != task && (watch.second.first != 0 || task == 0)) return false;
      changed.push_back(std::move(watch.second.second));
      return true;
    });
  }
  for (const std::function<void()>& call : changed) call();
}

Scene::Scene() = default;
Scene::~Scene() = default;

ReadService& Scene::reads() {
  if (reads_ == nullptr) reads_ = std::make_unique<ReadService>(&partition_, &clock_, settings_);
  return *reads_;
}

engine::LiveEntry Scene::EntryOf(TaskId id) {
  absl::MutexLock lock(&partition_.mu_);
  engine::LiveEntry entry;
  EXPECT_TRUE(partition_.pages_.at(engine::PageOf(id)).Find(engine::SlotOf(id), &entry)) << "task " << id << " ended";
  return entry;
}

// Sets the state in the live table and in the counts, then commits.
void Scene::Put(const engine::LiveEntry& entry, const WriteBatch& batch) {
  {
    absl::MutexLock lock(&partition_.mu_);
    engine::Page& page = PageOf(entry.id);
    const LiveState before = page.StateAt(engine::SlotOf(entry.id));
    engine::StateCounts& counts = partition_.counts_[classes_[entry.id]];
    if (before != LiveState::NONE) --counts[before];
    ++counts[entry.state];
    if (engine::IsLive(entry.state)) {
      page.Put(entry);
    } else {
      page.End(engine::SlotOf(entry.id), entry.state);
      page.NoteEnd(now());
      engine::EndedCounts ended{classes_[entry.id]};
      if (engine::IsTerminal(before)) {
        ended.Of(before) = 1;
        page.UncountEnded(ended);
      }
      if (engine::IsTerminal(entry.state)) page.CountEnded(classes_[entry.id], entry.state);
    }
    partition_.next_id_ = std::max(partition_.next_id_, entry.id + 1);
  }
  partition_.Commit(batch, entry.id);
}

TaskId Scene::Submit(const NewTask& task) {
  engine::LiveEntry entry;
  {
    absl::MutexLock lock(&partition_.mu_);
    entry.id = partition_.next_id_;
  }
  entry.state = task.staged ? LiveState::STAGED : LiveState::PENDING;
  entry.class_number = partition_.catalog_.InternClass(task.type, task.capabilities).number;
  entry.priority = task.options.priority.value_or(0);
  entry.due = now() + task.delay;
  classes_[entry.id] = entry.class_number;
  records::v1::TaskRow row;
  row.set_class_number(entry.class_number);
  row.set_priority(entry.priority);
  row.set_due_us(entry.due);
  row.set_created_us(now());
  row.set_parent(task.parent);
  row.set_root(task.root);
  row.set_generation(task.generation);
  if (task.root != 0) roots_[entry.id] = task.root;
  row.set_tag(task.tag);
  row.set_actor("local");
  row.set_unique_key(task.unique_key);
  row.set_trace_parent(task.trace_parent);
  if (!task.payload.empty()) row.mutable_payload()->set_data(task.payload);
  if (!task.options.empty()) *row.mutable_options() = engine::ToRecord(task.options);
  WriteBatch batch;
  batch.Put(Family::kTask, engine::TaskKey(entry.id), row.SerializeAsString());
  {
    absl::MutexLock lock(&partition_.mu_);
    EXPECT_TRUE(PageOf(entry.id).AddAttributes(
        {static_cast<uint16_t>(engine::SlotOf(entry.id)), 1, entry.class_number, engine::TagHash(task.tag)}));
  }
  Put(entry, batch);
  return entry.id;
}

void Scene::IndexFullPages() {
  WriteBatch batch;
  {
    absl::MutexLock lock(&partition_.mu_);
    for (auto& [number, page] : partition_.pages_) {
      if (page.indexed() || !engine::IsFull(number, partition_.next_id_)) continue;
      engine::AddIndexRows(page, &batch);
      page.SetIndexed();
    }
  }
  partition_.Commit(batch, 0);
}

engine::Page& Scene::PageOf(TaskId id) {
  return partition_.pages_.try_emplace(engine::PageOf(id), engine::PageOf(id)).first->second;
}

void Scene::SkipTo(TaskId next_id) {
  absl::MutexLock lock(&partition_.mu_);
  partition_.next_id_ = next_id;
}

void Scene::Claim(TaskId id, const std::string& worker) {
  engine::LiveEntry entry = EntryOf(id);
  uint64_t& session = sessions_[worker];
  WriteBatch batch;
  if (session == 0) {
    session = sessions_.size();
    records::v1::SessionRow row;
    row.set_worker_id(worker);
    batch.Put(Family::kMeta, engine::SessionMetaKey(session), row.SerializeAsString());
  }
  engine::Options options;
  options.timeout = 7 * kSecond;
  options.max_retries = 5;
  entry.state = LiveState::RUNNING;
  ++entry.attempt;
  entry.session = session;
  entry.options_number = partition_.catalog_.InternOptions({{}, options}).number;
  entry.handler_version = 3;
  entry.claimed = now();
  entry.ready = entry.due;
  Put(entry, batch);
}

// What the engine would put into the fields of a step that are its own.
Step Scene::MakeStep(const engine::LiveEntry& entry, Step::Kind kind, LiveState state) {
  Step step;
  step.set_kind(kind);
  step.set_time_us(now());
  step.set_state(state);
  records::v1::Mutable& after = kept_[entry.id].now;
  after.set_attempt(entry.attempt);
  if (entry.state != LiveState::RUNNING) return step;
  after.set_options_number(entry.options_number);
  records::v1::AttemptInfo& attempt = *step.mutable_attempt();
  attempt.set_number(entry.attempt);
  attempt.set_stage(after.stage());
  attempt.set_options_number(entry.options_number);
  attempt.set_handler_version(entry.handler_version);
  attempt.set_claimed_us(entry.claimed);
  attempt.set_ready_us(entry.ready);
  for (const auto& [worker, session] : sessions_) {
    if (session == entry.session) attempt.set_worker(worker);
  }
  return step;
}

void Scene::Log(TaskId id, Step::Kind kind, LiveState state, const std::function<void(Step&)>& content) {
  engine::LiveEntry entry = EntryOf(id);
  Step step = MakeStep(entry, kind, state);
  Kept& kept = kept_[id];
  const uint32_t row = ++kept.rows;
  if (content) content(step);
  if (step.has_context()) kept.now.set_context_row(row);
  if (step.has_progress()) kept.now.set_progress_row(row);
  if (!step.error().empty()) kept.now.set_error_row(row);
  if (kind == Step::SUSPENDED) kept.now.set_suspension_row(row);
  if (kind == Step::FAILED || kind == Step::TIMED_OUT) kept.now.set_failures(kept.now.failures() + 1);
  if (kind == Step::INTERRUPTED) kept.now.set_interruptions(kept.now.interruptions() + 1);
  if (kind == Step::RESUMED) {
    kept.now.set_stage(kept.now.stage() + 1);
    kept.now.set_failures(0);
  }
  if (!step.has_after()) *step.mutable_after() = kept.now;
  kept.now = step.after();
  entry.state = state;
  if (step.due_us() != 0) entry.due = step.due_us();
  WriteBatch batch;
  batch.Put(Family::kLog, engine::LogKey(id, row), step.SerializeAsString());
  Put(entry, batch);
}

void Scene::End(TaskId id, Step::Kind kind, LiveState state, const std::function<void(Step&)>& content) {
  engine::LiveEntry entry = EntryOf(id);
  Step step = MakeStep(entry, kind, state);
  if (kind == Step::FAILED || kind == Step::TIMED_OUT) kept_[id].now.set_failures(kept_[id].now.failures() + 1);
  // A plain task has nothing to tell but its attempt.
  if (kept_[id].rows > 0) *step.mutable_after() = kept_[id].now;
  if (content) content(step);
  entry.state = state;
  WriteBatch batch;
  batch.Put(Family::kEnd, engine::EndKey(id), step.SerializeAsString());
  Put(entry, batch);
}

void Scene::Fail(TaskId id, const std::string& error, Micros delay) {
  Log(id, Step::FAILED, LiveState::PENDING, [&](Step& step) {
    step.set_error(error);
    step.set_due_us(now() + delay);
  });
}

void Scene::FailForGood(TaskId id, const std::string& error) {
  End(id, Step::FAILED, LiveState::FAILED, [&](Step& step) { step.set_error(error); });
}

void Scene::Complete(TaskId id, const std::string& json) {
  End(id, Step::SUCCEEDED, LiveState::COMPLETED, [&](Step& step) {
    if (!json.empty()) step.mutable_result()->set_json(json);
  });
}

void Scene::Cancel(TaskId id, const std::string& actor, const std::string& reason) {
  End(id, Step::CANCELLED, LiveState::CANCELLED, [&](Step& step) {
    step.set_actor(actor);
    step.set_reason(reason);
  });
}

std::vector<TaskId> Scene::Spawn(TaskId id, int count, const std::string& context) {
  std::vector<TaskId> children;
  children.reserve(count);
  const TaskId root = roots_.count(id) != 0 ? roots_[id] : id;
  const uint32_t generation = kept_[id].now.generation() + 1;
  for (int i = 0; i < count; ++i) {
    children.push_back(Submit({.type = "chunk", .parent = id, .root = root, .generation = generation}));
  }
  Log(id, Step::SPAWNED, LiveState::WAITING, [&](Step& step) {
    records::v1::Mutable& after = *step.mutable_after() = kept_[id].now;
    after.set_failures(0);
    after.set_generation(after.generation() + 1);
    after.clear_children();
    after.add_children()->set_first(children.front());
    after.mutable_children(0)->set_count(count);
    after.set_children_total(after.children_total() + count);
    if (!context.empty()) {
      step.mutable_context()->set_data(context);
      after.set_context_row(kept_[id].rows);
    }
  });
  engine::LiveEntry entry = EntryOf(id);
  entry.generation = kept_[id].now.generation();
  entry.remaining = count;
  Put(entry, {});
  return children;
}

void Scene::ChildrenEnded(TaskId id, WallMicros due) {
  engine::LiveEntry entry = EntryOf(id);
  entry.state = LiveState::PENDING;
  entry.due = due != 0 ? due : now();
  entry.generation = 0;
  entry.remaining = 0;
  kept_[id].now.set_stage(kept_[id].now.stage() + 1);
  Put(entry, {});
}

void Scene::Suspend(TaskId id, const std::string& reason) {
  Log(id, Step::SUSPENDED, LiveState::SUSPENDED, [&](Step& step) { step.set_reason(reason); });
}

void Scene::Resume(TaskId id, const std::string& actor, const std::string& reason) {
  Log(id, Step::RESUMED, LiveState::PENDING, [&](Step& step) {
    step.set_actor(actor);
    step.set_reason(reason);
    step.set_due_us(now());
  });
}

void Scene::Pause(TaskId id) {
  engine::LiveEntry entry = EntryOf(id);
  entry.paused = true;
  Put(entry, {});
}

void Scene::Remove(TaskId id) {
  WriteBatch batch;
  batch.Delete(Family::kTask, engine::TaskKey(id));
  batch.Delete(Family::kEnd, engine::EndKey(id));
  engine::LiveEntry entry;
  entry.id = id;
  entry.state = LiveState::REMOVED;
  Put(entry, batch);
}

void Scene::PutRow(Family family, absl::string_view key, const std::string& value) {
  WriteBatch batch;
  batch.Put(family, key, value);
  partition_.Commit(batch, 0);
}

v1::Task Scene::Get(TaskId id, const v1::TaskParts& parts) {
  v1::GetRequest request;
  request.set_task_id(id);
  *request.mutable_parts() = parts;
  auto [error, response] = Ask(&ReadService::Get, request);
  EXPECT_TRUE(error.ok()) << error.reason << ": " << error.message;
  return response.task();
}

Error Scene::GetError(TaskId id) {
  v1::GetRequest request;
  request.set_task_id(id);
  return Ask(&ReadService::Get, request).first;
}

}  // namespace baton::service::testing
