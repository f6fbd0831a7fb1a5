// For programs that hand over work and may wait for its result.
#ifndef BATON_CLIENT_H_
#define BATON_CLIENT_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "baton/log.h"
#include "baton/payload.h"
#include "baton/schedule.h"
#include "baton/task_info.h"
#include "baton/task_options.h"
#include "baton/tls.h"

namespace baton::inline sdk {

namespace internal {
class ClientCore;
}  // namespace internal

struct ClientOptions {
  // "host:port", "tls://host:port" or "unix:/path", or several with commas between them; without a port 7461 is meant,
  // an IPv6 host stands in brackets, and behind one with tls:// all but sockets are encrypted. Empty: the environment's
  // BATON_BROKER, else 127.0.0.1:7461. With what is no address, such as "http://host", each call fails with
  // INVALID_ARGUMENT at once. Of several the first one that answers is used, for as long as it does; when it cannot be
  // reached, drains or stops, the next one, after the last the first. Brokers share nothing: what one has stored,
  // another one knows only if it was started on the same data directory.
  std::string broker = {};
  TlsOptions tls = {};
  // For a broker with access control: the token, or a file that has it and nothing else. Without either the
  // environment's BATON_ACCESS_TOKEN, else the file that BATON_ACCESS_TOKEN_FILE names. The file is read again at each
  // new connection and when the broker refuses the token, so that a rotated token needs no restart. Over a connection
  // that is not encrypted it is sent to this machine only; to others calls fail with FAILED_PRECONDITION, reason
  // TOKEN_WOULD_BE_EXPOSED.
  std::string access_token = {};
  std::string access_token_file = {};
  // How long a call may take, with all its retries (Wait: in addition to its own timeout). 1 ms ... 1 h.
  absl::Duration timeout = absl::Seconds(30);
  // What SubmitAsync and SubmitAllAsync have taken and not answered yet: how many tasks at most, and how many bytes of
  // payload. Above 0.
  size_t max_unanswered_tasks = 100'000;
  size_t max_unanswered_bytes = size_t{256} << 20;
  // Told, once in each outage, when calls have had no answer for 5 s or more. Empty: nobody is.
  LogFunction log = LogToStderr;
};

// How tasks are submitted.
struct SubmitOptions {
  // Makes it safe to submit the same again, from another process and after a crash too: for 24 h the broker answers
  // this id with the tasks that it has made first, in the state that they had then, and makes none. 1 ... 128 bytes of
  // UTF-8, new for each submission. Empty: the library has an id of its own for each call, so that its own repetitions
  // are safe, and nothing else. The tasks must be the same, in the same order: else INVALID_ARGUMENT, reason
  // REQUEST_ID_REUSED. They leave in a call of their own: at most 1000, and a little less than 4 MiB together (a broker
  // may be configured to take less); if one of them cannot be sent at all, none is, and all have its error.
  std::string request_id = {};
};

// What became of one submitted task.
struct Submitted {
  // The task, new or (see `existing`) old.
  uint64_t id = 0;
  // A task with this unique key had not ended; `id` and `state` are its.
  bool existing = false;
  TaskState state = TaskState::kUnknown;
  // Some live worker could run it.
  bool runnable = false;
};

// Which bulky parts of a task to fetch.
struct TaskParts {
  bool payload = false;
  bool result = true;
  bool context = false;
};

// Usage:
//
//   baton::Client client;
//   absl::StatusOr<baton::Submitted> task = client.Submit({.type = "greet", .payload = "world"});
//   if (task.ok()) absl::StatusOr<baton::TaskInfo> end = client.Wait(task->id, absl::Minutes(1));
//
// Every call waits for a broker that is not there yet and tries again what failed for a passing reason (UNAVAILABLE,
// RESOURCE_EXHAUSTED), with backoff, until its timeout; repeated submissions create nothing twice. Errors: as the
// broker reports them (see <baton/error.h> for the reason), INVALID_ARGUMENT for what cannot be sent at all, and
// DEADLINE_EXCEEDED after the timeout, with the last failure in the text; the call may then still take effect.
//
// Thread-safe. Cheap to use from many threads: while one Submit is under way, the tasks of all others are collected
// and leave together in the next one, at most 1000 tasks and 4 MiB in each; those with a request id leave alone.
class Client {
 public:
  using SubmitCallback = std::function<void(std::vector<absl::StatusOr<Submitted>>)>;

  explicit Client(ClientOptions options = {});
  // Outstanding calls end with CANCELLED first.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // OK: the task is on the broker's disk and will run at least once.
  absl::StatusOr<Submitted> Submit(NewTask task, const SubmitOptions& options = {});
  // One result per task, in their order; each stands for itself. Any number of tasks, unless there is a request id.
  std::vector<absl::StatusOr<Submitted>> SubmitAll(std::vector<NewTask> tasks, const SubmitOptions& options = {});
  // The same; a template so that Submit({.type = ...}) means one task.
  template <typename Tasks, typename = std::enable_if_t<std::is_same_v<Tasks, std::vector<NewTask>>>>
  std::vector<absl::StatusOr<Submitted>> Submit(Tasks tasks, const SubmitOptions& options = {}) {
    return SubmitAll(std::move(tasks), options);
  }

  // Without waiting: returns at once, and leaves with what others submit meanwhile, in the order of the calls. One
  // submission ends within ClientOptions::timeout, whatever happens. What is not answered yet is bounded by
  // max_unanswered_tasks and max_unanswered_bytes: beyond that the results are RESOURCE_EXHAUSTED, reason CLIENT_FULL,
  // and nothing was sent: wait for some of those before. Closing the client ends what is not answered with CANCELLED;
  // the tasks may have been created. Call Flush() first to lose none.
  //
  //   std::vector<std::future<absl::StatusOr<baton::Submitted>>> answers;
  //   for (baton::NewTask& task : tasks) answers.push_back(client.SubmitAsync(std::move(task)));
  //   for (auto& answer : answers) Check(answer.get());
  std::future<absl::StatusOr<Submitted>> SubmitAsync(NewTask task);
  // `done` is called once, with one result per task: by a thread of the library, or by the calling one before this
  // returns if nothing was sent. It must not block, nor call the blocking methods of this class; it may submit more in
  // this way.
  void SubmitAllAsync(std::vector<NewTask> tasks, SubmitCallback done);
  // Waits until everything that was submitted so without waiting before has been answered, and its callback has
  // returned. Errors: DEADLINE_EXCEEDED something has not within `timeout`; CANCELLED the client was closed.
  absl::Status Flush(absl::Duration timeout);

  // Errors: NOT_FOUND, reason TASK_NOT_FOUND (no such id) or TASK_EXPIRED (no longer retained).
  absl::StatusOr<TaskInfo> Get(uint64_t id, TaskParts parts = {});

  // Waits until the task has ended, with whatever result: look at `state`. Errors: as Get; DEADLINE_EXCEEDED it has not
  // ended within `timeout`.
  absl::StatusOr<TaskInfo> Wait(uint64_t id, absl::Duration timeout, TaskParts parts = {});

  // Waits until the task has changed since `known_version` (TaskInfo::version) or has ended, for at most `timeout`;
  // answers in any case with the task as it stands. `known_version` 0, of somebody who has not seen it yet: at once.
  // Errors: as Get.
  absl::StatusOr<TaskInfo> WaitForChange(uint64_t id, uint64_t known_version, absl::Duration timeout,
                                         TaskParts parts = {});

  // Cancels a task and its descendants; cancelling a cancelled task is OK. Errors: NOT_FOUND as Get;
  // FAILED_PRECONDITION, reason TASK_TERMINAL, it has ended otherwise.
  absl::Status Cancel(uint64_t id, const std::string& reason = "");

  // Wakes a task that a handler suspended; the handler can read `decision`. `stage`: what the decision is about,
  // TaskInfo::stage as it was shown to whoever decides; unset: whatever the task waits for now. Errors: NOT_FOUND as
  // Get; FAILED_PRECONDITION, reason NOT_SUSPENDED, WAITS_FOR_CHILDREN, or STAGE_OVER: it waits at another stage, look
  // at it again. After a lost answer the call is repeated: it fails with NOT_SUSPENDED or STAGE_OVER then. Without
  // `stage`, if the task was suspended again meanwhile, it decides about that too.
  absl::Status Resume(uint64_t id, Payload decision = {}, const std::string& reason = "",
                      std::optional<int> stage = {});

  // Makes sure that there is such a schedule: one that is there already, defined the same way, is left alone, so that
  // every process may call this when it starts. `replace`: one that is defined differently is changed. Errors:
  // ALREADY_EXISTS, reason SCHEDULE_EXISTS, it is defined differently; INVALID_ARGUMENT, reasons BAD_CRON and
  // BAD_TIME_ZONE among others.
  absl::StatusOr<CreatedSchedule> CreateSchedule(ScheduleDefinition schedule, bool replace = false);
  // Errors of these: NOT_FOUND, reason SCHEDULE_NOT_FOUND. Pausing a paused schedule is OK. So is a call whose answer
  // was lost or late, that is repeated and finds its work done, as if by the first try. Not with several addresses,
  // where another broker may answer the repetition: what that says is the answer then.
  absl::Status PauseSchedule(const std::string& name, const std::string& reason = "");
  // FAILED_PRECONDITION, reason NOT_PAUSED, or BAD_SCHEDULE: the broker's machine does not know its time zone.
  absl::Status UnpauseSchedule(const std::string& name);
  // Creates a task now and answers with its id. FAILED_PRECONDITION, reason SCHEDULE_BUSY: the last one has not ended,
  // and the schedule does not let them overlap. After a lost answer the call is repeated: with OverlapPolicy::kAllow
  // that may create a second task, otherwise SCHEDULE_BUSY may be about the one that this call has created.
  absl::StatusOr<uint64_t> TriggerSchedule(const std::string& name);
  // Its tasks go on.
  absl::Status DeleteSchedule(const std::string& name);

 private:
  std::shared_ptr<internal::ClientCore> core_;
};

}  // namespace baton::inline sdk

#endif  // BATON_CLIENT_H_
