#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "client_cli/broker_client.h"
#include "worker_sdk/src/tls_files.h"

namespace baton::cli {
namespace {

constexpr char kDefaultPort[] = ":7461";

bool HasPort(absl::string_view host) {
  size_t bracket = host.rfind(']');
  return host.find(':', bracket == absl::string_view::npos ? 0 : bracket) != absl::string_view::npos;
}

}  // namespace

absl::StatusOr<std::string> NormalizeAddress(const std::string& address) {
  bool is_socket = absl::StartsWith(address, "unix:");
  absl::string_view host = absl::StripPrefix(address, internal::kTlsScheme);
  bool is_url = !is_socket && absl::StrContains(host, "/");
  bool is_encrypted_socket = IsEncrypted(address) && absl::StartsWith(host, "unix:");
  if (host.empty() || is_url || is_encrypted_socket || address == "unix:" ||
      address.find_first_of(" \t\r\n") != std::string::npos) {
    return absl::InvalidArgumentError(absl::StrCat("broker address: \"", address,
                                                   "\" cannot be used; write HOST:PORT (for example ", kDefaultAddress,
                                                   "), tls://HOST:PORT or unix:PATH in --broker or BATON_BROKER"));
  }
  return is_socket || HasPort(host) ? address : absl::StrCat(address, kDefaultPort);
}

bool IsEncrypted(absl::string_view address) { return absl::StartsWith(address, internal::kTlsScheme); }

absl::StatusOr<std::string> EncryptAddress(const std::string& address, const TlsOptions& tls) {
  internal::Endpoint endpoint = internal::ResolveEndpoint(address, tls);
  if (!endpoint.encrypted) return address;
  if (absl::Status status = internal::ReadTls(tls).status(); !status.ok()) return status;
  return absl::StrCat(internal::kTlsScheme, endpoint.target);
}

}  // namespace baton::cli
