#include "tests/unit/engine/worker.h"

#include <algorithm>

#include "tests/unit/engine/harness.h"

namespace baton::engine::testing {

WorkerInfo TestWorker::Info() const {
  WorkerInfo info;
  info.capabilities = spec_.capabilities;
  info.slots = spec_.slots;
  info.default_options = spec_.default_options;
  for (const std::string& type : spec_.types) {
    info.handlers.push_back({type, spec_.handler_options, "", spec_.handler_version, spec_.max_concurrency});
  }
  return info;
}

void TestWorker::ForgetAnswered() {
  std::erase_if(unanswered_, [](const auto& entry) { return entry.second.second.answered(); });
}

std::vector<AttemptId> TestWorker::Held() const {
  std::vector<AttemptId> held;
  for (const auto& [attempt, running] : running_) held.push_back(attempt);
  for (const auto& [attempt, outcome] : unanswered_) {
    if (!running_.contains(attempt)) held.push_back(attempt);
  }
  return held;
}

Error TestWorker::Hello() {
  ForgetAnswered();
  auto hello = std::make_unique<Tracked<HelloCommand>>();
  hello->worker_id = spec_.worker_id;
  hello->instance_id = spec_.instance_id;
  hello->pod_id = spec_.pod_id;
  hello->pod_generation = spec_.pod_generation;
  hello->worker = Info();
  hello->held = Held();
  for (const AttemptId& attempt : hello->held) hello->held_types.push_back(types_[attempt]);
  hello->last_delivery = last_delivery_;
  const std::vector<AttemptId> held = hello->held;
  alive_ = true;
  const Reply<HelloCommand> reply = harness_->Send(std::move(hello));
  harness_->OnAnswer([this, reply] {
    if (!reply.answered()) return false;
    if (!reply->error.ok()) return true;
    session_ = reply->session;
    open_ = true;
    beats_ = 0;
    last_delivery_ = 0;
    return true;
  });
  harness_->Settle();
  if (!reply.answered()) return Unavailable("NO_ANSWER", "the hello was not answered");
  if (!reply->error.ok()) return reply->error;
  verdicts.clear();
  for (size_t i = 0; i < held.size(); ++i) verdicts.emplace_back(held[i], reply->verdicts.at(i));
  const auto again = std::exchange(unanswered_, {});
  for (const auto& [attempt, outcome] : again) Post(outcome.first);
  harness_->Settle();
  return {};
}

void TestWorker::Update(const std::function<void(WorkerSpec&)>& change) {
  change(spec_);
  auto update = std::make_unique<Tracked<UpdateWorkerCommand>>();
  update->session = session_;
  update->worker = Info();
  harness_->Call(std::move(update));
}

void TestWorker::CloseStream() {
  open_ = false;
  auto closed = std::make_unique<Tracked<StreamClosedCommand>>();
  closed->session = session_;
  harness_->Call(std::move(closed));
}

void TestWorker::Kill() {
  alive_ = false;
  running_.clear();
  queued_.clear();
  unanswered_.clear();
  last_delivery_ = 0;
  if (open_) CloseStream();
}

void TestWorker::Freeze() { alive_ = false; }
void TestWorker::Thaw() { alive_ = true; }

bool TestWorker::Beat() {
  ForgetAnswered();
  auto beat = std::make_unique<Tracked<HeartbeatCommand>>();
  beat->session = session_;
  beat->instance_id = spec_.instance_id;
  beat->number = ++beats_;
  beat->stream_open = open_;
  beat->last_delivery = last_delivery_;
  const SteadyMicros now = harness_->clock().Read().steady;
  for (const AttemptId& attempt : Held()) {
    HeldAttempt held{attempt, std::nullopt};
    const auto running = running_.find(attempt);
    if (running != running_.end() && !queued_.contains(attempt)) held.running = now - running->second.since;
    beat->held.push_back(held);
  }
  const std::vector<HeldAttempt> told = beat->held;
  const Reply<HeartbeatCommand> reply = harness_->Call(std::move(beat));
  if (!reply.answered()) return false;
  for (const uint32_t index : reply->over) told_over.push_back(told.at(index).attempt);
  for (const uint32_t index : reply->cancelled) told_cancelled.push_back(told.at(index).attempt);
  return !reply->reconnect;
}

Outcome TestWorker::MakeOutcome(TaskId id, Outcome::Kind kind, std::string step) const {
  Outcome outcome;
  outcome.attempt = AttemptOf(id);
  outcome.kind = kind;
  outcome.step = std::move(step);
  return outcome;
}

Reply<CompleteCommand> TestWorker::Post(Outcome outcome) {
  auto complete = std::make_unique<Tracked<CompleteCommand>>();
  complete->session = session_;
  complete->outcomes.push_back(outcome);
  Drop(outcome.attempt);
  const Reply<CompleteCommand> reply = harness_->Send(std::move(complete));
  const AttemptId attempt = outcome.attempt;
  unanswered_.insert_or_assign(attempt, std::pair(std::move(outcome), reply));
  return reply;
}

Error TestWorker::Send(Outcome outcome) {
  const Reply<CompleteCommand> reply = Post(std::move(outcome));
  harness_->Settle();
  if (!reply.answered()) return Unavailable("NO_ANSWER", "the outcome was not answered");
  return reply->results.at(0);
}

Error TestWorker::Succeed(TaskId id, const std::string& result) {
  return Send(MakeOutcome(id, Outcome::Kind::kSucceeded, ResultStep(result)));
}

Error TestWorker::Fail(TaskId id, const std::string& error) {
  Outcome outcome = MakeOutcome(id, Outcome::Kind::kFailed, ErrorStep(error));
  outcome.retryable = true;
  return Send(std::move(outcome));
}

Error TestWorker::FailFinally(TaskId id, const std::string& error) {
  return Send(MakeOutcome(id, Outcome::Kind::kFailed, ErrorStep(error)));
}

Error TestWorker::Release(TaskId id) { return Send(MakeOutcome(id, Outcome::Kind::kReleased)); }

Error TestWorker::Suspend(TaskId id, const std::string& reason, const std::string& context) {
  Outcome outcome = MakeOutcome(id, Outcome::Kind::kSuspended, ContextStep(context, reason));
  outcome.has_context = !context.empty();
  return Send(std::move(outcome));
}

Error TestWorker::Spawn(TaskId id, const std::vector<TaskSpec>& children, const std::string& context, uint32_t parts) {
  Outcome outcome = MakeOutcome(id, Outcome::Kind::kSpawned, ContextStep(context));
  outcome.has_context = !context.empty();
  outcome.parts = parts;
  for (const TaskSpec& child : children) outcome.children.push_back(MakeTask(child, harness_->store()));
  return Send(std::move(outcome));
}

Reply<SpawnChildrenCommand> TestWorker::SpawnPart(TaskId id, uint32_t part, const std::vector<TaskSpec>& children) {
  auto spawn = std::make_unique<Tracked<SpawnChildrenCommand>>();
  spawn->attempt = AttemptOf(id);
  spawn->part = part;
  for (const TaskSpec& child : children) spawn->children.push_back(MakeTask(child, harness_->store()));
  return harness_->Call(std::move(spawn));
}

Error TestWorker::Report(TaskId id, const std::string& code) {
  auto report = std::make_unique<Tracked<ReportCommand>>();
  Step step;
  step.add_checkpoints()->set_code(code);
  report->reports.push_back({{}, AttemptOf(id), step.SerializeAsString(), false});
  return harness_->Call(std::move(report))->results.at(0);
}

void TestWorker::Drop(const AttemptId& attempt) {
  running_.erase(attempt);
  queued_.erase(attempt);
}

void TestWorker::Start(TaskId id) {
  const AttemptId attempt = AttemptOf(id);
  queued_.erase(attempt);
  running_.at(attempt).since = harness_->clock().Read().steady;
}

AttemptId TestWorker::AttemptOf(TaskId id) const {
  AttemptId newest;
  for (const auto& [attempt, running] : running_) {
    if (attempt.task == id) newest = attempt;
  }
  return newest;
}

std::vector<TaskId> TestWorker::running() const {
  std::vector<TaskId> ids;
  for (const auto& [attempt, running] : running_) ids.push_back(attempt.task);
  return ids;
}

std::vector<AttemptId> TestWorker::attempts() const {
  std::vector<AttemptId> attempts;
  for (const auto& [attempt, running] : running_) attempts.push_back(attempt);
  return attempts;
}

void TestWorker::Receive(SessionOutput output) {
  for (Order& order : output.orders) orders.push_back(std::move(order));
  const SteadyMicros now = harness_->clock().Read().steady;
  for (Delivery& delivery : output.deliveries) {
    EXPECT_EQ(delivery.number, last_delivery_ + 1) << "to " << spec_.worker_id;
    last_delivery_ = delivery.number;
    delivered_.push_back(delivery.attempt.task);
    const AttemptId attempt = delivery.attempt;
    types_[attempt] = delivery.type;
    EXPECT_TRUE(running_.emplace(attempt, Running{std::move(delivery), now}).second) << "task " << attempt.task;
  }
  if (output.deliveries.empty()) return;
  EXPECT_LE(running_.size(), spec_.slots) << spec_.worker_id << " is over-filled";
}

void TestWorker::OnCrash() { open_ = false; }

}  // namespace baton::engine::testing
