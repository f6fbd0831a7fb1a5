// The answers to every call that only reads: what a task is, what happened to it, and what the broker holds in all.
#ifndef BATON_BROKER_SERVICE_READ_READS_H_
#define BATON_BROKER_SERVICE_READ_READS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "baton/v1/admin.pb.h"
#include "baton/v1/broker.pb.h"
#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/engine/options.h"
#include "broker/engine/run/partition.h"
#include "broker/service/read/explain.h"

namespace baton::service {

struct ReadSettings {
  // What is in force where neither a task nor the worker that claimed it set an option.
  engine::DefaultOptions defaults;
  // A page of a list is cut at this many items (the default is for requests that do not say), at about this many
  // bytes, and, where it searches, after this much time: with what it takes to read and send the last rows, a page of a
  // rare tag among 10,000,000 tasks then comes within 50 ms (baton-bench list; with 50 ms it took up to 76).
  int32_t default_page_size = 100;
  int32_t max_page_size = 1000;
  size_t page_bytes = 3 << 20;
  Micros page_budget = 30 * kMillisecond;
  // GetWorkflowSummary looks at no more tasks than that.
  uint64_t summary_tasks = 1'000'000;
  // Wait: how long if the request does not say, and at most; and how many may be open at once.
  Micros default_wait = 30 * kSecond;
  Micros max_wait = kHour;
  size_t max_waits = 100'000;
  // Watch: how many may be open at once.
  size_t max_watches = 1000;
  // GetServerInfo: the fields that never change (all but incarnation, next_task_id, commit_number and the two below).
  v1::GetServerInfoResponse server;
  // Bytes of the store on disk and of the process in memory; called by readers' threads. Null: told as 0.
  std::function<uint64_t()> store_bytes;
  std::function<uint64_t()> resident_bytes;
};

class Waits;
class Watches;

// One method per call of the wire contract, with its answers and errors (proto/baton/v1 is the reference). Damage found
// in the store is DATA_LOSS, reason STORE_DAMAGED.
//
// Thread-safe, and no method blocks. `done` is called exactly once: on a thread of the partition's readers, or by the
// calling thread before the method returns when the request is refused without a look at any task. It must not block
// either. Requests are not referred to after a method has returned. A read that the partition drops because it stops is
// dropped with its `done`, uncalled; only Wait is answered in any case (see Stop).
//
//   ReadService reads(partition.get(), &clock, settings);
//   reads.Get(request, [](Error error, v1::GetResponse response) { … });
class ReadService {
 public:
  template <typename Response>
  using Done = std::function<void(Error, Response)>;
  // Names an open Wait; never 0.
  using WaitId = uint64_t;

  // `partition` and `clock`, and what the functions in `settings` refer to, must outlive the service and the reads that
  // are under way when it is destroyed: stop the partition before any of them goes.
  ReadService(engine::Partition* partition, const Clock* clock, ReadSettings settings);
  // Stops.
  ~ReadService();
  ReadService(const ReadService&) = delete;
  ReadService& operator=(const ReadService&) = delete;

  void Get(const v1::GetRequest& request, Done<v1::GetResponse> done);

  // Where `queue` or `holder` of the answer is set, the engine knows more (service/explain.h).
  void Explain(const v1::ExplainRequest& request, Done<Explanation> done);

  // Answers when the task is terminal, has changed (see WaitRequest.known_version), or the time is over; maybe before
  // this returns. 0: refused at once (INVALID_ARGUMENT, UNAVAILABLE after Stop, RESOURCE_EXHAUSTED/TOO_MANY_WAITS above
  // settings.max_waits), and `done` was told so. May call `done` on a thread of its own.
  WaitId Wait(const v1::WaitRequest& request, Done<v1::WaitResponse> done);
  // For a client that went away, or whose deadline passed: `done` is called with CANCELLED, unless it was called
  // before. Any id is legal.
  void CancelWait(WaitId wait);

  // Callers of Watch.
  Watches& watches() { return *watches_; }

  // `attempt` is what the attempt token of the request says.
  void ListChildOutcomes(engine::AttemptId attempt, const v1::ListChildOutcomesRequest& request,
                         Done<v1::ListChildOutcomesResponse> done);

  void ListTasks(const v1::ListTasksRequest& request, Done<v1::ListTasksResponse> done);
  void ListEvents(const v1::ListEventsRequest& request, Done<v1::ListEventsResponse> done);
  void ListAttempts(const v1::ListAttemptsRequest& request, Done<v1::ListAttemptsResponse> done);
  // Looks at a large workflow for the time of a page at once, and lets other reads go before it goes on.
  void GetWorkflowSummary(const v1::GetWorkflowSummaryRequest& request, Done<v1::GetWorkflowSummaryResponse> done);
  void ListTypes(const v1::ListTypesRequest& request, Done<v1::ListTypesResponse> done);
  void GetSchedule(const v1::GetScheduleRequest& request, Done<v1::GetScheduleResponse> done);
  void ListSchedules(const v1::ListSchedulesRequest& request, Done<v1::ListSchedulesResponse> done);
  void GetStatistics(const v1::GetStatisticsRequest& request, Done<v1::GetStatisticsResponse> done);
  void CountTasks(const v1::CountTasksRequest& request, Done<v1::CountTasksResponse> done);
  void GetServerInfo(const v1::GetServerInfoRequest& request, Done<v1::GetServerInfoResponse> done);

  // Answers every open Wait, and from then on every new one and every new watch, with UNAVAILABLE/STOPPING; the other
  // calls go on as long as the partition does. To be called before the partition is stopped. Idempotent.
  void Stop();

  // Looks at the clock now instead of when the next Wait ends by it: for clocks that are turned by hand.
  void CheckDeadlines();

 private:
  // What reads under way need, shared with them.
  struct Core;

  struct SummaryUnderWay;

  // Looks at some more tasks, and answers once it is complete.
  static void GoOn(const std::shared_ptr<SummaryUnderWay>& under_way);

  // Runs answer(core, view, &response) -> Error on a reader's thread and calls `done` with what came of it.
  template <typename Response, typename Answer>
  void Read(Done<Response> done, Answer answer);

  const std::shared_ptr<const Core> core_;
  const std::shared_ptr<Waits> waits_;
  const std::unique_ptr<Watches> watches_;
};

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_READ_READS_H_
