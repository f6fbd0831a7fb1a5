// Where a broker listens: "HOST:PORT" or "unix:PATH".
#ifndef BATON_BROKER_SERVER_ADDRESS_H_
#define BATON_BROKER_SERVER_ADDRESS_H_

#include <string>

#include "absl/status/status.h"

namespace baton::server {

// INVALID_ARGUMENT (to follow the name of the setting) if it is badly spelt, or reaches further than this machine: the
// broker has neither TLS nor access tokens yet.
absl::Status CheckAddress(const std::string& listen);

// The same for where metrics are served: "HOST:PORT", or empty for nowhere.
absl::Status CheckMetricsAddress(const std::string& address);

// UNAVAILABLE if another process listens there, or this one may not; with the reason the system gives. The address must
// have passed CheckAddress.
absl::Status CheckAddressFree(const std::string& listen);
absl::Status CheckMetricsAddressFree(const std::string& address);

}  // namespace baton::server

#endif  // BATON_BROKER_SERVER_ADDRESS_H_
