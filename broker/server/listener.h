#ifndef BATON_BROKER_SERVER_LISTENER_H_
#define BATON_BROKER_SERVER_LISTENER_H_

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"

namespace baton::server {

// Accepts connections for gRPC, whose own listener never accepts again once the process ran out of descriptors.
//
//   ASSIGN_OR_RETURN(listener, Listener::Bind({.listen = "127.0.0.1:0"}));
//   listener->Start([&](int listening, int connection) { … });
//   listener->Stop();
//
// Connections that would take a descriptor which the store may need, or more than are allowed, are closed at once:
// their clients see a broken connection, and try again. Belongs to its owner's thread.
class Listener {
 public:
  struct Options {
    // "HOST:PORT", port 0 picks a free one; or "unix:PATH", a socket file there is replaced.
    std::string listen;
    // About so many are taken: what counts is the number of the descriptor.
    int connections = 10'000;
    // Permissions of the socket file.
    mode_t socket_mode = 0660;
    // Whether addresses that other machines reach may be listened on.
    bool may_reach_further = false;
  };

  // Gets a connection that was accepted by the descriptor `listening`, and owns it. Called by the listener's thread.
  using Take = std::function<void(int listening, int connection)>;

  // Clients are kept waiting until Start. UNAVAILABLE with the reason of the system if no address of the host can be
  // listened on.
  static absl::StatusOr<std::unique_ptr<Listener>> Bind(const Options& options);
  // Stops.
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // Where it listens, with the port that was picked.
  const std::string& address() const { return address_; }

  void Start(Take take);
  // Closes the address; connections that were taken stay. Idempotent.
  void Stop();

 private:
  // The descriptor is at hand when there is no other, so that a connection can be accepted to be closed.
  explicit Listener(const Options& options);

  absl::Status BindPath(const std::string& path);
  absl::Status BindHost(const std::string& host, const std::string& port);
  void Run();
  // Takes what waits. False if that has to be tried again later.
  bool AcceptFrom(int listening);
  // With the last descriptor. False if even that is gone.
  bool AcceptToClose(int listening);
  bool MayTake(int connection) const;
  void Refused();

  const Options options_;
  std::string address_;
  std::string path_;
  std::vector<int> listening_;
  int wake_ = -1;
  Take take_;
  std::thread thread_;

  // Belong to the thread once it runs.
  int spare_ = -1;
  uint64_t refused_ = 0;
};

}  // namespace baton::server

#endif  // BATON_BROKER_SERVER_LISTENER_H_
