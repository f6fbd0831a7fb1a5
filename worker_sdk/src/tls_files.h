// What encrypts connections to a broker, as the library and the command line find it. No gRPC.
#ifndef BATON_WORKER_SDK_TLS_FILES_H_
#define BATON_WORKER_SDK_TLS_FILES_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "baton/tls.h"

namespace baton::inline sdk {
namespace internal {

// What begins the address of a broker with TLS.
inline constexpr char kTlsScheme[] = "tls://";

// What is not set is taken from the environment, certificate and key together.
TlsOptions CompleteTls(TlsOptions tls);

struct Endpoint {
  // "host:port" or "unix:/path".
  std::string target;
  bool encrypted = false;
};
// Of an address as people write it; `tls` is complete.
Endpoint ResolveEndpoint(const std::string& address, const TlsOptions& tls);

// What the files hold, as PEM; empty where none is named.
struct TlsMaterial {
  std::string ca;
  std::string certificate;
  std::string key;
  bool operator==(const TlsMaterial&) const = default;
};
// `tls` is complete. INVALID_ARGUMENT naming the file, what is wrong with it, and the cure.
absl::StatusOr<TlsMaterial> ReadTls(const TlsOptions& tls);

// The errors of ReadTls, if a connection to the address is to be encrypted.
absl::Status ValidateTls(const std::string& address, const TlsOptions& tls);

// Changes when a file does; cheap.
std::string TlsStamp(const TlsOptions& tls);

// What to do about a connection that gRPC could not make, or lost, for `reason`. Empty: it has nothing to do with TLS.
std::string TlsAdvice(bool encrypted, absl::string_view reason);

}  // namespace internal
}  // namespace baton::inline sdk

#endif  // BATON_WORKER_SDK_TLS_FILES_H_
