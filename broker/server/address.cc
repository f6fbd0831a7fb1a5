#include "broker/server/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

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
  const char* choose;
};
constexpr Use kCalls = {"write HOST:PORT such as 127.0.0.1:7461, or unix:PATH", "choose another address with --listen"};
constexpr Use kMetrics = {"write HOST:PORT such as 127.0.0.1:7462, or nothing for no metrics",
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

struct FreeAddresses {
  void operator()(addrinfo* found) const { freeaddrinfo(found); }
};

// Every address that a listener of this host and port listens on; none if the host is unknown.
std::unique_ptr<addrinfo, FreeAddresses> Resolve(const HostPort& parsed) {
  addrinfo hints{};
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(parsed.host.c_str(), absl::StrCat(parsed.port).c_str(), &hints, &found) != 0) return nullptr;
  return std::unique_ptr<addrinfo, FreeAddresses>(found);
}

bool StaysOnThisMachine(const HostPort& parsed) {
  const auto found = Resolve(parsed);
  for (const addrinfo* one = found.get(); one != nullptr; one = one->ai_next) {
    if (!IsLoopback(*one->ai_addr)) return false;
  }
  return found != nullptr;
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

// 0, or why it cannot be listened on.
int TryBind(const addrinfo& address) {
  const int fd = socket(address.ai_family, SOCK_STREAM, 0);
  if (fd < 0) return errno;
  const auto close_fd = absl::MakeCleanup([fd] { close(fd); });
  const int one = 1;  // As gRPC does: connections of a previous broker that linger are not in the way.
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
  return bind(fd, address.ai_addr, address.ai_addrlen) == 0 && ::listen(fd, 1) == 0 ? 0 : errno;
}

// One address of a host that another process has is too much; one that this machine lacks is not.
absl::Status CheckHostPortFree(const Use& use, const std::string& listen) {
  HostPort parsed;
  if (absl::Status status = Parse(use, listen, &parsed); !status.ok()) return status;
  const auto found = Resolve(parsed);
  if (found == nullptr) return InUse(use, listen, "its host is unknown");
  int error = 0;
  bool is_any_free = false;
  for (const addrinfo* one = found.get(); one != nullptr; one = one->ai_next) {
    const int own_error = TryBind(*one);
    if (own_error == EADDRINUSE) return InUse(use, listen, std::strerror(own_error));
    if (own_error != 0) error = own_error;
    is_any_free = is_any_free || own_error == 0;
  }
  return is_any_free ? absl::OkStatus() : InUse(use, listen, std::strerror(error));
}

}  // namespace

absl::Status CheckAddress(const std::string& listen) {
  if (HostPort parsed; !absl::StartsWith(listen, kUnix)) return Parse(kCalls, listen, &parsed);
  const size_t size = listen.size() - std::strlen(kUnix);
  if (size == 0) return Malformed(kCalls, listen, "has no path");
  constexpr size_t kLongest = sizeof(sockaddr_un::sun_path) - 1;
  if (size <= kLongest) return absl::OkStatus();
  return Malformed(kCalls, listen, absl::StrCat("has a path of ", size, " bytes, the system allows ", kLongest));
}

absl::Status CheckMetricsAddress(const std::string& address) {
  if (address.empty()) return absl::OkStatus();
  if (absl::StartsWith(address, kUnix)) return Malformed(kMetrics, address, "is no address for HTTP");
  HostPort parsed;
  if (absl::Status status = Parse(kMetrics, address, &parsed); !status.ok()) return status;
  if (StaysOnThisMachine(parsed)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("is '", address,
                   "', which can be reached from other machines, and everybody there could read metrics: they have "
                   "neither encryption nor access control. Listen on 127.0.0.1 or [::1], and let a proxy with "
                   "authentication, or a Prometheus agent on this machine, stand before it"));
}

bool ReachesFurther(const std::string& listen) {
  HostPort parsed;
  return !absl::StartsWith(listen, kUnix) && Parse(kCalls, listen, &parsed).ok() && !StaysOnThisMachine(parsed);
}

bool IsLoopback(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    return ntohl(reinterpret_cast<const sockaddr_in&>(address).sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
  }
  if (address.sa_family != AF_INET6) return false;
  const in6_addr& v6 = reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
  return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == IN_LOOPBACKNET);
}

absl::Status CheckAddressFree(const std::string& listen) {
  return absl::StartsWith(listen, kUnix) ? CheckUnixFree(listen) : CheckHostPortFree(kCalls, listen);
}

absl::Status CheckMetricsAddressFree(const std::string& address) {
  return address.empty() ? absl::OkStatus() : CheckHostPortFree(kMetrics, address);
}

}  // namespace baton::server
