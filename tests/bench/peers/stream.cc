#include "tests/bench/peers/stream.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/peers/trouble.h"

namespace baton::peers {
namespace {

constexpr size_t kChunkBytes = 128 * 1024;

}  // namespace

Stream::Stream(int port) : descriptor_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), chunk_(kChunkBytes, '\0') {
  if (descriptor_ < 0) FailWithErrno("socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    FailWithErrno("connecting to port " + std::to_string(port));
  }
  const int on = 1;
  setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

Stream::~Stream() { close(descriptor_); }

void Stream::Flush() {
  size_t sent = 0;
  while (sent < output_.size()) {
    const ssize_t count = send(descriptor_, output_.data() + sent, output_.size() - sent, MSG_NOSIGNAL);
    if (count < 0) FailWithErrno("sending to the server");
    sent += static_cast<size_t>(count);
  }
  output_.clear();
}

std::string_view Stream::ReadLine() {
  size_t end = 0;
  size_t searched = 0;
  while ((end = input_.find('\n', position_ + searched)) == std::string::npos) {
    searched = input_.size() - position_;
    Receive();
  }
  std::string_view line = std::string_view(input_).substr(position_, end - position_);
  position_ = end + 1;
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

std::string_view Stream::Read(size_t count) {
  while (input_.size() - position_ < count) Receive();
  const std::string_view bytes = std::string_view(input_).substr(position_, count);
  position_ += count;
  return bytes;
}

bool Stream::AwaitInput(int milliseconds) const {
  if (has_input()) return true;
  pollfd waiting{descriptor_, POLLIN, 0};
  return poll(&waiting, 1, milliseconds) > 0;
}

void Stream::Receive() {
  input_.erase(0, position_);
  position_ = 0;
  const ssize_t count = recv(descriptor_, chunk_.data(), chunk_.size(), 0);
  if (count < 0) FailWithErrno("receiving from the server");
  if (count == 0) Fail("the server closed the connection");
  input_.append(chunk_, 0, static_cast<size_t>(count));
}

}  // namespace baton::peers
