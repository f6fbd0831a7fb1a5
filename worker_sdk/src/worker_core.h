#ifndef BATON_WORKER_SDK_WORKER_CORE_H_
#define BATON_WORKER_SDK_WORKER_CORE_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "baton/worker.h"
#include "worker_sdk/src/backoff.h"
#include "worker_sdk/src/broker_connection.h"
#include "worker_sdk/src/handler_pool.h"
#include "worker_sdk/src/ledger.h"
#include "worker_sdk/src/registry.h"
#include "worker_sdk/src/scheduler.h"
#include "worker_sdk/src/task_context.h"

namespace baton::inline sdk {
namespace internal {

// What a worker stands on; tests give fakes.
struct WorkerParts {
  // Called once, by Run().
  std::function<std::shared_ptr<BrokerConnection>()> connect;
  std::shared_ptr<Scheduler> scheduler;
  // Those of handlers.
  HandlerPool::StartFunction start_thread = StartDetachedThread;
  // Random per process: [0-9a-f].
  std::string instance_id;
  uint64_t seed = 0;
};

// The worker behind baton::Worker: session, beats, drain, and the way between broker, Ledger and HandlerPool.
//
// Three kinds of threads come here: the connection's (what the broker says), the scheduler's (beats, retries,
// deadlines) and those of handlers. Each changes the books under `mutex_` and then calls Pump(), which takes from the
// books the calls that are due and makes them without the lock. Thread-safe.
class WorkerCore final : public ClaimObserver, public TaskHost, public std::enable_shared_from_this<WorkerCore> {
 public:
  WorkerCore(WorkerIdentity identity, WorkerParts parts);

  absl::Status Use(std::vector<Registration> registrations);
  size_t Unuse(const std::vector<std::string>& types);
  absl::Status Configure(WorkerOptions options);
  absl::Status Run();
  void Shutdown();
  const std::string& worker_id() const { return identity_.worker_id; }

  // ClaimObserver
  void OnClaimMessage(uint64_t stream, v1::ClaimResponse& message) override;
  void OnClaimClosed(uint64_t stream, const absl::Status& status) override;

  // TaskHost
  int64_t Now() const override { return scheduler_->Now(); }
  int64_t WallNow() const override { return scheduler_->WallNow(); }
  absl::Status Audit(const AttemptPtr& attempt, v1::Checkpoint checkpoint) override;
  absl::Status Progress(const AttemptPtr& attempt, v1::Progress progress) override;
  absl::StatusOr<v1::ListChildOutcomesResponse> ListChildOutcomes(const AttemptPtr& attempt,
                                                                  const std::string& page_token) override;
  bool WaitUntilOver(const AttemptPtr& attempt, absl::Duration timeout) override;
  void Warn(const std::string& text) override { identity_.log(LogLevel::kWarning, text); }

 private:
  enum class Phase {
    kNew,
    kRunning,
    kDraining,  // takes nothing new
    kLeaving,   // holds nothing; waits for the end of its stream
    kDone,
  };
  enum class StreamState { kNone, kOpening, kOpen };

  // What Pump() found to do.
  struct Work;

  absl::Status Prepare();
  absl::Status Cleanup();

  // ── The stream (worker_claim.cc) ──
  v1::WorkerUpdate DescribeLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  v1::Hello MakeHelloLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void OnWelcomeLocked(const v1::Welcome& welcome) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void OnDeliveriesLocked(v1::Deliveries* deliveries, std::vector<AttemptPtr>* dropped)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void OnOrderLocked(const v1::Order& order) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void JudgeClosedLocked(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ReconnectLaterLocked(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void DropStreamLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void DropStreamIfSilentLocked(absl::Duration patience) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool UpdateUnderWayLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // ── Attempts ──
  void Execute(const AttemptPtr& attempt);
  void GiveBackOutdatedLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ReleaseLocked(const std::vector<AttemptPtr>& unstarted, const std::string& reason)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void MarkOverLocked(const std::string& token, const std::string& reason) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void MarkAllOverLocked(const std::string& reason) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Attempts that are over and were not started need no thread.
  void SettleUnstartedOverLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // ── Drain (worker_core.cc) ──
  void BeginDrainLocked(bool by_broker, absl::Duration deadline, const std::string& reason)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void LimitDrainLocked(absl::Duration deadline) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void OnDrainDeadline(uint64_t drain);
  void FinishLocked(absl::Status status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status DrainResultLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // ── Calls and beats (worker_pump.cc) ──
  void Pump();
  void GatherLocked(Work* work) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void GatherStreamWorkLocked(Work* work) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void GatherLeaveLocked(Work* work) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool Perform(Work work);
  template <typename Request, typename Response>
  void MakeCall(Call<Request> call, void (BrokerConnection::*method)(const Request&, CallOptions, Answer<Response>),
                void (Ledger::*on_answer)(int64_t, Call<Request>&, const absl::Status&, const Response&));
  void ScheduleRetryLocked(int64_t now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void StartBeatsLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void OnBeatTimer(uint64_t chain);
  bool MaySkipBeatLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  v1::HeartbeatRequest MakeBeatLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CountLostSlotsLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void OnBeatAnswer(uint64_t session, const absl::Status& status, const v1::HeartbeatResponse& response);
  void PumpAfter(absl::Duration delay);
  void LogLocked(LogLevel level, std::string text) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    log_.push_back({level, std::move(text)});
  }

  const WorkerIdentity identity_;
  const WorkerParts parts_;
  const std::shared_ptr<Scheduler> scheduler_;

  // With locks of their own; both may be used while `mutex_` is held.
  Registry registry_;
  std::unique_ptr<HandlerPool> pool_;
  // Set once, by Run(), before anything can reach it.
  std::shared_ptr<BrokerConnection> connection_;
  // Copies of the broker's limits that handlers' threads read.
  std::atomic<int64_t> payload_bytes_;
  std::atomic<int64_t> metadata_bytes_;

  absl::Mutex mutex_;
  Phase phase_ ABSL_GUARDED_BY(mutex_) = Phase::kNew;
  bool started_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status result_ ABSL_GUARDED_BY(mutex_);
  Ledger ledger_ ABSL_GUARDED_BY(mutex_);
  std::vector<LogLine> log_ ABSL_GUARDED_BY(mutex_);

  // The stream. Numbers count the streams of this process; what comes from another one is ignored.
  StreamState stream_state_ ABSL_GUARDED_BY(mutex_) = StreamState::kNone;
  uint64_t stream_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t streams_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t reconnect_at_ ABSL_GUARDED_BY(mutex_) = 0;
  Backoff reconnect_backoff_ ABSL_GUARDED_BY(mutex_);
  bool half_closed_ ABSL_GUARDED_BY(mutex_) = false;
  // The stream is of no use any more: cancel it.
  bool cancel_stream_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<std::string> new_address_ ABSL_GUARDED_BY(mutex_);
  // Handlers, options or slots have changed since the broker was told; one thread at a time tells it.
  bool update_due_ ABSL_GUARDED_BY(mutex_) = false;
  bool update_sending_ ABSL_GUARDED_BY(mutex_) = false;
  // Counts what was said of handlers, options and slots, in hellos and updates; and the last one that is in force.
  uint64_t said_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t in_force_ ABSL_GUARDED_BY(mutex_) = 0;
  // Why the last stream closed, until there is a new session.
  std::optional<absl::StatusCode> last_closed_ ABSL_GUARDED_BY(mutex_);
  // When the broker first said that another process has this worker id; 0: it has not.
  int64_t worker_id_refused_at_ ABSL_GUARDED_BY(mutex_) = 0;
  // In the order of the hello's tokens; empty but between a hello and its welcome, or the end of its stream.
  std::vector<AttemptPtr> hello_attempts_ ABSL_GUARDED_BY(mutex_);
  // A hello was made since the last welcome.
  bool awaits_welcome_ ABSL_GUARDED_BY(mutex_) = false;

  // The session. It goes on when its stream is closed, until the next welcome.
  uint64_t session_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t incarnation_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t last_delivery_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t beat_number_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Duration beat_interval_ ABSL_GUARDED_BY(mutex_);
  absl::Duration beat_window_ ABSL_GUARDED_BY(mutex_);
  int64_t last_beat_ ABSL_GUARDED_BY(mutex_) = 0;
  bool beat_heard_ ABSL_GUARDED_BY(mutex_) = false;  // The last one that is over was answered.
  // Counts the chains of beat timers; all but the last one have ended.
  uint64_t beat_chain_ ABSL_GUARDED_BY(mutex_) = 0;
  // The stream has closed, or the session may keep a slot for what is not held any more: tell it at once.
  bool beat_due_ ABSL_GUARDED_BY(mutex_) = false;
  int beats_in_flight_ ABSL_GUARDED_BY(mutex_) = 0;

  // Drain.
  bool drain_by_broker_ ABSL_GUARDED_BY(mutex_) = false;
  // Counts the drains; timers of those before mean nothing.
  uint64_t drain_ ABSL_GUARDED_BY(mutex_) = 0;
  // The deadline of the last one has passed, and the time for a farewell after it.
  bool drain_over_ ABSL_GUARDED_BY(mutex_) = false;
  size_t overran_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status drain_error_ ABSL_GUARDED_BY(mutex_);
  int lost_slots_ ABSL_GUARDED_BY(mutex_) = 0;

  int64_t retry_scheduled_ ABSL_GUARDED_BY(mutex_) = 0;
};

// Fills in what the user left open: worker id, pod generation, broker address. One that cannot be used stays as it is,
// for ValidateIdentity to tell.
WorkerIdentity CompleteIdentity(WorkerIdentity identity, int64_t wall_now);
// 32 characters of [0-9a-f] from the machine's source of randomness.
std::string RandomId();

}  // namespace internal
}  // namespace baton::inline sdk

#endif  // BATON_WORKER_SDK_WORKER_CORE_H_
