#include "worker_sdk/src/worker_core.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "worker_sdk/src/sdk_limits.h"
#include "worker_sdk/src/validate.h"

namespace baton::inline sdk {
namespace internal {

WorkerCore::WorkerCore(WorkerIdentity identity, WorkerParts parts)
    : identity_(std::move(identity)),
      parts_(std::move(parts)),
      scheduler_(parts_.scheduler),
      payload_bytes_(kPayloadBytes),
      metadata_bytes_(static_cast<int64_t>(kMetadataBytes)),
      ledger_(parts_.seed),
      reconnect_backoff_(kReconnectInitial, kReconnectCap, parts_.seed + 10),
      beat_interval_(kBeatInterval) {}

absl::Status WorkerCore::Use(std::vector<Registration> registrations) {
  if (registrations.empty()) return absl::OkStatus();
  absl::Status status = registry_.Use(std::move(registrations));
  if (!status.ok()) {
    identity_.log(LogLevel::kError, absl::StrCat("registration refused: ", status.message()));
    return status;
  }
  {
    absl::MutexLock lock(&mutex_);
    update_due_ = true;
    GiveBackOutdatedLocked();
  }
  Pump();
  return status;
}

size_t WorkerCore::Unuse(const std::vector<std::string>& types) {
  const std::vector<std::string> removed = registry_.Unuse(types);
  if (removed.empty()) return 0;
  {
    absl::MutexLock lock(&mutex_);
    update_due_ = true;
    GiveBackOutdatedLocked();
  }
  Pump();
  return removed.size();
}

absl::Status WorkerCore::Configure(WorkerOptions options) {
  absl::Status status = registry_.Configure(std::move(options));
  if (!status.ok()) {
    identity_.log(LogLevel::kError, absl::StrCat("configuration refused: ", status.message()));
    return status;
  }
  {
    absl::MutexLock lock(&mutex_);
    update_due_ = true;
    if (pool_ != nullptr) {
      // Of several calls at a time the one that the registry heard last counts.
      const int max_concurrency = registry_.options().max_concurrency;
      pool_->SetMaxThreads(max_concurrency);
      scheduler_->SetHandlerThreads(max_concurrency);
    }
  }
  Pump();
  return status;
}

absl::Status WorkerCore::Prepare() {
  absl::MutexLock lock(&mutex_);
  if (started_) {
    return absl::FailedPreconditionError("Run: this worker has run before; make a new baton::Worker to run again");
  }
  started_ = true;
  // Whoever changes it later finds the pool.
  const int max_concurrency = registry_.options().max_concurrency;
  absl::Status status = registry_.refusal();
  status.Update(ValidateIdentity(identity_, max_concurrency));
  if (!status.ok() || phase_ == Phase::kDone) {
    phase_ = Phase::kDone;
    return status;
  }
  if (registry_.size() == 0) LogLocked(LogLevel::kWarning, "no handler is registered: the broker will send nothing");
  const auto execute = [weak = weak_from_this()](const AttemptPtr& attempt) {
    if (const std::shared_ptr<WorkerCore> self = weak.lock()) self->Execute(attempt);
  };
  pool_ = std::make_unique<HandlerPool>(max_concurrency, execute, parts_.start_thread);
  scheduler_->SetHandlerThreads(max_concurrency);
  connection_ = parts_.connect();
  phase_ = Phase::kRunning;
  StartBeatsLocked();
  return status;
}

absl::Status WorkerCore::Run() {
  if (absl::Status status = Prepare(); !status.ok()) return status;
  Pump();
  {
    absl::MutexLock lock(&mutex_);
    const auto done = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return phase_ == Phase::kDone; };
    mutex_.Await(absl::Condition(&done));
  }
  return Cleanup();
}

absl::Status WorkerCore::Cleanup() {
  std::vector<LogLine> log;
  absl::Status result;
  absl::Duration patience = kFarewell;
  {
    absl::MutexLock lock(&mutex_);
    result = result_;
    // Handlers that did not stop when told to are left behind.
    if (overran_ > 0 || lost_slots_ > 0) patience = absl::ZeroDuration();
    log.swap(log_);
  }
  if (connection_ != nullptr) {
    pool_->Stop(patience);
    connection_->Close();
    scheduler_->Stop();
  }
  for (const LogLine& line : log) identity_.log(line.level, line.text);
  return result;
}

void WorkerCore::Shutdown() {
  {
    absl::MutexLock lock(&mutex_);
    if (phase_ == Phase::kNew) {
      phase_ = Phase::kDone;
    } else if (phase_ == Phase::kRunning) {
      BeginDrainLocked(/*by_broker=*/false, identity_.drain_deadline, "the worker is shutting down");
    } else if (std::exchange(drain_by_broker_, false)) {
      // The broker may have allowed more than this worker's owner does.
      LimitDrainLocked(identity_.drain_deadline);
    }
  }
  Pump();
}

void WorkerCore::BeginDrainLocked(bool by_broker, absl::Duration deadline, const std::string& reason) {
  LogLocked(LogLevel::kInfo, absl::StrCat("draining: ", reason, "; ", ledger_.unanswered(), " attempts are held"));
  phase_ = Phase::kDraining;
  drain_by_broker_ = by_broker;
  drain_over_ = false;
  ++drain_;
  update_due_ = true;
  ReleaseLocked(pool_->Take([](const Attempt&) { return true; }), reason);
  // Handlers that ignored their deadline for so long are not waited for.
  for (const auto& [token, attempt] : ledger_.held()) {
    if (!attempt->slot_lost || attempt->returned) continue;
    auto outcome = std::make_unique<v1::Outcome>();
    outcome->mutable_released()->set_reason("the handler ignored its deadline");
    ledger_.Settle(attempt, std::move(outcome));
  }
  LimitDrainLocked(deadline);
}

// Of several limits the soonest counts.
void WorkerCore::LimitDrainLocked(absl::Duration deadline) {
  scheduler_->After(deadline, [weak = weak_from_this(), drain = drain_] {
    if (const std::shared_ptr<WorkerCore> self = weak.lock()) self->OnDrainDeadline(drain);
  });
}

// Gives back what still runs; its handlers are told to stop and not waited for. A worker that is leaving may yet come
// back for what crossed its goodbye, and has no more time for it than others.
void WorkerCore::OnDrainDeadline(uint64_t drain) {
  {
    absl::MutexLock lock(&mutex_);
    if ((phase_ != Phase::kDraining && phase_ != Phase::kLeaving) || drain != drain_) return;
    for (const auto& [token, attempt] : ledger_.held()) {
      if (attempt->stage != Attempt::Stage::kOpen) continue;
      ++overran_;
      auto outcome = std::make_unique<v1::Outcome>();
      outcome->mutable_released()->set_reason("the handler was still running at the drain deadline");
      ledger_.Settle(attempt, std::move(outcome));
      ledger_.StopHandler(attempt, "the drain deadline of the worker has passed");
    }
    scheduler_->After(kFarewell, [weak = weak_from_this(), drain] {
      const std::shared_ptr<WorkerCore> self = weak.lock();
      if (self == nullptr) return;
      absl::MutexLock farewell_lock(&self->mutex_);
      if (self->drain_ != drain) return;
      self->drain_over_ = true;
      if (self->phase_ == Phase::kDraining) self->FinishLocked(self->DrainResultLocked());
    });
  }
  Pump();
}

absl::Status WorkerCore::DrainResultLocked() const {
  if (!drain_error_.ok()) return drain_error_;
  if (overran_ > 0) {
    return absl::DeadlineExceededError(absl::StrCat(
        overran_, " handlers were still running at the drain deadline (",
        absl::FormatDuration(identity_.drain_deadline),
        "); their tasks were given back: let handlers look at Task::cancelled(), or raise drain_deadline"));
  }
  if (ledger_.unanswered() > 0) {
    return absl::UnavailableError(absl::StrCat(ledger_.unanswered(), " outcomes could not be delivered to ",
                                               identity_.broker, " before the drain deadline; their tasks run again"));
  }
  return absl::OkStatus();
}

void WorkerCore::FinishLocked(absl::Status status) {
  if (phase_ == Phase::kDone) return;
  phase_ = Phase::kDone;
  result_ = std::move(status);
}

}  // namespace internal
}  // namespace baton::inline sdk
