#include "tests/simulation/worker.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tests/simulation/violation.h"

namespace baton::simulation {
namespace {

std::pair<TaskId, uint32_t> KeyOf(const AttemptId& attempt) { return {attempt.task, attempt.attempt}; }

}  // namespace

SimulatedWorker::SimulatedWorker(WorkerHabits habits, Timeline* timeline, Random* random, Network* network,
                                 SimulatedBroker* broker, Coverage* coverage)
    : habits_(std::move(habits)),
      timeline_(timeline),
      random_(random),
      network_(network),
      broker_(broker),
      coverage_(coverage) {}

// ── Life ─────────────────────────────────────────────────────────────────────────────────────────────────────────

void SimulatedWorker::Start() {
  if (alive_) return;
  ++life_;
  alive_ = true;
  draining_ = connected_ = completing_ = false;
  frozen_until_ = 0;
  session_ = beats_ = last_delivery_ = 0;
  most_slots_ = habits_.slots;
  instance_id_ = absl::StrCat(habits_.worker_id, "-", life_);
  Connect();
  BeatLoop();
}

void SimulatedWorker::Kill(bool unnoticed) {
  if (!alive_) return;
  coverage_->Count("worker: killed");
  ++life_;
  alive_ = connected_ = false;
  handlers_.clear();
  unanswered_.clear();
  types_.clear();
  if (stream_ != nullptr) network_->Break(stream_, unnoticed);
  stream_ = nullptr;
}

void SimulatedWorker::Freeze(Micros time) {
  if (!alive_ || frozen_until_ > timeline_->now()) return;
  coverage_->Count("worker: frozen");
  frozen_until_ = timeline_->now() + time;
}

void SimulatedWorker::Later(Micros delay, std::function<void()> action) {
  timeline_->After(delay, [this, life = life_, action = std::move(action)]() mutable {
    if (life != life_) return;
    if (frozen_until_ > timeline_->now()) return Later(frozen_until_ - timeline_->now(), std::move(action));
    action();
  });
}

void SimulatedWorker::Change(const std::function<void(WorkerHabits&)>& change) {
  change(habits_);
  most_slots_ = std::max(most_slots_, habits_.slots);
  if (connected_ && !draining_) network_->Update(stream_, Info());
}

void SimulatedWorker::Behave() {
  behaves_ = true;
  for (auto& [key, handler] : handlers_) {
    handler.ignores = false;
    if (std::exchange(handler.hangs, false)) Later(kSecond, [this, key = key] { EndHandler(key); });
  }
}

// ── Session ──────────────────────────────────────────────────────────────────────────────────────────────────────

engine::WorkerInfo SimulatedWorker::Info() const {
  engine::WorkerInfo info;
  info.capabilities = habits_.capabilities;
  info.slots = draining_ ? 0 : habits_.slots;
  info.default_options = habits_.default_options;
  for (const std::string& type : habits_.types) {
    info.handlers.push_back({type, habits_.handler_options, "", life_, habits_.max_concurrency});
  }
  return info;
}

std::vector<AttemptId> SimulatedWorker::Held() const {
  std::vector<AttemptId> held;
  for (const auto& [key, handler] : handlers_) held.push_back(handler.delivery.attempt);
  for (const auto& [key, unanswered] : unanswered_) held.push_back(unanswered.outcome.attempt);
  return held;
}

void SimulatedWorker::Connect() {
  stream_ = std::make_shared<Stream>();
  stream_->to_worker = [this, life = life_](std::function<void()> action) {
    if (life == life_) Later(0, std::move(action));
  };
  stream_->on_output = [this](engine::SessionOutput output) { Receive(std::move(output)); };
  stream_->on_lost = [this] { StreamLost(); };
  const std::vector<AttemptId> held = Held();
  std::vector<std::string> types;
  for (const AttemptId& attempt : held) types.push_back(types_.at(KeyOf(attempt)));
  if (!habits_.tells_types) types.clear();
  network_->Open(
      stream_,
      [habits = habits_, instance = instance_id_, life = life_, info = Info(), held, types,
       last_delivery = last_delivery_](engine::HelloCommand* hello) {
        hello->worker_id = habits.worker_id;
        hello->instance_id = instance;
        hello->pod_id = habits.pod_id;
        hello->pod_generation = habits.pod_id.empty() ? 0 : life;
        hello->worker = info;
        hello->held = held;
        hello->held_types = types;
        hello->last_delivery = last_delivery;
      },
      [this, life = life_, held](const engine::HelloCommand* hello) {
        if (life == life_) Welcome(hello, held);
      });
}

void SimulatedWorker::Welcome(const engine::HelloCommand* hello, const std::vector<AttemptId>& held) {
  if (hello == nullptr || !hello->error.ok()) {
    const bool superseded = hello != nullptr && std::string(hello->error.reason) == "SUPERSEDED";
    if (superseded) return Kill(false);
    // Somebody else who has its name will have it for long.
    const bool taken = hello != nullptr && std::string(hello->error.reason) == "WORKER_ID_IN_USE";
    return Reconnect(taken ? random_->Between(2 * kSecond, 20 * kSecond)
                           : random_->Time(50 * kMillisecond, 3 * kSecond));
  }
  connected_ = true;
  session_ = hello->session;
  beats_ = last_delivery_ = 0;
  for (size_t i = 0; i < held.size(); ++i) {
    if (hello->verdicts[i] != engine::Verdict::kValid) {
      TellOver(held[i], hello->verdicts[i] == engine::Verdict::kCancelled);
    }
  }
  SendOutcomes();
}

void SimulatedWorker::StreamLost() {
  connected_ = false;
  Beat();
  Reconnect(random_->Time(kMillisecond, 4 * kSecond));
}

void SimulatedWorker::Reconnect(Micros delay) {
  Later(delay, [this] {
    if (draining_ && idle()) return Kill(false);
    if (!connected_) Connect();
  });
}

void SimulatedWorker::BreakStream() {
  if (connected_) network_->Break(stream_, random_->Chance(100));
}

void SimulatedWorker::BeatLoop() {
  Later(broker_->settings().beat_interval, [this] {
    Beat();
    BeatLoop();
    if (draining_ && idle()) Kill(false);
  });
}

void SimulatedWorker::Beat() {
  if (session_ == 0) return;
  std::vector<engine::HeldAttempt> held;
  for (const auto& [key, handler] : handlers_) {
    std::optional<Micros> running;
    if (handler.started) running = timeline_->now() - handler.since;
    held.push_back({handler.delivery.attempt, running});
  }
  for (const auto& [key, unanswered] : unanswered_) held.push_back({unanswered.outcome.attempt, 0});
  network_->Call<engine::HeartbeatCommand>(
      [held, session = session_, instance = instance_id_, number = ++beats_, open = connected_,
       last_delivery = last_delivery_](engine::HeartbeatCommand* beat) {
        beat->session = session;
        beat->instance_id = instance;
        beat->number = number;
        beat->stream_open = open;
        beat->last_delivery = last_delivery;
        beat->held = held;
      },
      [this, life = life_, session = session_](const engine::HeartbeatCommand* beat) {
        if (life != life_ || beat == nullptr) return;
        for (const uint32_t i : beat->over) TellOver(beat->held[i].attempt, false);
        for (const uint32_t i : beat->cancelled) TellOver(beat->held[i].attempt, true);
        // The broker knows nothing of this session: a new hello is due.
        if (beat->reconnect && connected_ && session == session_) network_->Break(stream_, false);
      });
}

// ── Attempts ─────────────────────────────────────────────────────────────────────────────────────────────────────

void SimulatedWorker::Receive(engine::SessionOutput output) {
  for (engine::Delivery& delivery : output.deliveries) TakeDelivery(std::move(delivery));
  for (const engine::Order& order : output.orders) {
    if (order.kind == engine::Order::Kind::kSuperseded) return Kill(false);
    const bool drains = order.kind == engine::Order::Kind::kDrain || order.kind == engine::Order::Kind::kDismiss;
    if (drains) Drain();
    for (const AttemptId& attempt : order.attempts) {
      REQUIRE(types_.contains(KeyOf(attempt)), "worker '", habits_.worker_id, "' is told to stop task ", attempt.task,
              " before it has got it");
      order.kind == engine::Order::Kind::kRecall ? GiveBack(KeyOf(attempt)) : TellOver(attempt, true);
    }
  }
}

void SimulatedWorker::TakeDelivery(engine::Delivery delivery) {
  REQUIRE(delivery.number == last_delivery_ + 1, "worker '", habits_.worker_id, "' gets delivery ", delivery.number,
          " after ", last_delivery_);
  last_delivery_ = delivery.number;
  REQUIRE(handlers_.size() < most_slots_, "worker '", habits_.worker_id, "' runs ", handlers_.size(),
          " handlers and gets task ", delivery.attempt.task);
  const Key key = KeyOf(delivery.attempt);
  REQUIRE(!handlers_.contains(key), "attempt ", key.second, " of task ", key.first, " is delivered twice");
  types_[key] = delivery.type;
  Handler& handler = handlers_[key];
  handler.delivery = std::move(delivery);
  handler.hangs = !behaves_ && random_->Chance(habits_.hang_permille);
  handler.ignores = !behaves_ && random_->Chance(habits_.ignore_permille);
  if (draining_) return Finish(key, DrawOutcome(handler));
  const bool waits = !behaves_ && random_->Chance(habits_.wait_permille);
  const Micros begins = waits ? random_->Between(kSecond, 20 * kSecond) : random_->Time(10, 200 * kMillisecond);
  Later(begins, [this, key] { StartHandler(key); });
}

void SimulatedWorker::StartHandler(const Key& key) {
  const auto it = handlers_.find(key);
  if (it == handlers_.end()) return;
  Handler& handler = it->second;
  handler.started = true;
  handler.since = timeline_->now();
  if (handler.hangs) return;
  if (random_->Chance(habits_.report_permille)) Later(kMillisecond, [this, key] { Report(key); });
  const bool too_long = !behaves_ && random_->Chance(20);
  const Micros time = too_long ? handler.delivery.timeout + random_->Between(-kSecond, 3 * kSecond)
                               : random_->Time(100, habits_.handler_time);
  Later(std::max<Micros>(time, 1), [this, key] { EndHandler(key); });
}

void SimulatedWorker::TellOver(const AttemptId& attempt, bool cancelled) {
  const Key key = KeyOf(attempt);
  const auto it = handlers_.find(key);
  if (it == handlers_.end() || it->second.ignores) return;
  it->second.hangs = false;
  Later(random_->Time(10, kSecond), [this, key, cancelled] {
    const auto handler = handlers_.find(key);
    if (handler == handlers_.end()) return;
    if (random_->Chance(500)) {
      handlers_.erase(handler);  // It returns, and nobody wants to know.
      return;
    }
    engine::Outcome outcome = DrawOutcome(handler->second);
    if (cancelled) {
      outcome = {};
      outcome.attempt = handler->second.delivery.attempt;
      outcome.kind = engine::Outcome::Kind::kCancelled;
    }
    Finish(key, std::move(outcome));
  });
}

void SimulatedWorker::EndHandler(const Key& key) {
  const auto it = handlers_.find(key);
  if (it == handlers_.end()) return;
  Handler& handler = it->second;
  // Nothing may overtake a report.
  if (handler.reporting) return Later(10 * kMillisecond, [this, key] { EndHandler(key); });
  if (!behaves_ && random_->Chance(habits_.forget_permille)) {
    handlers_.erase(it);
    return;
  }
  const bool spawns = handler.delivery.type == "parent" && handler.delivery.stage < 2;
  if (spawns && !behaves_ && handler.parts == 0 && random_->Chance(450)) return Stage(key, 1 + random_->Below(2));
  Finish(key, DrawOutcome(handler));
}

void SimulatedWorker::Finish(const Key& key, engine::Outcome outcome) {
  handlers_.erase(key);
  unanswered_[key] = {std::move(outcome), false};
  SendOutcomes();
}

void SimulatedWorker::Drain() {
  if (std::exchange(draining_, true)) return;
  network_->Update(stream_, Info());
  std::vector<Key> keys;
  for (const auto& [key, handler] : handlers_) keys.push_back(key);
  for (const Key& key : keys) GiveBack(key);
  if (idle()) Later(kMillisecond, [this] { Kill(false); });
}

void SimulatedWorker::GiveBack(const Key& key) {
  const auto it = handlers_.find(key);
  if (it == handlers_.end() || (it->second.started && !(draining_ && it->second.hangs))) return;
  engine::Outcome released;
  released.attempt = it->second.delivery.attempt;
  released.kind = engine::Outcome::Kind::kReleased;
  Finish(key, std::move(released));
}

// ── Calls ────────────────────────────────────────────────────────────────────────────────────────────────────────

void SimulatedWorker::Report(const Key& key) {
  const auto it = handlers_.find(key);
  if (it == handlers_.end() || it->second.reporting) return;
  it->second.reporting = true;
  Step step;
  const bool progress = random_->Chance(500);
  const std::string said = absl::StrCat("half of task ", key.first, " attempt ", key.second, " #", ++reports_);
  progress ? step.mutable_progress()->set_text(said) : step.add_checkpoints()->set_code(said);
  network_->Call<engine::ReportCommand>(
      [attempt = it->second.delivery.attempt, bytes = step.SerializeAsString(),
       progress](engine::ReportCommand* report) {
        report->reports.push_back({{}, attempt, bytes, progress});
      },
      [this, life = life_, key](const engine::ReportCommand*) {
        if (life != life_) return;
        if (const auto handler = handlers_.find(key); handler != handlers_.end()) handler->second.reporting = false;
      });
}

void SimulatedWorker::Stage(const Key& key, uint32_t parts) {
  Handler& handler = handlers_.at(key);
  handler.reporting = true;
  const uint32_t part = handler.parts + 1 + (random_->Chance(20) ? 1 : 0);
  const auto children = DrawChildren(handler, 1 + random_->Below(3));
  network_->Call<engine::SpawnChildrenCommand>(
      [this, attempt = handler.delivery.attempt, part, children](engine::SpawnChildrenCommand* spawn) {
        spawn->attempt = attempt;
        spawn->part = part;
        const auto snapshot = broker_->Snapshot();
        for (const auto& child : children) spawn->children.push_back(engine::testing::MakeTask(child, *snapshot));
      },
      [this, life = life_, key, parts, part](const engine::SpawnChildrenCommand* spawn) {
        if (life != life_ || !handlers_.contains(key)) return;
        Handler& staging = handlers_.at(key);
        staging.reporting = false;
        // Without an answer the same part is sent again; after a refusal the handler gives up.
        if (spawn != nullptr && spawn->error.ok()) staging.parts = std::max(staging.parts, part);
        const bool refused = spawn != nullptr && !spawn->error.ok();
        if (!refused && staging.parts < parts) return Stage(key, parts);
        Finish(key, DrawOutcome(staging));
      });
}

void SimulatedWorker::SendOutcomes() {
  if (completing_ || unanswered_.empty() || session_ == 0) return;
  completing_ = true;
  // Several leave together.
  Later(random_->Time(10, 2 * kMillisecond), [this] {
    std::vector<Key> keys;
    std::vector<engine::Outcome> outcomes;
    for (const auto& [key, unanswered] : unanswered_) {
      keys.push_back(key);
      outcomes.push_back(unanswered.outcome);
    }
    network_->Call<engine::CompleteCommand>(
        [session = session_, outcomes](engine::CompleteCommand* complete) {
          complete->session = session;
          complete->outcomes = outcomes;
        },
        [this, life = life_, keys](const engine::CompleteCommand* answered) {
          if (life == life_) OutcomesAnswered(keys, answered);
        });
  });
}

void SimulatedWorker::OutcomesAnswered(const std::vector<Key>& keys, const engine::CompleteCommand* answered) {
  completing_ = false;
  if (answered == nullptr) return Later(random_->Time(kMillisecond, kSecond), [this] { SendOutcomes(); });
  for (size_t i = 0; i < keys.size(); ++i) {
    const std::string reason = answered->results[i].reason;
    const bool for_content = !answered->results[i].ok() && reason != "ATTEMPT_OVER" && reason != "TASK_NOT_FOUND" &&
                             reason != "TASK_EXPIRED";
    if (!for_content) {
      unanswered_.erase(keys[i]);
      continue;
    }
    // What was refused for its content is a failure for good.
    engine::Outcome& outcome = unanswered_[keys[i]].outcome;
    outcome = {};
    outcome.attempt = {keys[i].first, keys[i].second};
    outcome.kind = engine::Outcome::Kind::kFailed;
    outcome.step = engine::testing::ErrorStep(reason);
  }
  SendOutcomes();
  if (draining_ && idle()) Kill(false);
}

}  // namespace baton::simulation
