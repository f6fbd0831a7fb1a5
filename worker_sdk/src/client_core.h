#ifndef BATON_WORKER_SDK_CLIENT_CORE_H_
#define BATON_WORKER_SDK_CLIENT_CORE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "baton/client.h"
#include "worker_sdk/src/async_book.h"
#include "worker_sdk/src/broker_connection.h"
#include "worker_sdk/src/event.h"
#include "worker_sdk/src/outage.h"
#include "worker_sdk/src/scheduler.h"
#include "worker_sdk/src/submit_queue.h"

namespace baton::inline sdk {
namespace internal {

// The client behind baton::Client: batching of submissions, retries of the rest. Thread-safe.
class ClientCore : public std::enable_shared_from_this<ClientCore> {
 public:
  ClientCore(ClientOptions options, std::shared_ptr<BrokerConnection> connection, std::shared_ptr<Scheduler> scheduler,
             uint64_t seed);

  void Submit(std::vector<NewTask> tasks, Client::SubmitCallback done);
  // In a call of its own, under an id of the caller's. Blocks until it is answered.
  std::vector<absl::StatusOr<Submitted>> SubmitUnder(const std::string& request_id, std::vector<NewTask> tasks);
  // As Submit, within the bounds of the options.
  void SubmitAsync(std::vector<NewTask> tasks, Client::SubmitCallback done);
  absl::Status Flush(absl::Duration timeout);
  absl::StatusOr<TaskInfo> Get(uint64_t id, TaskParts parts);
  // `known_version` 0: until the task has ended. Answers with the task as it stands when `timeout` is over.
  absl::StatusOr<TaskInfo> Wait(uint64_t id, uint64_t known_version, absl::Duration timeout, TaskParts parts);
  absl::Status Cancel(uint64_t id, const std::string& reason);
  absl::Status Resume(uint64_t id, Payload decision, const std::string& reason, std::optional<int> stage);
  // ── client_schedules.cc ──
  absl::StatusOr<CreatedSchedule> CreateSchedule(ScheduleDefinition schedule, bool replace);
  absl::Status PauseSchedule(const std::string& name, const std::string& reason);
  absl::Status UnpauseSchedule(const std::string& name);
  absl::StatusOr<uint64_t> TriggerSchedule(const std::string& name);
  absl::Status DeleteSchedule(const std::string& name);

  // Ends outstanding calls with CANCELLED. Must not be called from an answer.
  void Close();

 private:
  // Makes the next call, if it is time. Calls back what has expired.
  void Pump();
  void Send(std::shared_ptr<SubmitQueue::Call> call, int64_t now);
  // Calls back. What the callbacks submit does not leave by itself: Pump() has to follow.
  void Deliver(const SubmitQueue::Finished& finished) const;
  // Blocks until the call succeeded, failed for good, or `budget` is used up. `done_reason`: that of a broker which has
  // done already what it is asked for; if a try before may have done it, and there is one address only, that is
  // success, with an empty answer. Null: there is none.
  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(const char* name, const Request& request, absl::Duration budget,
                                absl::Duration call_timeout,
                                void (BrokerConnection::*method)(const Request&, CallOptions, Answer<Response>),
                                const char* done_reason = nullptr);
  // A call that began at `begin` has ended so: logs that no broker answers, if that has lasted for a while.
  void Heard(int64_t begin, const absl::Status& status);
  // False: the client was closed meanwhile.
  bool Pause(absl::Duration duration);

  const ClientOptions options_;
  const absl::Status options_status_;
  const std::shared_ptr<BrokerConnection> connection_;
  const std::shared_ptr<Scheduler> scheduler_;

  Event closing_;
  AsyncBook async_;
  Outage outage_;
  absl::Mutex mutex_;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  SubmitQueue queue_ ABSL_GUARDED_BY(mutex_);
  int64_t timer_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace internal
}  // namespace baton::inline sdk

#endif  // BATON_WORKER_SDK_CLIENT_CORE_H_
