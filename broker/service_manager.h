#ifndef BATON_BROKER_SERVICE_MANAGER_H_
#define BATON_BROKER_SERVICE_MANAGER_H_

#include <string>

namespace baton {

// Tells whoever set the environment's NOTIFY_SOCKET, systemd for a unit with Type=notify, how the broker stands:
// "READY=1", "STOPPING=1" and the like, one a line, as sd_notify(3) has them. Does nothing without that variable, and
// goes on with a line in the log if nobody listens: a broker serves, watched or not.
void TellServiceManager(const std::string& state);

}  // namespace baton

#endif  // BATON_BROKER_SERVICE_MANAGER_H_
