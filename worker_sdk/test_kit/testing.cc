#include "baton/testing.h"

#include <algorithm>
#include <atomic>
#include <list>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "nlohmann/json.hpp"
#include "worker_sdk/src/convert.h"
#include "worker_sdk/src/transport.h"
#include "worker_sdk/test_kit/in_process_broker.h"

namespace baton::inline sdk {
namespace testing {
namespace {

// Longer than anything takes to drain.
constexpr absl::Duration kLongEnough = absl::Hours(24 * 366);

std::string NextAddress() {
  static std::atomic<uint64_t> last = 0;
  return absl::StrCat(internal::kInProcessPrefix, ++last);
}

Payload Decision(bool approved, const std::string& comment) {
  nlohmann::json decision{{"approved", approved}};
  if (!comment.empty()) decision["comment"] = comment;
  return Payload::Json(decision.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

// A worker that runs on a thread.
struct RunningWorker {
  explicit RunningWorker(std::shared_ptr<Worker> started) : worker(std::move(started)) {}
  const std::shared_ptr<Worker> worker;
  std::atomic<bool> returned = false;
  absl::Status result;
  std::thread thread;
};

bool HasReturned(const RunningWorker& running) { return running.returned; }

}  // namespace

void LogWarnings(LogLevel level, const std::string& text) {
  if (level >= LogLevel::kWarning) LogToStderr(level, text);
}

struct Broker::Impl {
  explicit Impl(BrokerOptions given)
      : options(std::move(given)),
        core(InProcessBroker::Make({options.start, options.patience, options.time_goes_by_while_clients_wait})) {
    internal::OfferInProcess(address, [core = core] {
      return internal::Transport{[core] { return core->Connect(); }, core->MakeScheduler()};
    });
    client = std::make_unique<Client>(ClientOptions{.broker = address, .log = options.log});
  }

  ~Impl() {
    for (RunningWorker& running : workers) running.worker->Shutdown();
    core->PassTime(kLongEnough, [all = &workers] { return std::all_of(all->begin(), all->end(), HasReturned); });
    for (RunningWorker& running : workers) running.thread.join();
    client.reset();
    internal::WithdrawInProcess(address);
    core->Stop();
  }

  absl::Status Start(std::shared_ptr<Worker> worker) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    const std::string worker_id = worker->worker_id();
    workers.emplace_back(std::move(worker));
    RunningWorker& running = workers.back();
    running.thread = std::thread([this, &running] {
      running.result = running.worker->Run();
      running.returned = true;
      core->LookAgain();
    });
    if (core->AwaitWorker(worker_id, [&running] { return running.returned.load(); })) return absl::OkStatus();
    return running.returned ? running.result : NotConnected(worker_id);
  }

  absl::Status NotConnected(const std::string& worker_id) const {
    return absl::DeadlineExceededError(absl::StrCat("worker ", worker_id, " is not connected within ",
                                                    absl::FormatDuration(options.patience), ": is its broker ", address,
                                                    "?"));
  }

  // Starts another one of the broker's own workers.
  absl::Status StartOwn() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    auto worker = std::make_shared<Worker>(WorkerIdentity{
        .broker = address, .worker_id = absl::StrCat("test-worker-", own.size() + 1), .log = options.log});
    absl::Status status = worker->Configure(configuration);
    if (status.ok()) status = worker->Use(registrations);
    if (!status.ok()) return status;
    own.push_back(std::move(worker));
    return Start(own.back());
  }

  const std::string address = NextAddress();
  const BrokerOptions options;
  const std::shared_ptr<InProcessBroker> core;
  std::unique_ptr<Client> client;

  absl::Mutex mutex;
  // The last one is alive, those before are lost.
  std::vector<std::shared_ptr<Worker>> own ABSL_GUARDED_BY(mutex);
  std::vector<Registration> registrations ABSL_GUARDED_BY(mutex);
  WorkerOptions configuration ABSL_GUARDED_BY(mutex);
  std::list<RunningWorker> workers ABSL_GUARDED_BY(mutex);
};

Broker::Broker(BrokerOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}

Broker::~Broker() = default;

const std::string& Broker::address() const { return impl_->address; }

// ── Workers ──────────────────────────────────────────────────────────────────────────────────────────────────────

absl::Status Broker::Use(const std::string& type, HandlerOptions options) {
  Impl& impl = *impl_;
  absl::MutexLock lock(&impl.mutex);
  impl.registrations.emplace_back(type, std::move(options));
  const absl::Status status =
      impl.own.empty() ? impl.StartOwn() : impl.own.back()->Use(std::vector<Registration>{impl.registrations.back()});
  if (!status.ok()) impl.registrations.pop_back();
  return status;
}

absl::Status Broker::Configure(WorkerOptions options) {
  Impl& impl = *impl_;
  absl::MutexLock lock(&impl.mutex);
  absl::Status status;
  if (!impl.own.empty()) status = impl.own.back()->Configure(options);
  if (status.ok()) impl.configuration = std::move(options);
  return status;
}

absl::Status Broker::Start(std::shared_ptr<Worker> worker) {
  Impl& impl = *impl_;
  absl::MutexLock lock(&impl.mutex);
  return impl.Start(std::move(worker));
}

absl::Status Broker::AwaitWorker(const std::string& worker_id) {
  if (impl_->core->AwaitWorker(worker_id, [] { return false; })) return absl::OkStatus();
  return impl_->NotConnected(worker_id);
}

absl::Status Broker::LoseWorker() {
  Impl& impl = *impl_;
  absl::MutexLock lock(&impl.mutex);
  if (impl.own.empty()) {
    return absl::FailedPreconditionError("LoseWorker: there is no worker yet: register a handler with Use()");
  }
  Worker& lost = *impl.own.back();
  impl.core->CutOff(lost.worker_id(), true);
  // It would look for its broker for ever.
  lost.Shutdown();
  return impl.StartOwn();
}

absl::Status Broker::LoseWorker(const std::string& worker_id) {
  if (impl_->core->CutOff(worker_id, true)) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat("LoseWorker: no worker '", worker_id, "' has connected to this broker"));
}

absl::Status Broker::ReturnWorker(const std::string& worker_id) {
  if (impl_->core->CutOff(worker_id, false)) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat("ReturnWorker: no worker '", worker_id, "' has connected to this broker"));
}

// ── Tasks ────────────────────────────────────────────────────────────────────────────────────────────────────────

Client& Broker::client() { return *impl_->client; }

absl::StatusOr<Submitted> Broker::Submit(NewTask task) { return client().Submit(std::move(task)); }

absl::Status Broker::Cancel(uint64_t id, const std::string& reason) { return client().Cancel(id, reason); }

absl::Status Broker::Resume(uint64_t id, Payload decision, const std::string& reason, std::optional<int> stage) {
  return client().Resume(id, std::move(decision), reason, stage);
}

absl::Status Broker::Approve(uint64_t id, const std::string& comment) {
  RunUntilIdle();
  return Resume(id, Decision(true, comment), comment.empty() ? "approved" : comment);
}

absl::Status Broker::Reject(uint64_t id, const std::string& comment) {
  RunUntilIdle();
  return Resume(id, Decision(false, comment), comment.empty() ? "rejected" : comment);
}

absl::StatusOr<TaskInfo> Broker::Get(uint64_t id) {
  RunUntilIdle();
  return client().Get(id, {.payload = true, .result = true, .context = true});
}

// ── Time ─────────────────────────────────────────────────────────────────────────────────────────────────────────

absl::Time Broker::Now() const { return impl_->core->Now(); }

void Broker::RunUntilIdle() { impl_->core->PassTime(absl::ZeroDuration()); }

void Broker::Advance(absl::Duration time) { impl_->core->PassTime(time); }

void Broker::AdvanceTo(absl::Time instant) { Advance(instant - Now()); }

absl::StatusOr<TaskInfo> Broker::Wait(uint64_t id, absl::Duration timeout) {
  v1::WaitRequest request;
  request.set_task_id(id);
  v1::TaskParts& parts = *request.mutable_parts();
  parts.set_payload(true);
  parts.set_result(true);
  parts.set_context(true);
  absl::Notification done;
  absl::StatusOr<TaskInfo> result;
  impl_->core->AwaitEnd(request, timeout, [&](const absl::Status& status, v1::WaitResponse& response) {
    if (status.ok()) {
      result = internal::TakeTask(response.mutable_task());
    } else {
      result = status;
    }
    done.Notify();
  });
  done.WaitForNotification();
  if (!result.ok() || result->terminal()) return result;
  return absl::DeadlineExceededError(absl::StrCat("task ", id, " has not ended within ", absl::FormatDuration(timeout),
                                                  ": it is ", TaskStateName(result->state),
                                                  result->waiting_for.empty() ? "" : "; ", result->waiting_for));
}

}  // namespace testing
}  // namespace baton::inline sdk
