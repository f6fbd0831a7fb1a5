// NATS JetStream: a stream that keeps its messages, which is faster than one that removes each when it is acknowledged,
// and one consumer that pulls.
#include <deque>
#include <string>

#include "tests/bench/peers/nats_connection.h"
#include "tests/bench/peers/system.h"
#include "tests/bench/peers/trouble.h"

namespace baton::peers {
namespace {

constexpr int kDefaultWindow = 8;
// Messages that the worker asks for at a time; it asks again when half of them have come.
constexpr uint64_t kPull = 2000;
// Completions of which the last one asks for an answer.
constexpr uint64_t kAcknowledgeEach = 100;
constexpr int64_t kAckWaitNanoseconds = 600'000'000'000;

class NatsProducer : public Producer {
 public:
  explicit NatsProducer(const SystemOptions& options)
      : window_(options.window > 0 ? options.window : kDefaultWindow), connection_(options.port) {
    connection_.Subscribe(connection_.inbox() + ".stored", 1);
  }

  void Submit(Supply* supply) override {
    std::deque<Batch> under_way;
    while (true) {
      std::optional<Batch> batch = supply->Next();
      if (batch) {
        for (uint64_t i = 0; i < batch->count; ++i) {
          connection_.Publish("tasks", supply->Payload(batch->first + i), connection_.inbox() + ".stored");
        }
        connection_.Flush();
        under_way.push_back(*batch);
      }
      while (!under_way.empty() && (!batch || under_way.size() >= window_)) {
        AwaitAnswers(under_way.front().count);
        supply->Acknowledge(under_way.front().first, under_way.front().count);
        under_way.pop_front();
      }
      if (!batch) return;
    }
  }

 private:
  // One for each message, in the order of the messages.
  void AwaitAnswers(uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) {
      const std::string_view answer = connection_.Next().body;
      if (answer.find("\"error\"") != std::string_view::npos)
        Fail("JetStream refuses a message: " + std::string(answer));
    }
  }

  const size_t window_;
  NatsConnection connection_;
};

class NatsWorker : public Worker {
 public:
  explicit NatsWorker(const SystemOptions& options) : connection_(options.port) {}

  void Work(Ledger* ledger) override {
    ledger_ = ledger;
    // A new inbox each time: requests that nobody listens to any more are dropped by the server.
    inbox_ = connection_.inbox() + "." + std::to_string(++turns_);
    confirmed_ = inbox_ + ".confirmed";
    connection_.Subscribe(inbox_ + ".task", kTasks);
    connection_.Subscribe(confirmed_, kConfirmations);
    asked_for_ = 0;
    Pull();
    while (!ledger->all_ran() || !groups_.empty()) Handle(connection_.Next());
    connection_.Unsubscribe(kTasks);
    connection_.Unsubscribe(kConfirmations);
    connection_.Flush();
  }

 private:
  static constexpr int kTasks = 1;
  static constexpr int kConfirmations = 2;

  void Pull() {
    while (asked_for_ <= kPull / 2) {
      const std::string request = "{\"batch\":" + std::to_string(kPull / 2) + "}";
      connection_.Publish("$JS.API.CONSUMER.MSG.NEXT.TASKS.worker", request, inbox_ + ".task");
      asked_for_ += kPull / 2;
    }
    connection_.Flush();
  }

  void Handle(const NatsConnection::Message& message) {
    if (message.subject == confirmed_) {
      ledger_->Completed(groups_.front());
      groups_.pop_front();
      return;
    }
    const std::string reply(message.reply);
    ledger_->Run(message.body);
    --asked_for_;
    ++ran_;
    // Acknowledgements have no answer unless one is asked for; the server handles them in order.
    if (ran_ < kAcknowledgeEach && connection_.has_input() && !ledger_->all_ran()) {
      connection_.Publish(reply, "+ACK");
      return;
    }
    connection_.Publish(reply, "+ACK", confirmed_);
    groups_.push_back(ran_);
    ran_ = 0;
    Pull();
  }

  NatsConnection connection_;
  Ledger* ledger_ = nullptr;
  std::string inbox_;
  std::string confirmed_;
  int turns_ = 0;
  uint64_t asked_for_ = 0;
  // Ran since the last acknowledgement that asked for an answer.
  uint64_t ran_ = 0;
  // How many completions each answer that is still to come stands for.
  std::deque<uint64_t> groups_;
};

class Nats : public System {
 public:
  explicit Nats(const SystemOptions& options) : options_(options) {}

  void Prepare() override {
    NatsConnection connection(options_.port);
    connection.Call("$JS.API.STREAM.CREATE.TASKS", {{"name", "TASKS"},
                                                    {"subjects", {"tasks"}},
                                                    {"retention", "limits"},
                                                    {"storage", options_.storage},
                                                    {"num_replicas", 1}});
    connection.Call("$JS.API.CONSUMER.DURABLE.CREATE.TASKS.worker",
                    {{"stream_name", "TASKS"},
                     {"config",
                      {{"durable_name", "worker"},
                       {"ack_policy", "explicit"},
                       {"ack_wait", kAckWaitNanoseconds},
                       {"max_ack_pending", -1},
                       {"mem_storage", options_.storage == "memory"}}}});
  }

  std::unique_ptr<Producer> MakeProducer() override { return std::make_unique<NatsProducer>(options_); }
  std::unique_ptr<Worker> MakeWorker() override { return std::make_unique<NatsWorker>(options_); }

  // What the consumer has acknowledged counts as finished: the stream keeps it all the same.
  Counts Count() override {
    NatsConnection connection(options_.port);
    const nlohmann::json stream = connection.Call("$JS.API.STREAM.INFO.TASKS", nullptr);
    const nlohmann::json consumer = connection.Call("$JS.API.CONSUMER.INFO.TASKS.worker", nullptr);
    const auto waiting = consumer.at("num_pending").get<uint64_t>() + consumer.at("num_ack_pending").get<uint64_t>();
    return {.waiting = waiting, .finished = stream.at("state").at("messages").get<uint64_t>() - waiting};
  }

 private:
  const SystemOptions options_;
};

}  // namespace

std::unique_ptr<System> MakeNats(const SystemOptions& options) { return std::make_unique<Nats>(options); }

}  // namespace baton::peers
