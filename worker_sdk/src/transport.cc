#include "worker_sdk/src/transport.h"

#include <utility>
#include <vector>

#include "worker_sdk/src/broker_address.h"
#include "worker_sdk/src/failover_connection.h"

namespace baton::inline sdk {
namespace internal {

Transport OpenTransport(const std::string& addresses, const TlsOptions& tls, std::shared_ptr<AccessToken> token) {
  if (std::optional<Transport> found = FindInProcess(addresses)) return *std::move(found);
  const auto connect = [list = SplitAddresses(addresses), tls,
                        token = std::move(token)]() -> std::shared_ptr<BrokerConnection> {
    std::shared_ptr<BrokerConnection> connection = MakeGrpcConnection(list[0], tls, token);
    return list.size() == 1 ? connection : MakeFailoverConnection(std::move(connection), list);
  };
  return {connect, MakeTimerThread()};
}

}  // namespace internal
}  // namespace baton::inline sdk
