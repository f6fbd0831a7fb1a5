// Where workers and clients get their connection and their clock from.
#ifndef BATON_WORKER_SDK_TRANSPORT_H_
#define BATON_WORKER_SDK_TRANSPORT_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "baton/tls.h"
#include "worker_sdk/src/broker_connection.h"
#include "worker_sdk/src/scheduler.h"

namespace baton::inline sdk {
namespace internal {

struct Transport {
  // Called once.
  std::function<std::shared_ptr<BrokerConnection>()> connect;
  std::shared_ptr<Scheduler> scheduler;
};

// Of a broker in this process if there is one of this address, else over gRPC and with the clocks of the machine.
// `addresses`: as ResolveAddress returns them. `tls`: as in WorkerIdentity, and `token`, which may be
// null, for all of them.
Transport OpenTransport(const std::string& addresses, const TlsOptions& tls, std::shared_ptr<AccessToken> token);

// Addresses of brokers in this process begin so. Those of the test kit are offered here. Thread-safe.
inline constexpr char kInProcessPrefix[] = "in-process:";
void OfferInProcess(const std::string& address, std::function<Transport()> open);
void WithdrawInProcess(const std::string& address);
std::optional<Transport> FindInProcess(const std::string& address);

}  // namespace internal
}  // namespace baton::inline sdk

#endif  // BATON_WORKER_SDK_TRANSPORT_H_
