#include "broker/server/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace baton::server {
namespace {

constexpr char kUnix[] = "unix:";

// What messages say of the address of calls, and of that of metrics.
struct Use {
  const char* spelling;
  const char* exposed;
  const char* choose;
};
constexpr Use kCalls = {"write HOST:PORT such as 127.0.0.1:7461, or unix:PATH",
                        "could run and read tasks: listen on 127.0.0.1, [::1] or unix:PATH, and let a proxy with "
                        "authentication, or an SSH tunnel, stand before it",
                        "choose another address with --listen"};
constexpr Use kMetrics = {"write HOST:PORT such as 127.0.0.1:7462, or nothing for no metrics",
                          "could read metrics: listen on 127.0.0.1 or [::1], and let a proxy with authentication, or a "
                          "Prometheus agent on this machine, stand before it",
                          "choose another metrics.address"};

struct HostPort {
  std::string host;
  int port = 0;
};

absl::Status Malformed(const Use& use, const std::string& listen, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("is '", listen, "', which ", why, ": ", use.spelling));
}

absl::Status Parse(const Use& use, const std::string& listen, HostPort* parsed) {
  const size_t colon = listen.rfind(':');
  if (colon == std::string::npos) return Malformed(use, listen, "has no port");
  parsed->host = listen.substr(0, colon);
  if (absl::StartsWith(parsed->host, "[") && absl::EndsWith(parsed->host, "]")) {
    parsed->host = parsed->host.substr(1, parsed->host.size() - 2);
  }
  if (parsed->host.empty()) return Malformed(use, listen, "has no host");
  if (!absl::SimpleAtoi(listen.substr(colon + 1), &parsed->port) || parsed->port < 0 || parsed->port > 65535) {
    return Malformed(use, listen, "has a port that is not a number from 0 to 65535");
  }
  return absl::OkStatus();
}

bool IsLoopback(const std::string& host) {
  in_addr v4;
  in6_addr v6;
  if (host == "localhost") return true;
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24 == 127;
  return inet_pton(AF_INET6, host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

absl::Status InUse(const Use& use, const std::string& listen, const std::string& why) {
  return absl::UnavailableError(
      absl::StrCat("cannot listen on ", listen, ": ", why, ": stop the other process, or ", use.choose));
}

// gRPC removes a socket file that is in its way, also one that a live process serves: ask it first.
absl::Status CheckUnixFree(const std::string& listen) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, listen.c_str() + std::strlen(kUnix), sizeof(address.sun_path) - 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  const auto close_fd = absl::MakeCleanup([fd] { close(fd); });
  const bool answered = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  return answered ? InUse(kCalls, listen, "another process serves this socket") : absl::OkStatus();
}

absl::Status TryBind(const Use& use, const std::string& listen, const sockaddr* address, socklen_t size) {
  const int fd = socket(address->sa_family, SOCK_STREAM, 0);
  const auto close_fd = absl::MakeCleanup([fd] { close(fd); });
  const int one = 1;  // As gRPC does: connections of a previous broker that linger are not in the way.
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
  if (bind(fd, address, size) != 0 || ::listen(fd, 1) != 0) {
    return InUse(use, listen, std::strerror(errno));
  }
  return absl::OkStatus();
}

absl::Status CheckHostPort(const Use& use, const std::string& listen) {
  HostPort parsed;
  if (absl::Status status = Parse(use, listen, &parsed); !status.ok()) return status;
  if (IsLoopback(parsed.host)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("is '", listen,
                   "', which can be reached from other machines, and this broker has no TLS and no access tokens yet, "
                   "so everybody there ",
                   use.exposed));
}

absl::Status CheckHostPortFree(const Use& use, const std::string& listen) {
  HostPort parsed;
  if (absl::Status status = Parse(use, listen, &parsed); !status.ok()) return status;
  if (parsed.port == 0) return absl::OkStatus();
  const uint16_t port = htons(static_cast<uint16_t>(parsed.port));
  sockaddr_in6 v6{.sin6_family = AF_INET6, .sin6_port = port};
  if (inet_pton(AF_INET6, parsed.host.c_str(), &v6.sin6_addr) == 1) {
    return TryBind(use, listen, reinterpret_cast<const sockaddr*>(&v6), sizeof(v6));
  }
  sockaddr_in v4{.sin_family = AF_INET, .sin_port = port};
  v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);  // What localhost means.
  inet_pton(AF_INET, parsed.host.c_str(), &v4.sin_addr);
  return TryBind(use, listen, reinterpret_cast<const sockaddr*>(&v4), sizeof(v4));
}

}  // namespace

absl::Status CheckAddress(const std::string& listen) {
  if (!absl::StartsWith(listen, kUnix)) return CheckHostPort(kCalls, listen);
  const size_t size = listen.size() - std::strlen(kUnix);
  if (size == 0) return Malformed(kCalls, listen, "has no path");
  constexpr size_t kLongest = sizeof(sockaddr_un::sun_path) - 1;
  if (size <= kLongest) return absl::OkStatus();
  return Malformed(kCalls, listen, absl::StrCat("has a path of ", size, " bytes, the system allows ", kLongest));
}

absl::Status CheckMetricsAddress(const std::string& address) {
  if (address.empty()) return absl::OkStatus();
  if (absl::StartsWith(address, kUnix)) return Malformed(kMetrics, address, "is no address for HTTP");
  return CheckHostPort(kMetrics, address);
}

absl::Status CheckAddressFree(const std::string& listen) {
  return absl::StartsWith(listen, kUnix) ? CheckUnixFree(listen) : CheckHostPortFree(kCalls, listen);
}

absl::Status CheckMetricsAddressFree(const std::string& address) {
  return address.empty() ? absl::OkStatus() : CheckHostPortFree(kMetrics, address);
}

}  // namespace baton::server
