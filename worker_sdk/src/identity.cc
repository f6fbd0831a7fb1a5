#include <unistd.h>

#include <random>
#include <string>
#include <utility>

#include "absl/strings/str_format.h"
#include "worker_sdk/src/broker_address.h"
#include "worker_sdk/src/broker_connection.h"
#include "worker_sdk/src/text.h"
#include "worker_sdk/src/worker_core.h"

namespace baton::inline sdk {
namespace internal {
namespace {

// The host's name as far as it is legal in a worker id.
std::string HostName() {
  char buffer[65] = {};
  if (gethostname(buffer, sizeof(buffer) - 1) != 0) return "worker";
  std::string name(buffer);
  for (char& c : name) {
    if (!IsName(std::string(1, c), 1)) c = '-';
  }
  return name.empty() ? "worker" : name;
}

}  // namespace

std::string RandomId() {
  std::random_device random;
  return absl::StrFormat("%08x%08x%08x%08x", random(), random(), random(), random());
}

std::string ResolveAddress(const std::string& configured) {
  return FindAddresses(configured).value_or(kDefaultAddress);
}

WorkerIdentity CompleteIdentity(WorkerIdentity identity, int64_t wall_now) {
  identity.broker = FindAddresses(identity.broker).value_or(identity.broker);
  if (identity.worker_id.empty()) identity.worker_id = HostName() + "-" + RandomId().substr(0, 8);
  if (identity.pod_generation == 0) identity.pod_generation = static_cast<uint64_t>(wall_now);
  return identity;
}

}  // namespace internal
}  // namespace baton::inline sdk
