#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client_cli/broker_client.h"
#include "worker_sdk/src/broker_address.h"
#include "worker_sdk/src/tls_files.h"

namespace baton::cli {
namespace {

absl::StatusOr<std::string> EncryptOne(const std::string& address, const TlsOptions& tls, bool always) {
  if (always && !IsEncrypted(address)) return NormalizeAddress(absl::StrCat(internal::kTlsScheme, address));
  const internal::Endpoint endpoint = internal::ResolveEndpoint(address, tls);
  return endpoint.encrypted ? absl::StrCat(internal::kTlsScheme, endpoint.target) : address;
}

}  // namespace

absl::StatusOr<std::string> NormalizeAddress(const std::string& addresses) {
  return internal::NormalizeAddresses(addresses, "--broker or BATON_BROKER");
}

bool IsEncrypted(absl::string_view address) { return absl::StartsWith(address, internal::kTlsScheme); }

absl::StatusOr<std::string> EncryptAddress(const std::string& addresses, const TlsOptions& tls, bool always) {
  // As in the SDK: whoever takes over from an encrypted broker is not spoken to in the clear, but over a socket.
  std::vector<std::string> made;
  bool is_encrypted = false;
  for (const std::string& address : internal::SplitAddresses(addresses)) {
    const bool is_socket = absl::StartsWith(address, "unix:");
    absl::StatusOr<std::string> one = EncryptOne(address, tls, always || (is_encrypted && !is_socket));
    if (!one.ok()) return one.status();
    is_encrypted = is_encrypted || IsEncrypted(*one);
    made.push_back(*std::move(one));
  }
  if (is_encrypted) {
    const absl::Status files = internal::ReadTls(tls).status();
    if (!files.ok()) return files;
  }
  return absl::StrJoin(made, ",");
}

}  // namespace baton::cli
