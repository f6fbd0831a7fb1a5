#ifndef BATON_BROKER_SERVER_METRICS_ENDPOINT_H_
#define BATON_BROKER_SERVER_METRICS_ENDPOINT_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "broker/server/metrics/pages.h"

namespace baton::server {

// Serves pages over HTTP, on a few threads of its own, so that neither a slow scraper nor a slow broker holds up the
// other. A request that takes longer than 10 s to come in is dropped.
class MetricsEndpoint {
 public:
  // Listens on `address`, which has passed CheckMetricsAddress and is not empty. `pages` must outlive the endpoint.
  // Errors: UNAVAILABLE, naming the address and the reason that the system gives.
  static absl::StatusOr<std::unique_ptr<MetricsEndpoint>> Start(const std::string& address, const Pages* pages);
  // Waits for requests under way.
  virtual ~MetricsEndpoint() = default;

  // With the port that was picked.
  virtual const std::string& address() const = 0;
};

}  // namespace baton::server

#endif  // BATON_BROKER_SERVER_METRICS_ENDPOINT_H_
