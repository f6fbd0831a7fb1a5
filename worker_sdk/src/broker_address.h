// Where a broker is, as people write it: the same for the library and the command line. No gRPC.
#ifndef BATON_WORKER_SDK_BROKER_ADDRESS_H_
#define BATON_WORKER_SDK_BROKER_ADDRESS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace baton::inline sdk {
namespace internal {

// Where a broker listens that nobody has told otherwise.
inline constexpr char kDefaultAddress[] = "127.0.0.1:7461";

// "host1:port,host2:port": the addresses, without blanks around them; at least one, which may be empty.
std::vector<std::string> SplitAddresses(const std::string& addresses);

// One address or several with commas between them, each as it is connected to: "host:port", "tls://host:port" or
// "unix:/path", an IPv6 host in brackets. Where no port is, 7461 is filled in; behind an address with tls:// all but
// sockets have it too. What is normal already stays as it is. INVALID_ARGUMENT: the address, what is wrong with it, and
// how to write it in `places`, e.g. "--broker".
absl::StatusOr<std::string> NormalizeAddresses(const std::string& addresses, absl::string_view places);

// `configured`, or the environment's BATON_BROKER, or kDefaultAddress; normal, but for that of a broker in this
// process, which has a name only. Errors: as NormalizeAddresses, naming the option and the variable.
absl::StatusOr<std::string> FindAddresses(const std::string& configured);

}  // namespace internal
}  // namespace baton::inline sdk

#endif  // BATON_WORKER_SDK_BROKER_ADDRESS_H_
