// Gearman, by its binary protocol: background jobs of one function.
#include <arpa/inet.h>

#include <cstring>
#include <deque>
#include <string>

#include "tests/bench/peers/stream.h"
#include "tests/bench/peers/system.h"
#include "tests/bench/peers/trouble.h"

namespace baton::peers {
namespace {

constexpr int kDefaultWindow = 8;
constexpr int kDefaultConnections = 2;
// Jobs that a connection of the worker asks for at a time. It asks by requests of their own, sent together.
constexpr int kGrabs = 100;
constexpr std::string_view kFunction = "task";

// Numbers of the protocol.
enum class Packet : uint32_t {
  kCanDo = 1,
  kPreSleep = 4,
  kNoop = 6,
  kJobCreated = 8,
  kGrabJob = 9,
  kNoJob = 10,
  kJobAssign = 11,
  kWorkComplete = 13,
  kEchoRequest = 16,
  kEchoResponse = 17,
  kSubmitJobBackground = 18,
};

struct Message {
  Packet type;
  // Valid until the next read.
  std::string_view body;
};

void Append(Stream* stream, Packet type, std::string_view body) {
  const uint32_t numbers[2] = {htonl(static_cast<uint32_t>(type)), htonl(static_cast<uint32_t>(body.size()))};
  stream->Append(std::string_view("\0REQ", 4));
  stream->Append(std::string_view(reinterpret_cast<const char*>(numbers), sizeof(numbers)));
  stream->Append(body);
}

Message Read(Stream* stream) {
  uint32_t numbers[2];
  const std::string_view header = stream->Read(4 + sizeof(numbers));
  if (header.substr(0, 4) != std::string_view("\0RES", 4)) Fail("gearmand sends something that is no response");
  std::memcpy(numbers, header.data() + 4, sizeof(numbers));
  const auto type = static_cast<Packet>(ntohl(numbers[0]));
  return {type, stream->Read(ntohl(numbers[1]))};
}

void Expect(const Message& message, Packet type) {
  if (message.type == type) return;
  Fail("gearmand sends packet " + std::to_string(static_cast<uint32_t>(message.type)) + " instead of " +
       std::to_string(static_cast<uint32_t>(type)) + ": " + std::string(message.body));
}

class GearmanProducer : public Producer {
 public:
  explicit GearmanProducer(const SystemOptions& options)
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
        for (uint64_t i = 0; i < under_way.front().count; ++i) Expect(Read(&stream_), Packet::kJobCreated);
        supply->Acknowledge(under_way.front().first, under_way.front().count);
        under_way.pop_front();
      }
      if (!batch) return;
    }
  }

 private:
  void Send(const Batch& batch, const Supply& supply) {
    for (uint64_t i = 0; i < batch.count; ++i) {
      // Function, unique key, payload. Without a key the server does not look for an equal job.
      std::string body(kFunction);
      body += '\0';
      body += '\0';
      body += supply.Payload(batch.first + i);
      Append(&stream_, Packet::kSubmitJobBackground, body);
    }
    stream_.Flush();
  }

  const size_t window_;
  Stream stream_;
};

// One connection of the worker.
class Grabber {
 public:
  explicit Grabber(int port) : stream_(port) {
    Append(&stream_, Packet::kCanDo, kFunction);
    stream_.Flush();
  }

  // Each turn completes the jobs of the turn before and asks for the next ones.
  void Work(Ledger* ledger) {
    while (!ledger->all_ran()) {
      SendCompletions();
      for (int i = 0; i < kGrabs; ++i) Append(&stream_, Packet::kGrabJob, "");
      stream_.Flush();
      Message message = Next();
      // The server handles what a connection sends in order: its first answer says that it has the completions.
      TellCompleted(ledger);
      for (int i = 1; i < kGrabs; ++i) {
        RunIfJob(message, ledger);
        message = Next();
      }
      RunIfJob(message, ledger);
      if (handles_.empty()) Sleep(ledger);
    }
    SendCompletions();
    Echo();
    TellCompleted(ledger);
  }

 private:
  void SendCompletions() {
    for (const std::string& handle : handles_) Append(&stream_, Packet::kWorkComplete, handle + '\0');
  }

  void TellCompleted(Ledger* ledger) {
    if (!handles_.empty()) ledger->Completed(handles_.size());
    handles_.clear();
  }

  // The next packet that answers something.
  Message Next() {
    Message message = Read(&stream_);
    while (message.type == Packet::kNoop) message = Read(&stream_);
    return message;
  }

  void RunIfJob(const Message& message, Ledger* ledger) {
    if (message.type == Packet::kNoJob) return;
    Expect(message, Packet::kJobAssign);
    // Handle, function, payload.
    const size_t handle_end = message.body.find('\0');
    const size_t function_end = message.body.find('\0', handle_end + 1);
    if (function_end == std::string_view::npos) Fail("gearmand sends a job without its parts");
    handles_.emplace_back(message.body.substr(0, handle_end));
    ledger->Run(message.body.substr(function_end + 1));
  }

  // Until there is a job. Nothing wakes a connection when another one has run the last job, so it looks from time to
  // time.
  void Sleep(Ledger* ledger) {
    Append(&stream_, Packet::kPreSleep, "");
    stream_.Flush();
    while (!ledger->all_ran()) {
      if (!stream_.AwaitInput(kPatienceMs)) continue;
      if (Read(&stream_).type == Packet::kNoop) return;
    }
  }

  void Echo() {
    Append(&stream_, Packet::kEchoRequest, "end");
    stream_.Flush();
    Expect(Next(), Packet::kEchoResponse);
  }

  static constexpr int kPatienceMs = 100;

  Stream stream_;
  // Of the jobs that ran and are not completed yet.
  std::vector<std::string> handles_;
};

class GearmanWorker : public Worker {
 public:
  explicit GearmanWorker(const SystemOptions& options) {
    const int count = options.connections > 0 ? options.connections : kDefaultConnections;
    for (int i = 0; i < count; ++i) grabbers_.push_back(std::make_unique<Grabber>(options.port));
  }

  void Work(Ledger* ledger) override {
    ForEachInParallel<Grabber>(&grabbers_, [ledger](Grabber* grabber) { grabber->Work(ledger); });
  }

 private:
  std::vector<std::unique_ptr<Grabber>> grabbers_;
};

class Gearman : public System {
 public:
  explicit Gearman(const SystemOptions& options) : options_(options) {}

  void Prepare() override {}
  std::unique_ptr<Producer> MakeProducer() override { return std::make_unique<GearmanProducer>(options_); }
  std::unique_ptr<Worker> MakeWorker() override { return std::make_unique<GearmanWorker>(options_); }

  Counts Count() override {
    Stream stream(options_.port);
    stream.Append("status\n");
    stream.Flush();
    Counts counts;
    // Function, jobs, running jobs, workers; with tabs between.
    for (std::string line(stream.ReadLine()); line != "."; line = stream.ReadLine()) {
      if (line.starts_with(std::string(kFunction) + "\t")) {
        counts.waiting = std::stoull(line.substr(kFunction.size() + 1));
      }
    }
    return counts;
  }

 private:
  const SystemOptions options_;
};

}  // namespace

std::unique_ptr<System> MakeGearman(const SystemOptions& options) { return std::make_unique<Gearman>(options); }

}  // namespace baton::peers
