// RabbitMQ, by librabbitmq: one quorum queue, publisher confirms, completions by acknowledgements of many at a time.
#include <amqp.h>
#include <amqp_tcp_socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <set>
#include <string>

#include "tests/bench/peers/system.h"
#include "tests/bench/peers/trouble.h"

namespace baton::peers {
namespace {

constexpr int kDefaultWindow = 20;
// The most that a quorum queue gives a consumer.
constexpr uint16_t kPrefetch = 2000;
constexpr uint64_t kAcknowledgeEach = 100;
constexpr amqp_channel_t kChannel = 1;
constexpr char kQueue[] = "tasks";

void Check(const amqp_rpc_reply_t& reply, const char* what) {
  if (reply.reply_type == AMQP_RESPONSE_NORMAL) return;
  std::string cause = "the server refuses it";
  if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION) cause = amqp_error_string2(reply.library_error);
  Fail(std::string("RabbitMQ: ") + what + ": " + cause);
}

void Check(int status, const char* what) {
  if (status != AMQP_STATUS_OK) Fail(std::string("RabbitMQ: ") + what + ": " + amqp_error_string2(status));
}

// A connection with one channel.
class Connection {
 public:
  explicit Connection(int port) : state_(amqp_new_connection()) {
    amqp_socket_t* socket = amqp_tcp_socket_new(state_);
    if (socket == nullptr) Fail("RabbitMQ: no socket");
    Check(amqp_socket_open(socket, "127.0.0.1", port), "connecting");
    const int on = 1;
    setsockopt(amqp_socket_get_sockfd(socket), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    Check(amqp_login(state_, "/", 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, "guest", "guest"), "login");
    amqp_channel_open(state_, kChannel);
    Check(amqp_get_rpc_reply(state_), "opening a channel");
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { amqp_destroy_connection(state_); }

  amqp_connection_state_t state() const { return state_; }
  bool has_input() const { return amqp_frames_enqueued(state_) || amqp_data_in_buffer(state_); }

 private:
  amqp_connection_state_t state_;
};

class RabbitmqProducer : public Producer {
 public:
  explicit RabbitmqProducer(const SystemOptions& options)
      : most_under_way_(static_cast<uint64_t>(options.window > 0 ? options.window : kDefaultWindow) * options.batch),
        connection_(options.port) {
    amqp_confirm_select(connection_.state(), kChannel);
    Check(amqp_get_rpc_reply(connection_.state()), "asking for confirms");
  }

  void Submit(Supply* supply) override {
    supply_ = supply;
    while (const std::optional<Batch> batch = supply->Next()) {
      // The server counts messages from 1 on for each channel.
      offset_ = batch->first - (published_ + 1);
      for (uint64_t i = 0; i < batch->count; ++i) Publish(supply->Payload(batch->first + i));
      const uint64_t room = most_under_way_ - std::min(most_under_way_, batch->count);
      while (under_way_.size() > room || (batch->count == 1 && !under_way_.empty())) AwaitConfirm();
    }
    while (!under_way_.empty()) AwaitConfirm();
  }

 private:
  void Publish(const std::string& payload) {
    amqp_basic_properties_t properties{};
    properties._flags = AMQP_BASIC_DELIVERY_MODE_FLAG;
    properties.delivery_mode = AMQP_DELIVERY_PERSISTENT;
    const amqp_bytes_t body{payload.size(), const_cast<char*>(payload.data())};
    Check(amqp_basic_publish(connection_.state(), kChannel, amqp_empty_bytes, amqp_cstring_bytes(kQueue), 0, 0,
                             &properties, body),
          "publishing");
    under_way_.insert(++published_);
  }

  void AwaitConfirm() {
    amqp_frame_t frame;
    amqp_maybe_release_buffers(connection_.state());
    Check(amqp_simple_wait_frame(connection_.state(), &frame), "waiting for a confirm");
    if (frame.frame_type != AMQP_FRAME_METHOD) return;
    if (frame.payload.method.id != AMQP_BASIC_ACK_METHOD) Fail("RabbitMQ: a message is not confirmed");
    const auto* confirm = static_cast<const amqp_basic_ack_t*>(frame.payload.method.decoded);
    const auto last = under_way_.find(confirm->delivery_tag);
    if (last == under_way_.end()) Fail("RabbitMQ: a confirm of a message that is not under way");
    const auto first = confirm->multiple ? under_way_.begin() : last;
    const auto end = std::next(last);
    for (auto tag = first; tag != end; ++tag) supply_->Acknowledge(*tag + offset_, 1);
    under_way_.erase(first, end);
  }

  const uint64_t most_under_way_;
  Connection connection_;
  Supply* supply_ = nullptr;
  uint64_t published_ = 0;
  // From the number of a message to the number of its task.
  uint64_t offset_ = 0;
  std::set<uint64_t> under_way_;
};

class RabbitmqWorker : public Worker {
 public:
  explicit RabbitmqWorker(const SystemOptions& options) : connection_(options.port) {
    amqp_basic_qos(connection_.state(), kChannel, 0, kPrefetch, 0);
    Check(amqp_get_rpc_reply(connection_.state()), "setting the prefetch count");
  }

  void Work(Ledger* ledger) override {
    const amqp_bytes_t tag = amqp_cstring_bytes("worker");
    amqp_basic_consume(connection_.state(), kChannel, amqp_cstring_bytes(kQueue), tag, 0, 0, 0, amqp_empty_table);
    Check(amqp_get_rpc_reply(connection_.state()), "consuming");
    uint64_t ran = 0;
    while (!ledger->all_ran()) {
      const uint64_t delivery = RunOne(ledger);
      ++ran;
      if (ran < kAcknowledgeEach && connection_.has_input() && !ledger->all_ran()) continue;
      Check(amqp_basic_ack(connection_.state(), kChannel, delivery, 1), "acknowledging");
      if (ledger->all_ran()) break;
      ledger->Completed(ran);
      ran = 0;
    }
    // An acknowledgement has no answer, but the end of the consumer has one: a quorum queue writes it to its log behind
    // all acknowledgements.
    amqp_basic_cancel(connection_.state(), kChannel, tag);
    Check(amqp_get_rpc_reply(connection_.state()), "ending the consumer");
    ledger->Completed(ran);
  }

 private:
  // Returns the number of the delivery.
  uint64_t RunOne(Ledger* ledger) {
    amqp_envelope_t envelope;
    amqp_maybe_release_buffers(connection_.state());
    Check(amqp_consume_message(connection_.state(), &envelope, nullptr, 0), "waiting for a message");
    const amqp_bytes_t& body = envelope.message.body;
    ledger->Run({static_cast<const char*>(body.bytes), body.len});
    const uint64_t delivery = envelope.delivery_tag;
    amqp_destroy_envelope(&envelope);
    return delivery;
  }

  Connection connection_;
};

class Rabbitmq : public System {
 public:
  explicit Rabbitmq(const SystemOptions& options) : options_(options) {}

  void Prepare() override {
    amqp_table_entry_t entry{};
    entry.key = amqp_cstring_bytes("x-queue-type");
    entry.value.kind = AMQP_FIELD_KIND_UTF8;
    entry.value.value.bytes = amqp_cstring_bytes("quorum");
    const amqp_table_t arguments{1, &entry};
    Connection connection(options_.port);
    amqp_queue_declare(connection.state(), kChannel, amqp_cstring_bytes(kQueue), 0, 1, 0, 0, arguments);
    Check(amqp_get_rpc_reply(connection.state()), "declaring the queue");
  }

  std::unique_ptr<Producer> MakeProducer() override { return std::make_unique<RabbitmqProducer>(options_); }
  std::unique_ptr<Worker> MakeWorker() override { return std::make_unique<RabbitmqWorker>(options_); }

  // What waits to be delivered; the counter of the queue follows its log with a delay.
  Counts Count() override {
    Connection connection(options_.port);
    const amqp_queue_declare_ok_t* queue =
        amqp_queue_declare(connection.state(), kChannel, amqp_cstring_bytes(kQueue), 1, 1, 0, 0, amqp_empty_table);
    Check(amqp_get_rpc_reply(connection.state()), "looking at the queue");
    return {.waiting = queue->message_count, .finished = 0};
  }

 private:
  const SystemOptions options_;
};

}  // namespace

std::unique_ptr<System> MakeRabbitmq(const SystemOptions& options) { return std::make_unique<Rabbitmq>(options); }

}  // namespace baton::peers
