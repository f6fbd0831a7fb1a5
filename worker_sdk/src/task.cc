#include "baton/task.h"

#include <utility>

#include "worker_sdk/src/task_context.h"
#include "worker_sdk/src/validate.h"

namespace baton::inline sdk {

uint64_t Task::id() const { return context_->delivery().task_id(); }
const std::string& Task::type() const { return context_->delivery().type(); }
const std::string& Task::tag() const { return context_->delivery().tag(); }
uint64_t Task::parent_id() const { return context_->delivery().parent_id(); }
uint64_t Task::root_id() const { return context_->delivery().root_id(); }
int Task::attempt() const { return context_->delivery().attempt(); }
int Task::stage() const { return context_->delivery().stage(); }
int Task::failed_attempts() const { return context_->delivery().failed_attempts(); }
int Task::max_retries() const { return context_->delivery().max_retries(); }
int Task::priority() const { return context_->delivery().priority(); }
absl::Time Task::created_at() const { return absl::FromUnixMicros(context_->delivery().created_at_us()); }
const std::string& Task::schedule() const { return context_->delivery().schedule(); }
absl::Time Task::scheduled_at() const {
  const int64_t at = context_->delivery().scheduled_at_us();
  return at == 0 ? absl::InfinitePast() : absl::FromUnixMicros(at);
}
const std::string& Task::trace_parent() const { return context_->delivery().trace_parent(); }
const std::string& Task::trace_state() const { return context_->delivery().trace_state(); }

const Payload& Task::payload() const { return context_->payload(); }
const Payload& Task::context() const { return context_->context(); }
const Payload& Task::decision() const { return context_->decision(); }

uint64_t Task::children_count() const { return context_->delivery().children(); }
uint64_t Task::children_failed() const { return context_->delivery().children_failed(); }
ChildOutcomes Task::Children() const { return ChildOutcomes(context_); }

bool Task::cancelled() const { return context_->cancelled(); }
bool Task::WaitCancelled(absl::Duration timeout) const { return context_->WaitCancelled(timeout); }

std::string Task::cancel_reason() const {
  const internal::Attempt& attempt = *context_->attempt();
  if (attempt.over.HasBeenNotified()) return attempt.over_reason;
  return cancelled() ? "the deadline of the attempt has passed" : "";
}

absl::Time Task::deadline() const {
  const internal::TaskHost& host = context_->host();
  return absl::FromUnixMicros(host.WallNow() + (context_->deadline() - host.Now()));
}

absl::Status Task::Audit(const std::string& code, const std::string& message, const std::string& metadata_json) {
  absl::StatusOr<v1::Checkpoint> checkpoint = internal::MakeCheckpoint(code, message, metadata_json);
  absl::Status status = checkpoint.status();
  if (status.ok()) {
    checkpoint->set_at_us(context_->host().WallNow());
    status = context_->host().Audit(context_->attempt(), *std::move(checkpoint));
  }
  if (!status.ok()) context_->host().Warn(std::string(status.message()));
  return status;
}

absl::Status Task::Progress(const ProgressReport& report) {
  absl::StatusOr<v1::Progress> progress = internal::MakeProgress(report);
  absl::Status status = progress.status();
  if (status.ok()) {
    progress->set_at_us(context_->host().WallNow());
    status = context_->host().Progress(context_->attempt(), *std::move(progress));
  }
  if (!status.ok()) context_->host().Warn(std::string(status.message()));
  return status;
}

absl::Status Task::Progress(double percent, const std::string& text, const std::string& stage_name) {
  return Progress(ProgressReport{.percent = percent, .text = text, .stage_name = stage_name});
}

Outcome Task::Next(std::vector<NewTask> children, std::optional<Payload> context) {
  return Next(std::move(children), NextOptions{.context = std::move(context)});
}

Outcome Task::Next(std::vector<NewTask> children, NextOptions options) {
  return Outcome::Spawned({std::move(children), std::move(options)});
}

Outcome Task::Suspend(std::string reason, std::optional<Payload> context) {
  return Suspend(std::move(reason), SuspendOptions{.context = std::move(context)});
}

Outcome Task::Suspend(std::string reason, SuspendOptions options) {
  return Outcome::Suspended({std::move(reason), std::move(options)});
}

}  // namespace baton::inline sdk
