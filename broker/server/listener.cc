#include "broker/server/listener.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "broker/base/named_thread.h"
#include "broker/base/status_macros.h"
#include "broker/server/address.h"
#include "spdlog/spdlog.h"

namespace baton::server {
namespace {

// The store keeps up to 512 files open, and a backup some more. Where there are few descriptors at all, half of them.
constexpr rlim_t kOwnDescriptors = 640;
// Connections taken from one socket before the others get their turn.
constexpr int kTurn = 64;
// When the system has no descriptor, or no memory, for what waits.
constexpr int kRetryMilliseconds = 100;
// One line in the log for the first connection refused, and for each so many after it.
constexpr uint64_t kRefusalsPerWarning = 1000;

absl::Status CannotListen(absl::string_view listen, absl::string_view why) {
  return absl::UnavailableError(absl::StrCat("cannot listen on ", listen, ": ", why));
}

const char* PathIn(const sockaddr* address) { return reinterpret_cast<const sockaddr_un*>(address)->sun_path; }

int OpenSocket(int family) { return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }

// -1, with errno, if it cannot be done. `mode`: of the file that this makes, if it makes one.
int ListenOn(const sockaddr* address, socklen_t size, mode_t mode = 0) {
  const int fd = OpenSocket(address->sa_family);
  if (fd < 0) return -1;
  const int one = 1;  // Connections of a previous broker that linger are not in the way.
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
  // Nobody can connect before it listens, so nobody can with other permissions than these.
  const bool is_bound = bind(fd, address, size) == 0 && (mode == 0 || chmod(PathIn(address), mode) == 0);
  if (is_bound && listen(fd, SOMAXCONN) == 0) return fd;
  const int error = errno;
  close(fd);
  errno = error;
  return -1;
}

int PortOf(int fd) {
  sockaddr_in6 address{};
  socklen_t size = sizeof(address);
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin6_port);  // In the same place for both families.
}

int OpenSpare() { return open("/dev/null", O_RDONLY | O_CLOEXEC); }

}  // namespace

Listener::Listener(const Options& options)
    : options_(options), address_(options.listen), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), spare_(OpenSpare()) {}

Listener::~Listener() {
  Stop();
  close(wake_);
  close(spare_);
}

absl::StatusOr<std::unique_ptr<Listener>> Listener::Bind(const Options& options) {
  std::unique_ptr<Listener> listener(new Listener(options));  // Not make_unique: it is private.
  const std::string& listen = options.listen;
  absl::string_view path = listen;
  if (absl::ConsumePrefix(&path, "unix:")) {
    RETURN_IF_ERROR(listener->BindPath(std::string(path)));
    return listener;
  }
  const size_t colon = listen.rfind(':');
  if (colon == std::string::npos) return CannotListen(listen, "it has no port: write HOST:PORT or unix:PATH");
  absl::string_view host = absl::string_view(listen).substr(0, colon);
  if (absl::ConsumePrefix(&host, "[")) host = absl::StripSuffix(host, "]");
  RETURN_IF_ERROR(listener->BindHost(std::string(host), listen.substr(colon + 1)));
  listener->address_ = absl::StrCat(listen.substr(0, colon), ":", PortOf(listener->listening_.front()));
  return listener;
}

absl::Status Listener::BindPath(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return CannotListen(address_, "the path is too long");
  std::copy(path.begin(), path.end(), address.sun_path);
  struct stat found {};
  if (stat(path.c_str(), &found) == 0 && S_ISSOCK(found.st_mode)) unlink(path.c_str());
  const int fd = ListenOn(reinterpret_cast<const sockaddr*>(&address), sizeof(address), options_.socket_mode);
  if (fd < 0) return CannotListen(address_, std::strerror(errno));
  path_ = path;
  listening_.push_back(fd);
  return absl::OkStatus();
}

absl::Status Listener::BindHost(const std::string& host, const std::string& port) {
  addrinfo hints{};
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(host.c_str(), port.c_str(), &hints, &found); error != 0) {
    return CannotListen(address_, gai_strerror(error));
  }
  const auto free_found = absl::MakeCleanup([found] { freeaddrinfo(found); });
  std::string why;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    // A name may have got another meaning since the settings were checked.
    if (!options_.may_reach_further && !IsLoopback(*one->ai_addr)) {
      return CannotListen(address_, "its host has an address that other machines reach");
    }
    // The port that was picked for the first address is the one of them all.
    if (!listening_.empty()) {
      reinterpret_cast<sockaddr_in6*>(one->ai_addr)->sin6_port = htons(static_cast<uint16_t>(PortOf(listening_[0])));
    }
    const int fd = ListenOn(one->ai_addr, one->ai_addrlen);
    if (fd >= 0) {
      listening_.push_back(fd);
    } else {
      why = std::strerror(errno);
    }
  }
  return listening_.empty() ? CannotListen(address_, why) : absl::OkStatus();
}

void Listener::Start(Take take) {
  take_ = std::move(take);
  thread_ = NamedThread("listener", [this] { Run(); });
}

void Listener::Stop() {
  if (thread_.joinable()) {
    eventfd_write(wake_, 1);
    thread_.join();
  }
  for (const int fd : std::exchange(listening_, {})) close(fd);
  if (!path_.empty()) unlink(std::exchange(path_, {}).c_str());
}

void Listener::Run() {
  bool may_accept = true;
  while (true) {
    std::vector<pollfd> polled = {{wake_, POLLIN, 0}};
    if (may_accept) {
      for (const int fd : listening_) polled.push_back({fd, POLLIN, 0});
    }
    poll(polled.data(), polled.size(), may_accept ? -1 : kRetryMilliseconds);
    if (polled[0].revents != 0) return;
    may_accept = true;
    for (size_t i = 1; i < polled.size(); ++i) {
      if (polled[i].revents != 0 && !AcceptFrom(polled[i].fd)) may_accept = false;
    }
  }
}

bool Listener::AcceptFrom(int listening) {
  for (int i = 0; i < kTurn; ++i) {
    const int connection = accept4(listening, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (connection < 0) {
      if (errno == EAGAIN || errno == EWOULDBLOCK) return true;
      if (errno == EMFILE || errno == ENFILE) return AcceptToClose(listening);
      if (errno == ENOMEM || errno == ENOBUFS) return false;
      continue;  // The client has gone before it was accepted.
    }
    if (!MayTake(connection)) {
      close(connection);
      Refused();
      continue;
    }
    const int one = 1;  // No effect on a path.
    setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    take_(listening, connection);
  }
  return true;
}

bool Listener::AcceptToClose(int listening) {
  if (spare_ < 0) spare_ = OpenSpare();
  if (spare_ < 0) return false;
  close(spare_);
  const int connection = accept4(listening, nullptr, nullptr, SOCK_CLOEXEC);
  if (connection >= 0) close(connection);
  spare_ = OpenSpare();
  Refused();
  return connection >= 0;
}

// The system gives the lowest number that is free: as many descriptors are in use, at least.
bool Listener::MayTake(int connection) const {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const rlim_t own = std::min(kOwnDescriptors, limit.rlim_cur / 2);
  const auto number = static_cast<rlim_t>(connection);
  return number < limit.rlim_cur - own && number < static_cast<rlim_t>(options_.connections) + own;
}

void Listener::Refused() {
  if (refused_++ % kRefusalsPerWarning != 0) return;
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  spdlog::warn(
      "too many connections: {} refused so far. Close some, raise server.max_connections ({}), or the limit of open "
      "files ({})",
      refused_, options_.connections, limit.rlim_cur);
}

}  // namespace baton::server
