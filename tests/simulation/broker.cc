#include "tests/simulation/broker.h"

#include <algorithm>
#include <utility>

#include "broker/engine/live/recovery.h"
#include "tests/simulation/sent.h"
#include "tests/simulation/violation.h"
#include "tests/unit/engine/checks.h"

namespace baton::simulation {

using engine::Command;

namespace {

// Small, so that jobs search in many steps.
service::FinderLimits DrawFinderLimits(Random& random) {
  return {random.Below(8) + 1, random.Below(30) + 1, random.Below(3) + 1};
}

}  // namespace

SimulatedBroker::SimulatedBroker(const EngineSettings& settings, TaskId first_id, DiskHabits habits, Timeline* timeline,
                                 Random* random, Coverage* coverage)
    : settings_(settings),
      habits_(habits),
      finder_limits_(DrawFinderLimits(*random)),
      timeline_(timeline),
      random_(random),
      coverage_(coverage),
      auditor_(settings, first_id, coverage) {
  auditor_.beat_waits = [this](SessionNumber session) { return waiting_beats_[session] > 0; };
  if (first_id != 1) BeginWith(first_id);
}

// ── Life ─────────────────────────────────────────────────────────────────────────────────────────────────────────

void SimulatedBroker::Start() {
  REQUIRE(!up_, "the broker is up already");
  ++life_;
  up_ = true;
  closed_ = ending_ = view_wanted_ = follow_planned_ = false;
  follower_lag_bytes_ = 0;
  frozen_until_ = 0;
  lanes_.emplace(settings_);
  store_ = *storage::OpenMemoryStore(disk_);
  if (life_ > 1) CheckStore();
  catalog_ = std::make_unique<engine::Catalog>();
  board_ = std::make_unique<engine::RoutingBoard>();
  follower_ = std::make_unique<engine::Follower>(settings_, store_.get(), catalog_.get());
  const Now now = timeline_->Read();
  absl::StatusOr<engine::Recovered> recovered = engine::Recover(
      store_.get(), "simulated", now.wall, [this] { return random_->Next() | 1; }, catalog_.get(), follower_.get());
  REQUIRE(recovered.ok(), "recovery: ", recovered.status().ToString());
  const uint64_t number = recovered->number;
  sweeper_ =
      std::make_unique<engine::Sweeper>(AgesOf(settings_), now, recovered->next_id, recovered->oldest_request_window);
  engine_ = std::make_unique<engine::Engine>(settings_, catalog_.get(), board_.get(), *std::move(recovered), now);
  auditor_.RoundBegins(now);
  auditor_.Started(*engine_, *follower_, *catalog_, number, now);
  PlanRound(0);
  PlanSweep();
  coverage_->Count("broker: started");
}

void SimulatedBroker::Kill() {
  if (!up_) return;
  if (committing_.has_value() && committing_->number != 0 && random_->Chance(500)) {
    std::string error;
    disk_->FailNextCommit(storage::MemoryDisk::Fault::kUnknownWritten);
    store_->Commit(committing_->writes, committing_->number, &error);
    coverage_->Count("broker: killed after an unanswered write");
  }
  coverage_->Count("broker: killed");
  End();
}

void SimulatedBroker::End() {
  ++life_;
  up_ = false;
  engine_.reset();
  follower_.reset();
  sweeper_.reset();
  lanes_.reset();
  unsent_.clear();
  waiting_beats_.clear();
  loaded_.clear();
  loads_.clear();
  pages_.reset();
  committing_.reset();
  to_fold_.clear();
  reads_.clear();
  reading_ = 0;
  store_.reset();
  on_death();
}

void SimulatedBroker::Freeze(Micros time) {
  if (!up_ || frozen()) return;
  coverage_->Count("broker: frozen");
  frozen_until_ = timeline_->now() + time;
  // Whether the engine or the sockets come first afterwards is chance.
  sockets_late_ = random_->Chance(500) ? 0 : random_->Between(1, 5000);
}

void SimulatedBroker::Terminate() {
  if (!up_ || closed_) return;
  coverage_->Count("broker: told to end");
  auto drain = std::make_unique<Sent<engine::DrainCommand>>();
  drain->reason = "shutting down";
  drain->on_answer = [this](const std::shared_ptr<engine::DrainCommand>&) { Later(1, [this] { EndDrain(); }); };
  SendSurely(std::move(drain));
  Later(settings_.drain_deadline, [this] { EndDrain(); });
}

void SimulatedBroker::EndDrain() {
  if (ending_) return;
  closed_ = ending_ = true;
  WakeEngine();
  PlanFollow();
}

// ── Input ────────────────────────────────────────────────────────────────────────────────────────────────────────

void SimulatedBroker::Later(Micros delay, std::function<void()> action) {
  timeline_->After(delay, [this, life = life_, action = std::move(action)]() mutable {
    if (life != life_) return;
    if (frozen()) return Later(frozen_until_ - timeline_->now(), std::move(action));
    action();
  });
}

void SimulatedBroker::Arrive(std::function<void()> action) {
  if (!frozen()) return action();
  Later(frozen_until_ - timeline_->now() + sockets_late_, std::move(action));
}

Error SimulatedBroker::Send(std::unique_ptr<Command>& command) {
  if (command->lane == engine::Lane::kBulk && follower_lag_bytes_ > settings_.page_journal_bytes) {
    coverage_->Count("Send: OVERLOADED by the follower");
    return ResourceExhausted("OVERLOADED", "the broker's bookkeeping is behind", kSecond);
  }
  if (closed_) return Unavailable("DRAINING", "the broker is shutting down");
  const Command* sent = command.get();
  Error error = lanes_->Push(command);
  if (!error.ok()) {
    coverage_->Count("Send: OVERLOADED");
    return error;
  }
  if (sent->kind == Command::Kind::kHeartbeat)
    ++waiting_beats_[static_cast<const engine::HeartbeatCommand*>(sent)->session];
  WakeEngine();
  return error;
}

void SimulatedBroker::SendSurely(std::unique_ptr<Command> command) {
  unsent_.push_back(std::move(command));
  while (!unsent_.empty() && Send(unsent_.front()).ok()) unsent_.pop_front();
}

// ── Commits ──────────────────────────────────────────────────────────────────────────────────────────────────────

void SimulatedBroker::CommitIsDone() {
  if (committing_->number != 0) {
    if (random_->Below(10'000) < habits_.failure_per_10000) {
      disk_->FailNextCommit(random_->Chance(500) ? storage::MemoryDisk::Fault::kUnknownLost
                                                 : storage::MemoryDisk::Fault::kUnknownWritten);
    }
    std::string error;
    const storage::CommitResult result = store_->Commit(committing_->writes, committing_->number, &error);
    if (result != storage::CommitResult::kDone) {
      coverage_->Count("broker: died of its disk");
      return End();
    }
    auditor_.Committed(committing_->number);
  }
  engine::ClosedBatch batch = *std::move(committing_);
  committing_.reset();
  PassOn(batch);
  if (up_) WakeEngine();
}

void SimulatedBroker::PassOn(engine::ClosedBatch& batch) {
  for (std::unique_ptr<Command>& command : batch.outbox.answered) {
    auditor_.Released(*command);
    dynamic_cast<Released*>(command.get())->Release(std::move(command));
  }
  for (engine::SessionOutput& output : batch.outbox.sessions) on_output(std::move(output));
  while (!unsent_.empty() && Send(unsent_.front()).ok()) unsent_.pop_front();
  if (!batch.loads.empty()) RequestLoads(std::move(batch.loads));
  if (batch.number == 0) {
    // It was on its way when a view was asked for, and brings none.
    if (std::exchange(view_wanted_, false)) WantView();
    return;
  }
  Committed committed{batch.number, std::move(batch.entry), batch.entry_bytes, batch.stores_pages, nullptr};
  follower_lag_bytes_ += committed.entry_bytes;
  if (std::exchange(view_wanted_, false)) committed.snapshot = store_->TakeSnapshot();
  to_fold_.push_back(std::move(committed));
  PlanFollow();
}

// ── Follower, readers ────────────────────────────────────────────────────────────────────────────────────────────

void SimulatedBroker::WantView() {
  if (view_wanted_) return;
  view_wanted_ = true;
  if (committing_.has_value()) return;  // The next commit brings it.
  Later(random_->Between(5, 50), [this] {
    if (committing_.has_value() || !std::exchange(view_wanted_, false)) return;
    Committed committed;
    committed.number = store_->number();
    committed.snapshot = store_->TakeSnapshot();
    to_fold_.push_back(std::move(committed));
    PlanFollow();
  });
}

void SimulatedBroker::PlanFollow() {
  if (std::exchange(follow_planned_, true)) return;
  Later(random_->Time(10, 200 * kMillisecond), [this] {
    follow_planned_ = false;
    Follow();
  });
}

void SimulatedBroker::Follow() {
  for (Committed& committed : std::exchange(to_fold_, {})) {
    if (committed.entry != nullptr) {
      const absl::Status status = follower_->Fold(committed.number, *committed.entry, committed.entry_bytes);
      REQUIRE(status.ok(), "the follower: ", status.ToString());
      sweeper_->Fold(*committed.entry, timeline_->Read());
      follower_lag_bytes_ -= committed.entry_bytes;
      if (committed.stores_pages) follower_->PagesStored();
    }
    if (committed.snapshot == nullptr) continue;
    Publish(follower_->MakeView(std::move(committed.snapshot)));
    if (!reads_.empty()) WantView();
  }
  Sweep();
  StorePages(ending_);
}

void SimulatedBroker::Publish(const std::shared_ptr<const engine::View>& view) {
  std::deque<WaitingRead> rest;
  for (WaitingRead& waiting : reads_) {
    if (waiting.min_number > view->number()) {
      rest.push_back(std::move(waiting));
      continue;
    }
    ++reading_;
    Later(random_->Time(5, 5 * kMillisecond), [this, view, read = std::move(waiting.read)] {
      --reading_;
      read(view);
    });
  }
  reads_ = std::move(rest);
}

void SimulatedBroker::AddRead(Read read) {
  reads_.push_back({store_->number(), std::move(read)});
  WantView();
}

void SimulatedBroker::RequestLoads(std::vector<engine::LoadRequest> requests) {
  for (engine::LoadRequest& request : requests) {
    const uint64_t min_number = request.min_number;
    reads_.push_back(
        {min_number, [this, request = std::move(request)](const std::shared_ptr<const engine::View>& view) {
           absl::StatusOr<engine::LoadResult> loaded =
               engine::Load(*view, request, [this](const engine::View& of, const engine::LoadRequest& wanted) {
                 return service::FindTasks(of, wanted, finder_limits_);
               });
           REQUIRE(loaded.ok(), "cannot load: ", loaded.status().ToString());
           loaded_.push_back(*std::move(loaded));
           WakeEngine();
         }});
  }
  WantView();
}

void SimulatedBroker::StorePages(bool all) {
  if (follower_->pages_out()) return;
  std::optional<storage::WriteBatch> pages =
      follower_->TakeDuePages(timeline_->Read().wall, all || random_->Chance(20));
  if (pages.has_value()) {
    pages_ = std::move(pages);
    WakeEngine();
  } else if (ending_ && to_fold_.empty() && !follower_->dirty() && !committing_.has_value() && !HasInput()) {
    coverage_->Count("broker: ended");
    return End();
  }
  if (ending_) PlanFollow();
}

bool SimulatedBroker::idle() const {
  return up_ && !committing_.has_value() && to_fold_.empty() && reads_.empty() && reading_ == 0 && !HasInput() &&
         unsent_.empty();
}

void SimulatedBroker::CheckEverything() {
  if (!idle()) return;
  const std::string difference =
      engine::testing::Difference(settings_, *store_, *engine_, *follower_, timeline_->Read());
  REQUIRE(difference.empty(), difference);
  const std::string miscount = engine::testing::MiscountIn(*follower_->MakeView(store_->TakeSnapshot()));
  REQUIRE(miscount.empty(), miscount);
  auditor_.CheckNobodyWaits();
  auditor_.CheckHistory(*store_->TakeSnapshot());
  CheckStore();
  coverage_->Count("everything checked");
}

void SimulatedBroker::CheckStore() const {
  const std::string damage = engine::testing::DamageIn(settings_, *store_);
  REQUIRE(damage.empty(), damage);
}

}  // namespace baton::simulation
