// The brokers of this process, by address.
#include <map>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "worker_sdk/src/transport.h"

namespace baton::inline sdk {
namespace internal {
namespace {

struct InProcessBrokers {
  absl::Mutex mutex;
  std::map<std::string, std::function<Transport()>> open ABSL_GUARDED_BY(mutex);
};

InProcessBrokers& Offered() {
  // Never destroyed: workers may go after main() has returned.
  static InProcessBrokers& brokers = *new InProcessBrokers;
  return brokers;
}

}  // namespace

void OfferInProcess(const std::string& address, std::function<Transport()> open) {
  absl::MutexLock lock(&Offered().mutex);
  Offered().open[address] = std::move(open);
}

void WithdrawInProcess(const std::string& address) {
  absl::MutexLock lock(&Offered().mutex);
  Offered().open.erase(address);
}

std::optional<Transport> FindInProcess(const std::string& address) {
  std::function<Transport()> open;
  {
    absl::MutexLock lock(&Offered().mutex);
    const auto found = Offered().open.find(address);
    if (found == Offered().open.end()) return std::nullopt;
    open = found->second;
  }
  return open();
}

}  // namespace internal
}  // namespace baton::inline sdk
