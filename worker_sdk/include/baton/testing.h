// A broker for tests of handlers, workflows and submitters: the rules of batond in the process of the test, on a clock
// that the test turns. What takes hours with batond takes milliseconds here: retries with backoff, timeouts, schedules,
// approvals, lost workers. Link baton::testing.
//
//   TEST(Report, IsTriedAgainAfterAnHour) {
//     baton::testing::Broker broker;
//     ASSERT_TRUE(broker.Use("report", {.handler = Report, .options = {.retry_interval = absl::Hours(1)}}).ok());
//     const auto task = broker.Submit({.type = "report", .payload = "2030-01"});
//     ASSERT_TRUE(task.ok()) << task.status();
//     const auto end = broker.Wait(task->id);
//     ASSERT_TRUE(end.ok()) << end.status();
//     EXPECT_EQ(end->state, baton::TaskState::kCompleted);
//     EXPECT_EQ(end->attempt, 2);
//   }
#ifndef BATON_TESTING_H_
#define BATON_TESTING_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "baton/client.h"
#include "baton/log.h"
#include "baton/payload.h"
#include "baton/task_info.h"
#include "baton/task_options.h"
#include "baton/worker.h"

namespace baton::inline sdk {
namespace testing {

// Warnings and errors, to stderr.
void LogWarnings(LogLevel level, const std::string& text);

struct BrokerOptions {
  // What the clock shows at first; until the year 2200. The default is a Tuesday, 2030-01-01 00:00 UTC.
  absl::Time start = absl::FromUnixSeconds(1'893'456'000);
  // Time also goes by while somebody waits for a task with Client::Wait or WaitForChange. False: only the methods of
  // the Broker turn the clock; then such a wait ends only if another thread does.
  bool time_goes_by_while_clients_wait = true;
  // How long, in real time, the clock stands still for handlers that are at work; then time goes by although they are.
  // Make it short to test handlers that block without looking at the clock. Above 0.
  absl::Duration patience = absl::Seconds(10);
  // Where the broker's own worker and client log.
  LogFunction log = LogWarnings;
};

// Time. The clock stands still while anything is left to do, or a handler is at work, and then jumps to the next thing
// that is due. So whatever code does takes no time at all; what is to take time has to say so, with
// Task::WaitCancelled(), which waits by this clock. absl::Now() and the like show the real time: code under test can be
// given Now() instead.
//
// Workers and clients under test are those of production, with address() as the address of their broker:
//
//   const auto worker = std::make_shared<baton::Worker>(
//       baton::WorkerIdentity{.broker = broker.address(), .worker_id = "w1"});
//   ASSERT_TRUE(worker->Use("report", Report).ok());
//   ASSERT_TRUE(broker.Start(worker).ok());
//
// The rules are batond's own, with its defaults and limits, but for these: tasks are kept as long as the broker lives;
// a worker beats every half an hour, so that a handler learns only then what it is not told by its stream (that
// progress was not reported in time), and lost slots are counted only then; there is no network, so that nothing is
// lost or late on the way. The broker cannot be reached from outside of the process.
//
// With handlers that run one at a time (WorkerOptions::max_concurrency = 1) every run of a test is the same; several at
// a time are as they are in production: in any order.
//
// Thread-safe. Handlers must not call methods that wait or turn the clock. The destructor shuts down the workers that
// Use() and Start() have started, lets time go by until they have drained, and joins their threads: what their handlers
// use must live until then. Clients, and workers that run otherwise, must have ended before.
class Broker {
 public:
  explicit Broker(BrokerOptions options = {});
  ~Broker();
  Broker(const Broker&) = delete;
  Broker& operator=(const Broker&) = delete;

  // For WorkerIdentity::broker, ClientOptions::broker and the environment's BATON_BROKER, in this process only.
  const std::string& address() const;

  // ── Workers ──

  // Registers a handler with the broker's own worker, as Worker::Use does; the first one starts that worker.
  absl::Status Use(const std::string& type, HandlerOptions options);
  template <typename Function, typename = std::enable_if_t<std::is_constructible_v<HandlerFunction, Function>>>
  absl::Status Use(const std::string& type, Function handler) {
    return Use(type, HandlerOptions{HandlerFunction(std::move(handler))});
  }
  // What the broker's own worker takes on, as Worker::Configure. Default: those of WorkerOptions.
  absl::Status Configure(WorkerOptions options);

  // Runs a worker of yours on a thread, and returns when it is connected. Errors: those of Worker::Run, if that
  // returned instead; DEADLINE_EXCEEDED it is not connected within BrokerOptions::patience.
  absl::Status Start(std::shared_ptr<Worker> worker);
  // Waits until a worker is connected that runs otherwise. Errors: DEADLINE_EXCEEDED as above.
  absl::Status AwaitWorker(const std::string& worker_id);

  // The broker's own worker dies with all that it runs: what it says from now on, the broker does not hear. Another
  // one, with the same handlers, is there at once; it gets the tasks after the grace of 1.5 s, an interruption each.
  // Errors: FAILED_PRECONDITION there is none, since nothing was registered with Use().
  absl::Status LoseWorker();
  // Cuts one worker off from the broker, until ReturnWorker(). Both sides find the connection closed. Within the grace
  // nothing is lost; after that the broker gives its tasks to others and refuses what it says of them. Errors:
  // NOT_FOUND no worker of this id has connected.
  absl::Status LoseWorker(const std::string& worker_id);
  absl::Status ReturnWorker(const std::string& worker_id);

  // ── Tasks ──

  // A client of this broker; valid as long as the broker is.
  Client& client();
  // As those of Client.
  absl::StatusOr<Submitted> Submit(NewTask task);
  absl::Status Cancel(uint64_t id, const std::string& reason = "");
  absl::Status Resume(uint64_t id, Payload decision = {}, const std::string& reason = "",
                      std::optional<int> stage = {});
  // The decisions that `baton approve` and `baton reject` make: JSON, {"approved": true, "comment": "…"}.
  absl::Status Approve(uint64_t id, const std::string& comment = "");
  absl::Status Reject(uint64_t id, const std::string& comment = "");
  // The task as it stands once nothing is left to do at this instant, with payload, result and context.
  absl::StatusOr<TaskInfo> Get(uint64_t id);

  // ── Time ──

  absl::Time Now() const;
  // Returns when nothing is left to do at this instant: tasks that are due and can run have run.
  void RunUntilIdle();
  // Lets time go by; what falls due happens at its instant, and is done when this returns. Not negative.
  void Advance(absl::Duration time);
  void AdvanceTo(absl::Time instant);
  // Lets time go by until the task has ended, for at most `timeout`; returns it with payload, result and context.
  // Errors: as Client::Get; DEADLINE_EXCEEDED it has not ended within the timeout; FAILED_PRECONDITION, reason
  // SUSPENDED, it waits for a decision, without a time limit, that nobody makes.
  absl::StatusOr<TaskInfo> Wait(uint64_t id, absl::Duration timeout = absl::Hours(24 * 365));

 private:
  struct Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace testing
}  // namespace baton::inline sdk

#endif  // BATON_TESTING_H_
