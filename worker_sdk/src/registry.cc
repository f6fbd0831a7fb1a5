#include "worker_sdk/src/registry.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "worker_sdk/src/convert.h"
#include "worker_sdk/src/sdk_limits.h"
#include "worker_sdk/src/validate.h"

namespace baton::inline sdk {
namespace internal {

absl::Status Registry::Check(const std::vector<Registration>& registrations) const {
  std::set<std::string> types;
  size_t added = 0;
  for (const Registration& registration : registrations) {
    if (absl::Status status = ValidateRegistration(registration); !status.ok()) return status;
    if (!types.insert(registration.type).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("handler '", registration.type, "' is given twice in one call: remove one"));
    }
    added += 1 - handlers_.count(registration.type);
  }
  if (handlers_.size() + added > kHandlers) {
    return absl::InvalidArgumentError(absl::StrCat("handlers: ", handlers_.size() + added, " types; at most ",
                                                   kHandlers, " are allowed: spread them over several workers"));
  }
  return absl::OkStatus();
}

absl::Status Registry::Use(std::vector<Registration> registrations) {
  // Destroyed without the lock: what handlers hold may call back, or take its time.
  std::vector<std::shared_ptr<const RegisteredHandler>> replaced;
  absl::MutexLock lock(&mutex_);
  if (absl::Status status = Check(registrations); !status.ok()) {
    for (const Registration& registration : registrations) refused_.emplace(registration.type, status);
    return status;
  }
  for (Registration& registration : registrations) {
    auto handler = std::make_shared<RegisteredHandler>();
    handler->options = std::move(registration.options);
    handler->version = ++versions_[registration.type];
    refused_.erase(registration.type);
    replaced.push_back(std::exchange(handlers_[registration.type], std::move(handler)));
  }
  return absl::OkStatus();
}

std::vector<std::string> Registry::Unuse(const std::vector<std::string>& types) {
  std::vector<std::string> removed;
  // As in Use().
  std::vector<std::shared_ptr<const RegisteredHandler>> given_up;
  absl::MutexLock lock(&mutex_);
  for (const std::string& type : types) {
    refused_.erase(type);
    const auto found = handlers_.find(type);
    if (found == handlers_.end()) continue;
    given_up.push_back(std::move(found->second));
    handlers_.erase(found);
    removed.push_back(type);
  }
  return removed;
}

absl::Status Registry::Configure(WorkerOptions options) {
  absl::Status status = ValidateWorkerOptions(options);
  absl::MutexLock lock(&mutex_);
  refused_options_ = status;
  if (status.ok()) options_ = std::move(options);
  return status;
}

absl::Status Registry::refusal() const {
  absl::MutexLock lock(&mutex_);
  if (!refused_.empty()) return refused_.begin()->second;
  return refused_options_;
}

std::shared_ptr<const RegisteredHandler> Registry::Find(const std::string& type) const {
  absl::MutexLock lock(&mutex_);
  const auto found = handlers_.find(type);
  return found == handlers_.end() ? nullptr : found->second;
}

bool Registry::IsCurrent(const std::string& type, const RegisteredHandler* handler) const {
  absl::MutexLock lock(&mutex_);
  const auto found = handlers_.find(type);
  return (found == handlers_.end() ? nullptr : found->second.get()) == handler;
}

WorkerOptions Registry::options() const {
  absl::MutexLock lock(&mutex_);
  return options_;
}

size_t Registry::size() const {
  absl::MutexLock lock(&mutex_);
  return handlers_.size();
}

v1::WorkerUpdate Registry::Describe() const {
  v1::WorkerUpdate update;
  absl::MutexLock lock(&mutex_);
  update.mutable_capabilities()->Assign(options_.capabilities.begin(), options_.capabilities.end());
  for (const auto& [type, handler] : handlers_) {
    v1::Handler* proto = update.add_handlers();
    proto->set_type(type);
    ToProto(handler->options.options, proto->mutable_options());
    proto->set_description(handler->options.description);
    proto->set_version(handler->version);
    proto->set_max_concurrency(handler->options.max_concurrency.value_or(0));
  }
  update.set_slots(options_.max_concurrency + options_.prefetch);
  ToProto(options_.retry, update.mutable_default_options());
  return update;
}

}  // namespace internal
}  // namespace baton::inline sdk
