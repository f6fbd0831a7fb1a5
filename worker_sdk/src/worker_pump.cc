// What a worker tells the broker: the calls its books ask for, the beats, and what handlers ask.
#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "worker_sdk/src/convert.h"
#include "worker_sdk/src/sdk_limits.h"
#include "worker_sdk/src/worker_core.h"

namespace baton::inline sdk {
namespace internal {

struct WorkerCore::Work {
  std::optional<Call<v1::CompleteRequest>> complete;
  std::optional<Call<v1::AuditRequest>> audit;
  std::optional<Call<v1::ProgressRequest>> progress;
  std::optional<Call<v1::SpawnChildrenRequest>> part;
  std::optional<v1::HeartbeatRequest> beat;
  std::optional<std::string> address;
  std::optional<v1::Hello> hello;
  std::optional<v1::WorkerUpdate> update;
  bool cancel = false;
  bool half_close = false;
  uint64_t stream = 0;
  std::vector<LogLine> log;
};

void WorkerCore::Pump() {
  bool again = true;
  while (again) {
    Work work;
    {
      absl::MutexLock lock(&mutex_);
      GatherLocked(&work);
    }
    again = Perform(std::move(work));
  }
}

void WorkerCore::GatherLocked(Work* work) {
  work->log.swap(log_);
  for (LogLine& line : ledger_.TakeLog()) work->log.push_back(std::move(line));
  if (phase_ == Phase::kNew || phase_ == Phase::kDone) return;
  const int64_t now = Now();
  work->stream = stream_;
  if (phase_ == Phase::kDraining && ledger_.idle()) GatherLeaveLocked(work);
  if (phase_ == Phase::kDone) return;
  GatherStreamWorkLocked(work);
  if (!UpdateUnderWayLocked()) {
    work->part = ledger_.NextPart(now);
    work->complete = ledger_.NextComplete(now, session_);
  }
  work->audit = ledger_.NextAudit(now);
  work->progress = ledger_.NextProgress(now);
  if (std::exchange(beat_due_, false)) work->beat = MakeBeatLocked();
  ScheduleRetryLocked(now);
}

// Holds nothing any more: says goodbye, once the broker has confirmed that it hands out nothing more. Until then the
// next attempt may be on its way.
void WorkerCore::GatherLeaveLocked(Work* work) {
  if (stream_state_ != StreamState::kOpen) return FinishLocked(DrainResultLocked());
  if (UpdateUnderWayLocked()) return;
  phase_ = Phase::kLeaving;
  half_closed_ = true;
  work->half_close = true;
  scheduler_->After(kFarewell, [weak = weak_from_this(), stream = stream_] {
    const std::shared_ptr<WorkerCore> self = weak.lock();
    if (self == nullptr) return;
    {
      absl::MutexLock lock(&self->mutex_);
      if (self->phase_ == Phase::kLeaving && self->stream_ == stream) self->DropStreamLocked();
    }
    self->Pump();
  });
}

void WorkerCore::GatherStreamWorkLocked(Work* work) {
  work->address = std::exchange(new_address_, std::nullopt);
  work->cancel = std::exchange(cancel_stream_, false);
  if (stream_state_ == StreamState::kOpen && update_due_ && !update_sending_ && !half_closed_) {
    update_due_ = false;
    update_sending_ = true;
    work->update = DescribeLocked();
    // One that waits for nothing else before it leaves does not wait for long.
    DropStreamIfSilentLocked(phase_ == Phase::kDraining && ledger_.idle() ? kFarewell : kCallTimeout);
  }
  if (stream_state_ != StreamState::kNone || phase_ == Phase::kLeaving || Now() < reconnect_at_) return;
  stream_state_ = StreamState::kOpening;
  stream_ = ++streams_;
  update_due_ = false;
  work->stream = stream_;
  work->hello = MakeHelloLocked();
  DropStreamIfSilentLocked(kCallTimeout);
}

template <typename Request, typename Response>
void WorkerCore::MakeCall(Call<Request> call,
                          void (BrokerConnection::*method)(const Request&, CallOptions, Answer<Response>),
                          void (Ledger::*on_answer)(int64_t, Call<Request>&, const absl::Status&, const Response&)) {
  auto kept = std::make_shared<Call<Request>>(std::move(call));
  (connection_.get()->*method)(
      kept->request, {.timeout = kCallTimeout},
      [self = shared_from_this(), kept, on_answer](const absl::Status& status, Response& response) {
        {
          absl::MutexLock lock(&self->mutex_);
          (self->ledger_.*on_answer)(self->Now(), *kept, status, response);
          self->SettleUnstartedOverLocked();
          if constexpr (std::is_same_v<Request, v1::CompleteRequest>) {
            // It has freed slots of a session that is over; those of the present one are freed by a beat.
            if (status.ok() && kept->request.session() != self->session_) self->beat_due_ = true;
          }
        }
        self->Pump();
      });
}

// Returns whether there may be more to do at once.
bool WorkerCore::Perform(Work work) {
  for (const LogLine& line : work.log) identity_.log(line.level, line.text);
  // Ordered by the broker, which does not know what this worker's owner has written of encryption.
  if (work.address) connection_->SetAddress(*work.address, /*stay_encrypted=*/true);
  if (work.beat) {
    connection_->Heartbeat(*work.beat, {.timeout = kBeatTimeout},
                           [self = shared_from_this(), session = work.beat->session()](
                               const absl::Status& status, v1::HeartbeatResponse& response) {
                             self->OnBeatAnswer(session, status, response);
                           });
  }
  if (work.cancel) connection_->CancelClaim(work.stream);
  if (work.hello) connection_->OpenClaim(work.stream, *work.hello, weak_from_this());
  bool more = false;
  if (work.update) {
    connection_->UpdateClaim(work.stream, *work.update);
    absl::MutexLock lock(&mutex_);
    update_sending_ = false;
    more = update_due_;
  }
  if (work.half_close) connection_->HalfCloseClaim(work.stream);
  if (work.part) MakeCall(*std::move(work.part), &BrokerConnection::SpawnChildren, &Ledger::OnPartAnswer);
  if (work.complete) MakeCall(*std::move(work.complete), &BrokerConnection::Complete, &Ledger::OnCompleteAnswer);
  if (work.audit) MakeCall(*std::move(work.audit), &BrokerConnection::Audit, &Ledger::OnAuditAnswer);
  if (work.progress) MakeCall(*std::move(work.progress), &BrokerConnection::Progress, &Ledger::OnProgressAnswer);
  return more;
}

void WorkerCore::PumpAfter(absl::Duration delay) {
  scheduler_->After(delay, [weak = weak_from_this()] {
    if (const std::shared_ptr<WorkerCore> self = weak.lock()) self->Pump();
  });
}

// `now` is the instant at which calls were taken from the books. What was due by then and was not taken waits for an
// update to be in force, and whatever ends that pumps.
void WorkerCore::ScheduleRetryLocked(int64_t now) {
  const std::optional<int64_t> retry = ledger_.NextRetry(now);
  if (!retry || (retry_scheduled_ > now && retry_scheduled_ <= *retry)) return;
  retry_scheduled_ = *retry;
  PumpAfter(absl::Microseconds(*retry - now));
}

void WorkerCore::StartBeatsLocked() {
  scheduler_->After(beat_interval_, [weak = weak_from_this(), chain = ++beat_chain_] {
    if (const std::shared_ptr<WorkerCore> self = weak.lock()) self->OnBeatTimer(chain);
  });
}

void WorkerCore::OnBeatTimer(uint64_t chain) {
  {
    absl::MutexLock lock(&mutex_);
    if (phase_ == Phase::kDone || chain != beat_chain_) return;
    CountLostSlotsLocked();
    if (std::optional<std::string> refusal = pool_->RetryThreads()) LogLocked(LogLevel::kWarning, *std::move(refusal));
    // Nothing to tell before the first welcome; and a broker that does not answer is not flooded.
    const bool needed = session_ != 0 && beats_in_flight_ < 2 && !MaySkipBeatLocked();
    beat_due_ = beat_due_ || needed;
    StartBeatsLocked();
  }
  Pump();
}

// There may be thousands of idle workers, and they have nothing to lose by falling silent. So they beat as late as
// leaves time for a second beat in the broker's window, should the first be lost: with its defaults every 9 s. (A
// thousand of them cost a broker 4.4 % of a core with a beat every 6 s each: baton-bench idle.)
bool WorkerCore::MaySkipBeatLocked() const {
  if (!ledger_.held().empty() || stream_state_ != StreamState::kOpen || beats_in_flight_ > 0 || !beat_heard_) {
    return false;
  }
  return Now() + Micros(beat_interval_) - last_beat_ <= Micros(beat_window_) * 3 / 4;
}

v1::HeartbeatRequest WorkerCore::MakeBeatLocked() {
  const int64_t now = Now();
  last_beat_ = now;
  ++beats_in_flight_;
  v1::HeartbeatRequest beat;
  beat.set_session(session_);
  beat.set_instance_id(parts_.instance_id);
  beat.set_number(++beat_number_);
  beat.set_stream_open(stream_state_ == StreamState::kOpen);
  beat.set_last_delivery(last_delivery_);
  for (const auto& [token, attempt] : ledger_.held()) {
    v1::HeldAttempt* held = beat.add_held();
    held->set_attempt_token(attempt->token);
    const int64_t started = attempt->started_at;
    if (started != 0) held->set_running_us(now - started);
  }
  return beat;
}

void WorkerCore::OnBeatAnswer(uint64_t session, const absl::Status& status, const v1::HeartbeatResponse& response) {
  {
    absl::MutexLock lock(&mutex_);
    --beats_in_flight_;
    beat_heard_ = status.ok();
    if (!status.ok()) return;
    for (const std::string& token : response.cancelled()) MarkOverLocked(token, "the task was cancelled");
    for (const std::string& token : response.over())
      MarkOverLocked(token, "the attempt is over: timed out or given up");
    SettleUnstartedOverLocked();
    if (response.reconnect() && session == session_ && stream_state_ == StreamState::kOpen) DropStreamLocked();
  }
  Pump();
}

void WorkerCore::CountLostSlotsLocked() {
  const int64_t latest = Now() - absl::ToInt64Microseconds(identity_.lost_slot_grace);
  for (const auto& [token, attempt] : ledger_.held()) {
    if (attempt->started_at == 0 || attempt->returned || attempt->slot_lost || attempt->deadline() > latest) continue;
    attempt->slot_lost = true;
    ++lost_slots_;
    LogLocked(LogLevel::kError,
              absl::StrCat("slot lost: the handler of task ", attempt->delivery->task_id(), " (",
                           attempt->delivery->type(), ") ignores its deadline; lost so far: ", lost_slots_));
  }
  const int slots = registry_.options().max_concurrency;
  const int allowed = identity_.max_lost_slots > 0 ? identity_.max_lost_slots : slots;
  if (lost_slots_ < allowed || phase_ != Phase::kRunning) return;
  drain_error_ = absl::ResourceExhaustedError(
      absl::StrCat(lost_slots_, " of ", slots, " slots are lost to handlers that ignore their deadline (limit ",
                   allowed, "): let handlers look at Task::cancelled(), and start the worker again"));
  BeginDrainLocked(/*by_broker=*/false, identity_.drain_deadline, std::string(drain_error_.message()));
}

}  // namespace internal
}  // namespace baton::inline sdk
