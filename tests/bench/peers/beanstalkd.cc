// beanstalkd, by its text protocol.
#include <algorithm>
#include <deque>
#include <string>

#include "tests/bench/peers/stream.h"
#include "tests/bench/peers/system.h"
#include "tests/bench/peers/trouble.h"

namespace baton::peers {
namespace {

constexpr int kDefaultWindow = 8;
constexpr int kDefaultConnections = 1;
// The most jobs that the worker asks for at a time. It asks by a command for each, sent together.
constexpr size_t kMostReserves = 100;

void Expect(std::string_view reply, std::string_view beginning) {
  if (reply.starts_with(beginning)) return;
  Fail("beanstalkd answers '" + std::string(reply) + "' instead of " + std::string(beginning));
}

class BeanstalkdProducer : public Producer {
 public:
  explicit BeanstalkdProducer(const SystemOptions& options)
      : window_(options.window > 0 ? options.window : kDefaultWindow), stream_(options.port) {}

  void Submit(Supply* supply) override {
    std::deque<Batch> under_way;
    while (true) {
      std::optional<Batch> batch = supply->Next();
      if (batch) {
        Send(*batch, *supply);
        under_way.push_back(*batch);
      }
      while (!under_way.empty() && (!batch || under_way.size() >= window_)) {
        AwaitAnswers(under_way.front(), supply);
        under_way.pop_front();
      }
      if (!batch) return;
    }
  }

 private:
  void Send(const Batch& batch, const Supply& supply) {
    for (uint64_t i = 0; i < batch.count; ++i) {
      const std::string payload = supply.Payload(batch.first + i);
      stream_.Append("put 1 0 600 " + std::to_string(payload.size()) + "\r\n");
      stream_.Append(payload);
      stream_.Append("\r\n");
    }
    stream_.Flush();
  }

  void AwaitAnswers(const Batch& batch, Supply* supply) {
    for (uint64_t i = 0; i < batch.count; ++i) Expect(stream_.ReadLine(), "INSERTED");
    supply->Acknowledge(batch.first, batch.count);
  }

  const size_t window_;
  Stream stream_;
};

class BeanstalkdWorker : public Worker {
 public:
  explicit BeanstalkdWorker(const SystemOptions& options) {
    const int count = options.connections > 0 ? options.connections : kDefaultConnections;
    for (int i = 0; i < count; ++i) streams_.push_back(std::make_unique<Stream>(options.port));
  }

  void Work(Ledger* ledger) override {
    ForEachInParallel<Stream>(&streams_, [ledger](Stream* stream) { WorkOn(stream, ledger); });
  }

 private:
  // Each turn deletes the jobs of the turn before and reserves the next ones: up to twice as many, because a command
  // that gets no job costs as much as one that does.
  static void WorkOn(Stream* stream, Ledger* ledger) {
    std::vector<std::string> ran;
    while (true) {
      const bool more = !ledger->all_ran();
      const size_t reserves = std::clamp<size_t>(2 * ran.size(), 1, kMostReserves);
      for (const std::string& id : ran) stream->Append("delete " + id + "\r\n");
      if (more) AskForJobs(stream, reserves);
      stream->Flush();
      for (size_t i = 0; i < ran.size(); ++i) {
        Expect(stream->ReadLine(), "DELETED");
        ledger->Completed(1);
      }
      ran.clear();
      if (!more) return;
      for (size_t i = 0; i < reserves; ++i) RunOne(stream, ledger, &ran);
    }
  }

  // The first one waits for a job, the others take what is there besides.
  static void AskForJobs(Stream* stream, size_t count) {
    stream->Append("reserve-with-timeout 1\r\n");
    for (size_t i = 1; i < count; ++i) stream->Append("reserve-with-timeout 0\r\n");
  }

  static void RunOne(Stream* stream, Ledger* ledger, std::vector<std::string>* ran) {
    const std::string_view reply = stream->ReadLine();
    if (reply == "TIMED_OUT") return;
    Expect(reply, "RESERVED ");
    const size_t space = reply.rfind(' ');
    const size_t begin = std::string_view("RESERVED ").size();
    ran->emplace_back(reply.substr(begin, space - begin));
    const size_t size = std::stoul(std::string(reply.substr(space + 1)));
    ledger->Run(stream->Read(size + 2).substr(0, size));
  }

  std::vector<std::unique_ptr<Stream>> streams_;
};

class Beanstalkd : public System {
 public:
  explicit Beanstalkd(const SystemOptions& options) : options_(options) {}

  void Prepare() override {}
  std::unique_ptr<Producer> MakeProducer() override { return std::make_unique<BeanstalkdProducer>(options_); }
  std::unique_ptr<Worker> MakeWorker() override { return std::make_unique<BeanstalkdWorker>(options_); }

  Counts Count() override {
    Stream stream(options_.port);
    stream.Append("stats\r\n");
    stream.Flush();
    const std::string_view reply = stream.ReadLine();
    Expect(reply, "OK ");
    const size_t size = std::stoul(std::string(reply.substr(3)));
    const std::string statistics(stream.Read(size));
    return {.waiting = Value(statistics, "current-jobs-ready") + Value(statistics, "current-jobs-reserved") +
                       Value(statistics, "current-jobs-buried"),
            .finished = 0};
  }

 private:
  static uint64_t Value(const std::string& statistics, const std::string& name) {
    const size_t at = statistics.find("\n" + name + ": ");
    if (at == std::string::npos) Fail("beanstalkd does not tell " + name);
    return std::stoull(statistics.substr(at + name.size() + 3));
  }

  const SystemOptions options_;
};

}  // namespace

std::unique_ptr<System> MakeBeanstalkd(const SystemOptions& options) { return std::make_unique<Beanstalkd>(options); }

}  // namespace baton::peers
