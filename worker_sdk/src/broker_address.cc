#include "worker_sdk/src/broker_address.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "worker_sdk/src/tls_files.h"
#include "worker_sdk/src/transport.h"

namespace baton::inline sdk {
namespace internal {
namespace {

constexpr char kDefaultPort[] = ":7461";
constexpr char kUnixScheme[] = "unix:";

// Of the colon before the port; npos: there is no port.
size_t PortColon(absl::string_view host) {
  const size_t bracket = host.rfind(']');
  return host.find(':', bracket == absl::string_view::npos ? 0 : bracket);
}

bool IsPort(absl::string_view text) {
  uint32_t port = 0;
  return text.find_first_not_of("0123456789") == absl::string_view::npos && absl::SimpleAtoi(text, &port) &&
         port >= 1 && port <= 65535;
}

// What is wrong with "host", "host:port" or "[host]:port"; empty: nothing.
std::string HostFault(absl::string_view host) {
  const size_t colon = PortColon(host);
  const absl::string_view name = host.substr(0, colon);
  const bool has_port = colon != absl::string_view::npos;
  if (has_port && host.find(':', colon + 1) != absl::string_view::npos) {
    return "an IPv6 address needs brackets around it";
  }
  if (name.empty()) return "the host is missing";
  const bool is_bracketed = absl::StartsWith(name, "[") && absl::EndsWith(name, "]");
  if (!is_bracketed && name.find_first_of("[]") != absl::string_view::npos) return "the brackets do not fit";
  return has_port && !IsPort(host.substr(colon + 1)) ? "the port is no number from 1 to 65535" : "";
}

// What is wrong with an address; empty: nothing.
std::string FaultOf(absl::string_view address) {
  if (address.empty()) return "it is empty";
  if (address.find_first_of(" \t\r\n") != absl::string_view::npos) return "it has blanks in it";
  if (address == kUnixScheme) return "the path is missing";
  if (absl::StartsWith(address, kUnixScheme)) return "";
  const absl::string_view host = absl::StripPrefix(address, kTlsScheme);
  if (absl::StartsWith(host, kUnixScheme)) return "what goes through a Unix socket is not encrypted";
  if (absl::StrContains(host, "/")) return "it is a URL or a path";
  return HostFault(host);
}

// Of an address without a fault.
std::string NormalAddress(absl::string_view address, bool encrypted) {
  if (absl::StartsWith(address, kUnixScheme)) return std::string(address);
  const absl::string_view host = absl::StripPrefix(address, kTlsScheme);
  const bool has_port = PortColon(host) != absl::string_view::npos;
  return absl::StrCat(encrypted ? kTlsScheme : "", host, has_port ? "" : kDefaultPort);
}

}  // namespace

std::vector<std::string> SplitAddresses(const std::string& addresses) {
  std::vector<std::string> list;
  for (const absl::string_view address : absl::StrSplit(addresses, ',')) {
    list.emplace_back(absl::StripAsciiWhitespace(address));
  }
  return list;
}

absl::StatusOr<std::string> NormalizeAddresses(const std::string& addresses, absl::string_view places) {
  std::vector<std::string> list = SplitAddresses(addresses);
  bool encrypted = false;
  for (size_t i = 0; i < list.size(); ++i) {
    std::string fault = FaultOf(list[i]);
    if (fault.empty()) {
      // Whoever takes over from an encrypted broker is not spoken to in the clear.
      encrypted = encrypted || absl::StartsWith(list[i], kTlsScheme);
      list[i] = NormalAddress(list[i], encrypted);
      continue;
    }
    if (list[i].empty() && list.size() > 1) {
      fault = absl::StrCat("address ", i + 1, " of ", list.size(), " in '", addresses, "' is empty");
    }
    return absl::InvalidArgumentError(absl::StrCat("broker address: \"", list[i], "\" cannot be used: ", fault,
                                                   "; write HOST:PORT (for example ", kDefaultAddress,
                                                   "), tls://HOST:PORT or unix:PATH in ", places));
  }
  return absl::StrJoin(list, ",");
}

absl::StatusOr<std::string> FindAddresses(const std::string& configured) {
  const char* environment = std::getenv("BATON_BROKER");
  std::string addresses = configured;
  if (addresses.empty() && environment != nullptr) addresses = environment;
  if (addresses.empty()) addresses = kDefaultAddress;
  if (absl::StartsWith(addresses, kInProcessPrefix)) return addresses;
  return NormalizeAddresses(addresses, "the option broker or in BATON_BROKER");
}

}  // namespace internal
}  // namespace baton::inline sdk
