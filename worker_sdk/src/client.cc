#include "baton/client.h"

#include <functional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "worker_sdk/src/client_core.h"
#include "worker_sdk/src/transport.h"
#include "worker_sdk/src/worker_core.h"

namespace baton::inline sdk {

using Results = std::vector<absl::StatusOr<Submitted>>;

namespace {

// What a method calls. It lives until the call has returned, also if another thread destroys the client meanwhile.
std::shared_ptr<internal::ClientCore> Hold(const std::shared_ptr<internal::ClientCore>& core) { return core; }

}  // namespace

Client::Client(ClientOptions options) {
  const internal::Transport transport =
      internal::OpenTransport(internal::ResolveAddress(options.broker), options.tls,
                              internal::FindAccessToken(options.access_token, options.access_token_file));
  core_ = std::make_shared<internal::ClientCore>(std::move(options), transport.connect(), transport.scheduler,
                                                 std::hash<std::string>()(internal::RandomId()));
}

Client::~Client() { core_->Close(); }

absl::StatusOr<Submitted> Client::Submit(NewTask task, const SubmitOptions& options) {
  std::vector<NewTask> one;
  one.push_back(std::move(task));
  return std::move(SubmitAll(std::move(one), options)[0]);
}

Results Client::SubmitAll(std::vector<NewTask> tasks, const SubmitOptions& options) {
  if (!options.request_id.empty()) return Hold(core_)->SubmitUnder(options.request_id, std::move(tasks));
  Results results;
  absl::Notification done;
  Hold(core_)->Submit(std::move(tasks), [&](Results answer) {
    results = std::move(answer);
    done.Notify();
  });
  done.WaitForNotification();
  return results;
}

void Client::SubmitAllAsync(std::vector<NewTask> tasks, SubmitCallback done) {
  Hold(core_)->SubmitAsync(std::move(tasks), std::move(done));
}

std::future<absl::StatusOr<Submitted>> Client::SubmitAsync(NewTask task) {
  auto promise = std::make_shared<std::promise<absl::StatusOr<Submitted>>>();
  std::vector<NewTask> one;
  one.push_back(std::move(task));
  Hold(core_)->SubmitAsync(std::move(one), [promise](Results answer) { promise->set_value(std::move(answer[0])); });
  return promise->get_future();
}

absl::Status Client::Flush(absl::Duration timeout) { return Hold(core_)->Flush(timeout); }

absl::StatusOr<TaskInfo> Client::Get(uint64_t id, TaskParts parts) { return Hold(core_)->Get(id, parts); }

absl::StatusOr<TaskInfo> Client::Wait(uint64_t id, absl::Duration timeout, TaskParts parts) {
  absl::StatusOr<TaskInfo> task = Hold(core_)->Wait(id, /*known_version=*/0, timeout, parts);
  if (!task.ok() || task->terminal()) return task;
  return absl::DeadlineExceededError(absl::StrCat("task ", id, " has not ended within ", absl::FormatDuration(timeout),
                                                  ": it is ", TaskStateName(task->state),
                                                  task->waiting_for.empty() ? "" : "; ", task->waiting_for));
}

absl::StatusOr<TaskInfo> Client::WaitForChange(uint64_t id, uint64_t known_version, absl::Duration timeout,
                                               TaskParts parts) {
  // On the wire 0 would mean: only when it has ended.
  if (known_version == 0) return Hold(core_)->Get(id, parts);
  return Hold(core_)->Wait(id, known_version, timeout, parts);
}

absl::Status Client::Cancel(uint64_t id, const std::string& reason) { return Hold(core_)->Cancel(id, reason); }

absl::Status Client::Resume(uint64_t id, Payload decision, const std::string& reason, std::optional<int> stage) {
  return Hold(core_)->Resume(id, std::move(decision), reason, stage);
}

absl::StatusOr<CreatedSchedule> Client::CreateSchedule(ScheduleDefinition schedule, bool replace) {
  return Hold(core_)->CreateSchedule(std::move(schedule), replace);
}

absl::Status Client::PauseSchedule(const std::string& name, const std::string& reason) {
  return Hold(core_)->PauseSchedule(name, reason);
}

absl::Status Client::UnpauseSchedule(const std::string& name) { return Hold(core_)->UnpauseSchedule(name); }

absl::StatusOr<uint64_t> Client::TriggerSchedule(const std::string& name) { return Hold(core_)->TriggerSchedule(name); }

absl::Status Client::DeleteSchedule(const std::string& name) { return Hold(core_)->DeleteSchedule(name); }

}  // namespace baton::inline sdk
