#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "client_cli/broker_client.h"

namespace baton::cli {
namespace {

constexpr char kDefaultPort[] = ":7461";

bool HasPort(absl::string_view host) {
  size_t bracket = host.rfind(']');
  return host.find(':', bracket == absl::string_view::npos ? 0 : bracket) != absl::string_view::npos;
}

absl::StatusOr<std::string> NormalizeOne(const std::string& address) {
  bool is_socket = absl::StartsWith(address, "unix:");
  bool is_url = !is_socket && absl::StrContains(address, "/");
  if (address.empty() || is_url || address == "unix:" || address.find_first_of(" \t\r\n") != std::string::npos) {
    return absl::InvalidArgumentError(absl::StrCat("broker address: \"", address,
                                                   "\" cannot be used; write HOST:PORT (for example ", kDefaultAddress,
                                                   ") or unix:PATH in --broker or BATON_BROKER"));
  }
  return is_socket || HasPort(address) ? address : absl::StrCat(address, kDefaultPort);
}

}  // namespace

absl::StatusOr<std::string> NormalizeAddress(const std::string& addresses) {
  std::vector<std::string> normal;
  for (const absl::string_view address : absl::StrSplit(addresses, ',')) {
    absl::StatusOr<std::string> one = NormalizeOne(std::string(absl::StripAsciiWhitespace(address)));
    if (!one.ok()) return one.status();
    normal.push_back(*std::move(one));
  }
  return absl::StrJoin(normal, ",");
}

}  // namespace baton::cli
