#include "worker_sdk/src/client_core.h"

#include <algorithm>
#include <functional>
#include <string>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "worker_sdk/src/client_call.h"
#include "worker_sdk/src/text.h"
#include "worker_sdk/src/validate.h"
#include "worker_sdk/src/worker_core.h"

namespace baton::inline sdk {
namespace internal {
namespace {

// A wait is cut into calls of this length, so that a broker that went away is noticed.
constexpr absl::Duration kWaitSlice = absl::Seconds(30);
constexpr absl::Duration kWaitSlack = absl::Seconds(5);

absl::Status ValidateOptions(const ClientOptions& options) {
  if (options.timeout < absl::Milliseconds(1) || options.timeout > absl::Hours(1)) {
    return absl::InvalidArgumentError(absl::StrCat("client options: timeout is ", absl::FormatDuration(options.timeout),
                                                   "; allowed are 1ms to 1h: change it"));
  }
  if (options.max_unanswered_tasks == 0 || options.max_unanswered_bytes == 0) {
    return absl::InvalidArgumentError(
        "client options: max_unanswered_tasks or max_unanswered_bytes is 0: nothing could be submitted; raise it");
  }
  return ValidateAddresses(options.broker, options.tls);
}

// What a submission counts for: its payloads, and about what a task takes besides.
AsyncBook::Size SizeOf(const std::vector<NewTask>& tasks) {
  AsyncBook::Size size{tasks.size(), 0};
  for (const NewTask& task : tasks) size.bytes += task.payload.bytes().size();
  return size;
}

// Random for each client, then counted: the random numbers of the system cost 3 % of a producer's time.
std::function<std::string()> RequestIds() {
  return [client = RandomId().substr(0, 20), calls = uint64_t{0}]() mutable {
    return absl::StrFormat("%s%012x", client, ++calls);
  };
}

// `what` begins the message, e.g. "Cancel: reason".
absl::Status RequireShortText(const std::string& what, const std::string& text, size_t limit) {
  if (!IsUtf8(text)) return absl::InvalidArgumentError(absl::StrCat(what, " is not UTF-8: encode it"));
  if (text.size() <= limit) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(what, " has ", text.size(), " bytes; at most ", limit, " are allowed: shorten it"));
}

absl::Status RequireReason(const char* name, const std::string& reason) {
  return RequireShortText(absl::StrCat(name, ": reason"), reason, kTextBytes);
}

// One call of Submit, or why it cannot be sent as a whole.
absl::StatusOr<v1::SubmitRequest> MakeSubmission(const std::string& request_id, std::vector<NewTask> tasks) {
  if (absl::Status status = RequireShortText("Submit: request_id", request_id, kNameBytes); !status.ok()) return status;
  if (tasks.size() > static_cast<size_t>(kCallItems)) {
    return absl::InvalidArgumentError(absl::StrCat("Submit: there are ", tasks.size(), " tasks; at most ", kCallItems,
                                                   " are allowed with a request_id: cut them into submissions with "
                                                   "request ids of their own"));
  }
  v1::SubmitRequest request;
  request.set_request_id(request_id);
  for (size_t i = 0; i < tasks.size(); ++i) {
    const std::string where = absl::StrCat("nothing was submitted: task ", i);
    if (absl::Status status = ToProto(where, std::move(tasks[i]), request.add_tasks()); !status.ok()) return status;
  }
  return request;
}

// The client whose answers this thread gives.
thread_local const ClientCore* answering = nullptr;

}  // namespace

ClientCore::ClientCore(ClientOptions options, std::shared_ptr<BrokerConnection> connection,
                       std::shared_ptr<Scheduler> scheduler, uint64_t seed)
    : options_(std::move(options)),
      options_status_(ValidateOptions(options_)),
      connection_(std::move(connection)),
      scheduler_(std::move(scheduler)),
      async_({options_.max_unanswered_tasks, options_.max_unanswered_bytes}),
      queue_(seed, RequestIds()) {}

void ClientCore::Submit(std::vector<NewTask> tasks, Client::SubmitCallback done) {
  auto submission = std::make_shared<Submission>();
  submission->results.resize(tasks.size(), absl::UnknownError("no result yet"));
  submission->done = std::move(done);
  submission->deadline = scheduler_->Now() + Micros(options_.timeout);
  std::vector<absl::StatusOr<std::unique_ptr<v1::NewTask>>> protos;
  protos.reserve(tasks.size());
  for (size_t i = 0; i < tasks.size(); ++i) {
    auto proto = std::make_unique<v1::NewTask>();
    absl::Status status = options_status_;
    if (status.ok()) status = ToProto(absl::StrCat("task ", i), std::move(tasks[i]), proto.get());
    if (status.ok()) {
      protos.emplace_back(std::move(proto));
    } else {
      protos.emplace_back(std::move(status));
    }
  }
  SubmitQueue::Finished finished;
  {
    absl::MutexLock lock(&mutex_);
    finished = queue_.Add(submission, std::move(protos));
    if (closed_) {
      for (auto& more : queue_.FailAll(absl::CancelledError("the client was closed"))) finished.push_back(more);
    }
  }
  Deliver(finished);
  if (answering != this) Pump();
}

void ClientCore::SubmitAsync(std::vector<NewTask> tasks, Client::SubmitCallback done) {
  absl::StatusOr<uint64_t> number = uint64_t{0};
  if (options_status_.ok()) number = async_.Begin(SizeOf(tasks));
  if (!number.ok()) return done(std::vector<absl::StatusOr<Submitted>>(tasks.size(), number.status()));
  Submit(std::move(tasks),
         [this, number = *number, done = std::move(done)](std::vector<absl::StatusOr<Submitted>> results) {
           // The callback may want the room for more.
           async_.Answered(number);
           const absl::Cleanup end = [this, number] { async_.End(number); };
           done(std::move(results));
         });
}

std::vector<absl::StatusOr<Submitted>> ClientCore::SubmitUnder(const std::string& request_id,
                                                               std::vector<NewTask> tasks) {
  using Results = std::vector<absl::StatusOr<Submitted>>;
  const size_t count = tasks.size();
  if (count == 0) return {};
  const absl::StatusOr<v1::SubmitRequest> request = MakeSubmission(request_id, std::move(tasks));
  if (!request.ok()) return Results(count, request.status());
  const absl::StatusOr<v1::SubmitResponse> answer =
      Call("Submit", *request, options_.timeout, kCallTimeout, &BrokerConnection::Submit);
  if (!answer.ok()) return Results(count, answer.status());
  if (answer->results_size() != static_cast<int>(count)) {
    return Results(count, absl::InternalError(
                              absl::StrCat("Submit: ", answer->results_size(), " results for ", count, " tasks")));
  }
  Results results;
  for (const v1::SubmitResult& result : answer->results()) results.push_back(FromProto(result));
  return results;
}

absl::Status ClientCore::Flush(absl::Duration timeout) {
  const std::shared_ptr<const Event> ended = async_.AllEnded();
  if (scheduler_->Wait(*ended, timeout)) {
    if (closing_.HasBeenNotified()) return absl::CancelledError("Flush: the client was closed");
    return absl::OkStatus();
  }
  return absl::DeadlineExceededError(
      absl::StrCat("Flush: ", async_.open(), " submissions are not answered after ", absl::FormatDuration(timeout)));
}

void ClientCore::Deliver(const SubmitQueue::Finished& finished) const {
  // Also if a callback throws: otherwise nothing that this thread submits would ever leave.
  const absl::Cleanup restore = [outer = std::exchange(answering, this)] { answering = outer; };
  for (const std::shared_ptr<Submission>& submission : finished) submission->done(std::move(submission->results));
}

void ClientCore::Pump() {
  SubmitQueue::Finished finished;
  std::shared_ptr<SubmitQueue::Call> call;
  const int64_t now = scheduler_->Now();
  {
    absl::MutexLock lock(&mutex_);
    if (closed_) return;
    finished = queue_.Expire(now);
    if (std::optional<SubmitQueue::Call> next = queue_.Next(now)) {
      call = std::make_shared<SubmitQueue::Call>(*std::move(next));
    }
    const std::optional<int64_t> timer = queue_.NextTimer();
    if (timer && (timer_ <= now || *timer < timer_)) {
      timer_ = std::max(*timer, now + 1);
      scheduler_->After(absl::Microseconds(timer_ - now), [weak = weak_from_this()] {
        if (const std::shared_ptr<ClientCore> self = weak.lock()) self->Pump();
      });
    }
  }
  if (call != nullptr) Send(std::move(call), now);
  if (finished.empty()) return;
  Deliver(finished);
  Pump();
}

void ClientCore::Send(std::shared_ptr<SubmitQueue::Call> call, int64_t now) {
  const absl::Duration left = absl::Microseconds(std::max<int64_t>(1000, call->deadline - now));
  connection_->Submit(call->request, {.timeout = std::min(left, kCallTimeout), .wait_for_ready = true},
                      [self = shared_from_this(), call, now](const absl::Status& status, v1::SubmitResponse& response) {
                        SubmitQueue::Finished done;
                        {
                          absl::MutexLock lock(&self->mutex_);
                          const int64_t answered = self->scheduler_->Now();
                          done = self->queue_.OnAnswer(answered, std::move(*call), status, response);
                          if (self->closed_) {
                            const absl::Status closed = absl::CancelledError("the client was closed");
                            for (auto& more : self->queue_.FailAll(closed)) done.push_back(more);
                          }
                        }
                        self->Heard(now, status);
                        // What waits leaves before callbacks take their time; what they submit leaves together.
                        self->Pump();
                        self->Deliver(done);
                        self->Pump();
                      });
}

void ClientCore::Heard(int64_t begin, const absl::Status& status) {
  const std::optional<absl::Duration> silence = outage_.CallEnded(begin, scheduler_->Now(), status);
  if (!silence || !options_.log) return;
  options_.log(LogLevel::kWarning,
               absl::StrCat("no broker at ", ResolveAddress(options_.broker), " has answered for ",
                            absl::FormatDuration(absl::Trunc(*silence, absl::Seconds(1))), "; last failure: ",
                            status.ToString(), "; calls are repeated until their timeout"));
}

bool ClientCore::Pause(absl::Duration duration) { return !scheduler_->Wait(closing_, duration); }

absl::StatusOr<TaskInfo> ClientCore::Get(uint64_t id, TaskParts parts) {
  v1::GetRequest request;
  request.set_task_id(id);
  ToProto(parts, request.mutable_parts());
  absl::StatusOr<v1::GetResponse> answer = Call("Get", request, options_.timeout, kCallTimeout, &BrokerConnection::Get);
  if (!answer.ok()) return answer.status();
  return TakeTask(answer->mutable_task());
}

absl::StatusOr<TaskInfo> ClientCore::Wait(uint64_t id, uint64_t known_version, absl::Duration timeout,
                                          TaskParts parts) {
  v1::WaitRequest request;
  request.set_task_id(id);
  request.set_known_version(known_version);
  ToProto(parts, request.mutable_parts());
  const int64_t end = scheduler_->Now() + Micros(timeout);
  while (true) {
    const absl::Duration left = absl::Microseconds(std::max<int64_t>(0, end - scheduler_->Now()));
    const absl::Duration slice = std::min(left, kWaitSlice);
    // 0 would mean the broker's default.
    request.set_timeout_us(std::max<int64_t>(1, Micros(slice)));
    absl::StatusOr<v1::WaitResponse> answer =
        Call("Wait", request, left + options_.timeout, slice + kWaitSlack, &BrokerConnection::Wait);
    if (!answer.ok()) return answer.status();
    // If the time went by between a call before the last one and its answer, that answer is out of date.
    const bool last = slice == left;
    if (!answer->timed_out() || (last && scheduler_->Now() >= end)) return TakeTask(answer->mutable_task());
  }
}

absl::Status ClientCore::Cancel(uint64_t id, const std::string& reason) {
  if (absl::Status status = RequireReason("Cancel", reason); !status.ok()) return status;
  v1::CancelRequest request;
  request.set_task_id(id);
  request.set_reason(reason);
  return Call("Cancel", request, options_.timeout, kCallTimeout, &BrokerConnection::Cancel).status();
}

absl::Status ClientCore::Resume(uint64_t id, Payload decision, const std::string& reason, std::optional<int> stage) {
  if (absl::Status status = RequireReason("Resume", reason); !status.ok()) return status;
  v1::ResumeRequest request;
  request.set_task_id(id);
  request.set_reason(reason);
  if (decision.has_value()) {
    absl::Status status =
        ToProto("Resume: decision", std::move(decision), kMessageBytes - kMessageOverhead, request.mutable_decision());
    if (!status.ok()) return status;
  }
  if (stage) request.set_stage(*stage);
  return Call("Resume", request, options_.timeout, kCallTimeout, &BrokerConnection::Resume).status();
}

void ClientCore::Close() {
  SubmitQueue::Finished finished;
  {
    absl::MutexLock lock(&mutex_);
    closed_ = true;
    finished = queue_.FailAll(absl::CancelledError("the client was closed"));
  }
  closing_.Notify();
  Deliver(finished);
  connection_->Close();
  scheduler_->Stop();
}

}  // namespace internal
}  // namespace baton::inline sdk
