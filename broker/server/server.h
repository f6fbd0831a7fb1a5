#ifndef BATON_BROKER_SERVER_SERVER_H_
#define BATON_BROKER_SERVER_SERVER_H_

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "broker/server/access_keeper.h"
#include "broker/server/calls.h"
#include "broker/server/core.h"
#include "broker/server/health.h"
#include "broker/server/listener.h"
#include "broker/server/mailbox.h"
#include "broker/server/meters.h"
#include "broker/server/raw_service.h"
#include "broker/server/stream_set.h"
#include "broker/server/tls.h"

namespace baton::server {

// The network side of a broker: one completion queue, served by one thread, with all services.
//
//   Server server(options);
//   … Partition::Start, with release = [&](Outbox outbox) { server.Release(std::move(outbox)); }
//   server.Bind();
//   server.Serve(core_settings, partition, reads, backups, clock);
//   server.Drain("…", deadline);
//   server.Stop();
//
// Release, UseTokens and Drain may be called by any thread, the others only by the owner's.
class Server {
 public:
  struct Options {
    Listener::Options listener;
    // Null: connections are not encrypted. Must outlive the server.
    Tls* tls = nullptr;
    // Largest request taken off the network.
    size_t message_bytes = 4 << 20;
    // What a connection may take until it speaks HTTP/2.
    Micros handshake_timeout = 10 * kSecond;
    // Calls under way on one connection.
    int max_concurrent_streams = 4000;
    // Memory of gRPC for connections and for requests that are coming in.
    size_t transport_bytes = size_t{512} << 20;
  };

  explicit Server(Options options);
  // Stops.
  ~Server();

  // Binds the address and answers it, with the port that was picked. Calls wait until Serve. Errors: UNAVAILABLE the
  // address cannot be listened on.
  absl::StatusOr<std::string> Bind();
  // Begins to serve. All that is passed must live until Stop has returned, and the server until the partition was
  // stopped. `tokens` and `book` null: no access control.
  void Serve(Core::Settings settings, engine::Partition* partition, service::ReadService* reads,
             service::BackupService* backups, const Clock* clock, TokenStore* tokens,
             std::shared_ptr<const TokenBook> book);

  // Where it listens, with the port that was picked.
  const std::string& address() const { return address_; }

  // What it has counted so far.
  const ServerMeters& meters() const { return meters_; }

  // Passes what a partition releases to the calls and sessions. May be called before Serve.
  void Release(engine::Outbox outbox);

  // Callers are checked by these access tokens, as soon as calls are served.
  void UseTokens(std::shared_ptr<const TokenBook> book);

  // Refuses new tasks and sessions, tells the workers, and waits until no attempt is running, at most this long. False
  // if the time was up before.
  bool Drain(const std::string& reason, Micros deadline);

  // Ends all streams, gives calls under way a moment, and joins the thread. Idempotent. The partition must still run.
  void Stop();

 private:
  void Listen();
  void Run();

  const Options options_;
  std::string address_;
  RawService broker_, admin_, access_admin_, health_service_, reflection_, reflection_alpha_;
  const std::vector<std::string> services_;
  std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  Mailbox mailbox_;
  ServerMeters meters_;
  std::thread thread_;

  // Belong to the queue's thread once it runs.
  bool queue_shut_down_ = false;
  std::unique_ptr<Core> core_;
  Health health_;
  std::unique_ptr<UnaryMethod> health_check_;
  std::unique_ptr<Calls> calls_;
  StreamSet streams_;
  AccessKeeper access_keeper_{&streams_};
  // Goes before everything that it calls.
  std::unique_ptr<grpc::Server> server_;
  // These go before the server that gets the connections.
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor_;
  std::unique_ptr<Listener> listener_;
};

}  // namespace baton::server

#endif  // BATON_BROKER_SERVER_SERVER_H_
