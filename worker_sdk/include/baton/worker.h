// A worker process: registers handlers and runs the tasks that a broker hands out.
#ifndef BATON_WORKER_H_
#define BATON_WORKER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "baton/log.h"
#include "baton/outcome.h"
#include "baton/task.h"
#include "baton/task_options.h"
#include "baton/tls.h"

namespace baton::inline sdk {

namespace internal {
class WorkerCore;
}  // namespace internal

// Runs one attempt. Called by several threads at once. Anything it throws is a retryable failure with the what() text.
using HandlerFunction = std::function<Outcome(Task&)>;

struct HandlerOptions {
  // Required.
  HandlerFunction handler = {};
  // For tasks of this type that set nothing themselves.
  TaskOptions options = {};
  // For people. At most 1 KiB.
  std::string description = {};
  // How many attempts of this type run in this worker at the same time, with those that wait in it (prefetch). Unset:
  // as many as the worker takes on. 1 ... 10,000. Whatever runs when the handler is replaced counts on. What other
  // workers run does not count: that is a limit of the type, which an operator sets in the broker.
  std::optional<int> max_concurrency = {};
};

// A type and how it is handled, for Worker::Use of several.
struct Registration {
  template <typename Function, typename = std::enable_if_t<std::is_constructible_v<HandlerFunction, Function>>>
  Registration(std::string task_type, Function function)
      : type(std::move(task_type)), options{HandlerFunction(std::move(function))} {}
  Registration(std::string task_type, HandlerOptions handler_options)
      : type(std::move(task_type)), options(std::move(handler_options)) {}

  std::string type;
  HandlerOptions options;
};

// How tasks whose handler sets nothing are retried. What is not set here either is the broker's default.
struct RetryStrategy {
  // What TaskOptions calls max_retries: attempts in all, the first included. 1 ... 1000; default of the broker: 3.
  std::optional<int> max_attempts = {};
  std::optional<RetryBackoff> backoff = {};
  // 0 ... 30 days.
  std::optional<absl::Duration> interval = {};
  std::optional<absl::Duration> cap = {};
  // 0 ... 1.
  std::optional<double> jitter = {};
};

// What a worker takes on. May be changed while it runs: it affects what is handed out from then on.
struct WorkerOptions {
  // Handlers that run at the same time, each on a thread of its own. 1 ... 10,000.
  int max_concurrency = 10;
  // Tasks that wait inside the worker for a free thread: hides the way to the broker when handlers take microseconds.
  // 0 ... 10,000; at most 10,000 together with max_concurrency. What waits goes back to the broker when it or its type
  // is paused, and when nothing else waits there and another worker has more room for it.
  int prefetch = 0;
  // What this worker can do, e.g. "GPU": at most 64, each 1 ... 128 bytes of [A-Za-z0-9_.:/-].
  std::vector<std::string> capabilities = {};
  RetryStrategy retry = {};
};

// What a worker is; fixed when it is made.
struct WorkerIdentity {
  // "host:port", "tls://host:port" or "unix:/path", or several with commas between them; without a port 7461 is meant,
  // an IPv6 host stands in brackets, and behind one with tls:// all but sockets are encrypted. Empty: the environment's
  // BATON_BROKER, else 127.0.0.1:7461. With what is no address, such as "http://host", Run() fails with
  // INVALID_ARGUMENT at once. Of several the first one that answers is used, for as long as it does; when it cannot be
  // reached, drains or stops, the next one, after the last the first. What the worker runs then goes on if the other
  // broker was started on the same data directory; one with another store knows nothing of it: those attempts are over.
  std::string broker = {};
  TlsOptions tls = {};
  // For a broker with access control: the token, or a file that has it and nothing else. Without either the
  // environment's BATON_ACCESS_TOKEN, else the file that BATON_ACCESS_TOKEN_FILE names. The file is read again at each
  // new connection and when the broker refuses the token, so that a rotated token needs no restart. Over a connection
  // that is not encrypted it is sent to this machine only; to others calls fail with FAILED_PRECONDITION, reason
  // TOKEN_WOULD_BE_EXPOSED.
  std::string access_token = {};
  std::string access_token_file = {};
  // Unique among live workers: 1 ... 128 bytes of [A-Za-z0-9_.:/-]. Empty: the host's name and a random part.
  std::string worker_id = {};
  // The logical node that survives restarts. Optional.
  std::string pod_id = {};
  // Of two workers with the same pod id the one with the higher generation replaces the other. 0: the start time.
  uint64_t pod_generation = 0;
  // How long running handlers may take after Shutdown(). 0 ... 1 h.
  absl::Duration drain_deadline = absl::Seconds(30);
  // How long a handler may go on after its deadline before its slot counts as lost. 0 ... 1 h.
  absl::Duration lost_slot_grace = absl::Seconds(30);
  // After so many lost slots the worker drains and Run() fails; 0 means: when no slot is left. At most max_concurrency.
  int max_lost_slots = 0;
  LogFunction log = LogToStderr;
};

// Usage:
//
//   baton::Worker worker;
//   worker.Use("greet", [](baton::Task& task) { return "Hello, " + task.payload().bytes(); }).IgnoreError();
//   worker.ShutdownOnSignals();
//   return worker.Run().ok() ? 0 : 1;
//
// Connections: Run() connects, and connects again with backoff for as long as it takes; handlers go on running
// meanwhile, and their outcomes are delivered afterwards.
//
// Thread-safe: every method may be called from any thread, also from handlers (except Run), also while running. The
// destructor must not run before Run() has returned.
class Worker {
 public:
  explicit Worker(WorkerIdentity identity = {});
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Registers the handler of a type, or replaces it; the options are copied. Running attempts finish with the handler
  // they started with, everything that starts later gets the new one. Children get its options if their parent returns
  // after Use has returned. Errors: INVALID_ARGUMENT naming the type and the field; nothing has changed then. A refusal
  // cannot be overlooked: Run() fails with it, unless the type was registered properly or given up with Unuse since.
  absl::Status Use(const std::string& type, HandlerOptions options);
  template <typename Function, typename = std::enable_if_t<std::is_constructible_v<HandlerFunction, Function>>>
  absl::Status Use(const std::string& type, Function handler) {
    return Use(type, HandlerOptions{HandlerFunction(std::move(handler))});
  }
  // Several at once: all or nothing.
  //   worker.Use({{"resize", Resize}, {"crop", {.handler = Crop, .options = {.priority = 5}}}});
  absl::Status Use(std::vector<Registration> registrations);
  // A map from type to function or to HandlerOptions: all or nothing.
  template <typename Map, typename = typename Map::mapped_type>
  absl::Status Use(const Map& handlers) {
    std::vector<Registration> registrations;
    for (const auto& [type, handler] : handlers) registrations.emplace_back(type, handler);
    return Use(std::move(registrations));
  }

  // Gives up a type: running attempts finish, unstarted ones go back to the broker. False if it was not registered.
  bool Unuse(const std::string& type);
  // Several; returns how many were registered.
  size_t Unuse(const std::vector<std::string>& types);
  size_t Unuse(std::initializer_list<const char*> types);

  // Replaces the options. Lowering the concurrency stops nothing that runs. Errors: INVALID_ARGUMENT naming the field;
  // nothing has changed then, and Run() fails with it unless a later Configure succeeded.
  absl::Status Configure(WorkerOptions options);

  // Works until Shutdown(), or until the broker tells the worker to leave. Call it once. Returns OK when everything it
  // held was finished or given back. Errors:
  //   INVALID_ARGUMENT     a refused registration, configuration or identity, its address and TLS files included
  //   FAILED_PRECONDITION  reason SUPERSEDED: a newer generation of the pod has taken over; or called twice
  //   ALREADY_EXISTS       reason WORKER_ID_IN_USE: another live process has this worker id
  //   DEADLINE_EXCEEDED    handlers were still running at the drain deadline; their tasks were given back, and their
  //                        threads go on until the process ends
  //   UNAVAILABLE          outcomes could not be delivered before the drain deadline; their tasks will run again
  //   RESOURCE_EXHAUSTED   too many slots were lost to handlers that ignore their deadline
  absl::Status Run();

  // Starts to drain and returns at once: takes nothing new, gives back what has not started, lets running handlers
  // finish until the drain deadline. Further calls have no effect. Before Run(): Run() returns at once.
  void Shutdown();

  // From now on SIGINT and SIGTERM mean Shutdown() of this worker; a second one ends the process as usual. For one
  // worker per process.
  void ShutdownOnSignals();

  // As announced to the broker.
  const std::string& worker_id() const;

 private:
  std::shared_ptr<internal::WorkerCore> core_;
};

}  // namespace baton::inline sdk

#endif  // BATON_WORKER_H_
