#ifndef BATON_WORKER_SDK_FAILOVER_CONNECTION_H_
#define BATON_WORKER_SDK_FAILOVER_CONNECTION_H_

#include <memory>
#include <string>
#include <vector>

#include "worker_sdk/src/broker_connection.h"

namespace baton::inline sdk {
namespace internal {

// One way to the first of several brokers that answers. `connection` is at the first of `addresses`, of which there are
// at least two. It stays there until a call or a stream fails with UNAVAILABLE, for another reason than
// kAccessTokenReplaced: the broker cannot be reached, drains or stops. Then it goes to the next one, after the last to
// the first, and uses each as it is written. The call that failed is not repeated: whoever made it does that, with
// backoff, as ever. Calls never wait for a broker that is not there (CallOptions::wait_for_ready).
std::shared_ptr<BrokerConnection> MakeFailoverConnection(std::shared_ptr<BrokerConnection> connection,
                                                         std::vector<std::string> addresses);

}  // namespace internal
}  // namespace baton::inline sdk

#endif  // BATON_WORKER_SDK_FAILOVER_CONNECTION_H_
