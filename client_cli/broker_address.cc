#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
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

absl::StatusOr<std::string> NormalizeOne(const std::string& address) {
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

absl::StatusOr<std::string> EncryptOne(const std::string& address, const TlsOptions& tls, bool always) {
  if (always && !IsEncrypted(address)) return NormalizeOne(absl::StrCat(internal::kTlsScheme, address));
  const internal::Endpoint endpoint = internal::ResolveEndpoint(address, tls);
  return endpoint.encrypted ? absl::StrCat(internal::kTlsScheme, endpoint.target) : address;
}

using ForOne = absl::FunctionRef<absl::StatusOr<std::string>(const std::string& address)>;

absl::StatusOr<std::string> ForEach(const std::string& addresses, ForOne make) {
  std::vector<std::string> made;
  for (const absl::string_view address : absl::StrSplit(addresses, ',')) {
    absl::StatusOr<std::string> one = make(std::string(absl::StripAsciiWhitespace(address)));
    if (!one.ok()) return one.status();
    made.push_back(*std::move(one));
  }
  return absl::StrJoin(made, ",");
}

}  // namespace

absl::StatusOr<std::string> NormalizeAddress(const std::string& addresses) { return ForEach(addresses, NormalizeOne); }

bool IsEncrypted(absl::string_view address) { return absl::StartsWith(address, internal::kTlsScheme); }

absl::StatusOr<std::string> EncryptAddress(const std::string& addresses, const TlsOptions& tls, bool always) {
  // As in the SDK: whoever takes over from an encrypted broker is not spoken to in the clear, but over a socket.
  bool is_encrypted = false;
  absl::StatusOr<std::string> encrypted = ForEach(addresses, [&](const std::string& address) {
    const bool is_socket = absl::StartsWith(address, "unix:");
    absl::StatusOr<std::string> one = EncryptOne(address, tls, always || (is_encrypted && !is_socket));
    is_encrypted = is_encrypted || (one.ok() && IsEncrypted(*one));
    return one;
  });
  if (!encrypted.ok() || !absl::StrContains(*encrypted, internal::kTlsScheme)) return encrypted;
  const absl::Status files = internal::ReadTls(tls).status();
  if (!files.ok()) return files;
  return encrypted;
}

}  // namespace baton::cli
