#include "baton/worker.h"

#include <functional>
#include <utility>

#include "worker_sdk/src/signals.h"
#include "worker_sdk/src/transport.h"
#include "worker_sdk/src/worker_core.h"

namespace baton::inline sdk {

Worker::Worker(WorkerIdentity identity) {
  internal::Transport transport =
      internal::OpenTransport(internal::ResolveAddress(identity.broker), identity.tls,
                              internal::FindAccessToken(identity.access_token, identity.access_token_file));
  identity = internal::CompleteIdentity(std::move(identity), transport.scheduler->WallNow());
  internal::WorkerParts parts;
  parts.connect = std::move(transport.connect);
  parts.scheduler = std::move(transport.scheduler);
  parts.instance_id = internal::RandomId();
  parts.seed = std::hash<std::string>()(parts.instance_id);
  core_ = std::make_shared<internal::WorkerCore>(std::move(identity), std::move(parts));
}

Worker::~Worker() { internal::ForgetSignals(core_.get()); }

absl::Status Worker::Use(const std::string& type, HandlerOptions options) {
  std::vector<Registration> one;
  one.emplace_back(type, std::move(options));
  return core_->Use(std::move(one));
}

absl::Status Worker::Use(std::vector<Registration> registrations) { return core_->Use(std::move(registrations)); }

bool Worker::Unuse(const std::string& type) { return core_->Unuse({type}) == 1; }

size_t Worker::Unuse(const std::vector<std::string>& types) { return core_->Unuse(types); }

size_t Worker::Unuse(std::initializer_list<const char*> types) {
  return core_->Unuse(std::vector<std::string>(types.begin(), types.end()));
}

absl::Status Worker::Configure(WorkerOptions options) { return core_->Configure(std::move(options)); }

absl::Status Worker::Run() { return core_->Run(); }

void Worker::Shutdown() { core_->Shutdown(); }

void Worker::ShutdownOnSignals() {
  internal::OnSignals(core_.get(), [core = std::weak_ptr<internal::WorkerCore>(core_)] {
    if (const std::shared_ptr<internal::WorkerCore> worker = core.lock()) worker->Shutdown();
  });
}

const std::string& Worker::worker_id() const { return core_->worker_id(); }

}  // namespace baton::inline sdk
