// Where a broker listens: "HOST:PORT" or "unix:PATH".
#ifndef BATON_BROKER_SERVER_ADDRESS_H_
#define BATON_BROKER_SERVER_ADDRESS_H_

#include <sys/socket.h>

#include <string>

#include "absl/status/status.h"

namespace baton::server {

// INVALID_ARGUMENT (to follow the name of the setting) if it is badly spelt.
absl::Status CheckAddress(const std::string& listen);

// Whether other machines may reach what listens there: a host, all names resolved, with an address that is not of the
// loopback, or one that is unknown at the moment. False for a socket file.
bool ReachesFurther(const std::string& listen);
bool IsLoopback(const sockaddr& address);

// Where metrics are served: "HOST:PORT", or empty for nowhere. INVALID_ARGUMENT as above, also if other machines may
// reach it.
absl::Status CheckMetricsAddress(const std::string& address);

// UNAVAILABLE if another process listens there, or this one may not; with the reason the system gives. The address must
// have passed CheckAddress.
absl::Status CheckAddressFree(const std::string& listen);
absl::Status CheckMetricsAddressFree(const std::string& address);

}  // namespace baton::server

#endif  // BATON_BROKER_SERVER_ADDRESS_H_
