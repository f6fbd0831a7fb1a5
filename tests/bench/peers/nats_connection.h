#ifndef BATON_TESTS_BENCH_PEERS_NATS_CONNECTION_H_
#define BATON_TESTS_BENCH_PEERS_NATS_CONNECTION_H_

#include <string>
#include <string_view>

#include "nlohmann/json.hpp"
#include "tests/bench/peers/stream.h"

namespace baton::peers {

// A connection to NATS, by its text protocol. Not thread-safe.
class NatsConnection {
 public:
  // Parts of a message; valid until the next call.
  struct Message {
    std::string_view subject;
    // Empty if no reply is expected.
    std::string_view reply;
    std::string_view body;
  };

  explicit NatsConnection(int port);

  // The subjects of the messages that this connection listens to begin with this and a dot, and differ from those of
  // all other connections.
  const std::string& inbox() const { return inbox_; }

  void Subscribe(std::string_view subject, int id);
  void Unsubscribe(int id);
  // Both are collected until Flush.
  void Publish(std::string_view subject, std::string_view body, std::string_view reply = "");
  void Flush() { stream_.Flush(); }

  // Waits for the next message.
  Message Next();
  bool has_input() const { return stream_.has_input(); }

  // A call of the interface of JetStream, while nothing else is expected. Fails unless it succeeds.
  nlohmann::json Call(const std::string& subject, const nlohmann::json& request);

 private:
  Message ReadMessage(std::string_view line);

  Stream stream_;
  std::string inbox_;
  std::string line_;
};

}  // namespace baton::peers

#endif  // BATON_TESTS_BENCH_PEERS_NATS_CONNECTION_H_
