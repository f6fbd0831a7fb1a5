#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdio>
#include <ctime>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "baton/v1/broker.grpc.pb.h"
#include "broker/base/status_macros.h"
#include "tests/bench/board.h"
#include "tests/bench/machine_limits.h"
#include "tests/bench/payload.h"
#include "tests/bench/process.h"
#include "tests/bench/samples.h"

namespace baton::bench {
namespace {

constexpr uint64_t kItemBytes = 260;
constexpr absl::Duration kPatience = absl::Seconds(20);
constexpr absl::Duration kWarmUp = absl::Milliseconds(500);

// One Submit call at a time on the server: waits for it, answers it, waits for the next one.
class ServerCall {
 public:
  ServerCall(v1::TaskBroker::AsyncService* service, grpc::ServerCompletionQueue* queue)
      : service_(service), queue_(queue) {
    Listen();
  }

  void Proceed() {
    if (std::exchange(answered_, !answered_)) return Listen();
    v1::SubmitResponse response;
    for (int i = 0; i < request_.tasks_size(); ++i) response.add_results()->set_task_id(static_cast<uint64_t>(i) + 1);
    writer_->Finish(response, grpc::Status::OK, this);
  }

 private:
  void Listen() {
    request_.Clear();
    context_ = std::make_unique<grpc::ServerContext>();
    writer_ = std::make_unique<grpc::ServerAsyncResponseWriter<v1::SubmitResponse>>(context_.get());
    service_->RequestSubmit(context_.get(), &request_, writer_.get(), queue_, queue_, this);
  }

  v1::TaskBroker::AsyncService* const service_;
  grpc::ServerCompletionQueue* const queue_;
  v1::SubmitRequest request_;
  std::unique_ptr<grpc::ServerContext> context_;
  std::unique_ptr<grpc::ServerAsyncResponseWriter<v1::SubmitResponse>> writer_;
  bool answered_ = false;
};

// One call under way on the client.
struct ClientCall {
  grpc::ClientContext context;
  v1::SubmitResponse response;
  grpc::Status status;
  std::unique_ptr<grpc::ClientAsyncResponseReader<v1::SubmitResponse>> reader;
  int64_t begin = 0;
};

class Client {
 public:
  Client(const std::string& address, int batch, int calls)
      : stub_(grpc::CreateChannel(address, grpc::InsecureChannelCredentials())), calls_(calls) {
    for (int i = 0; i < batch; ++i) {
      v1::NewTask* task = request_.add_tasks();
      task->set_type("bench.raw");
      // The frame of a task takes about 20 bytes.
      task->mutable_payload()->set_data(MakePayload(static_cast<uint64_t>(i), kItemBytes - 20));
    }
  }
  ~Client() {
    queue_.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (queue_.Next(&tag, &ok)) delete static_cast<ClientCall*>(tag);
  }

  // After a short warm-up, for this long. `server_cpu_us`: processor time of the server so far.
  absl::StatusOr<Report> Measure(absl::Duration time, const std::function<int64_t()>& server_cpu_us) {
    RETURN_IF_ERROR(Run(kWarmUp).status());
    const int64_t server_begin = server_cpu_us();
    const std::clock_t cpu_begin = std::clock();
    const int64_t begin = MonotonicNow();
    ASSIGN_OR_RETURN(std::vector<int64_t> durations, Run(time));
    const double seconds = static_cast<double>(MonotonicNow() - begin) / 1e9;
    const double cpu_us = static_cast<double>(std::clock() - cpu_begin) * 1e6 / CLOCKS_PER_SEC;
    const int64_t server_us = server_cpu_us() - server_begin;
    const double tasks = static_cast<double>(durations.size()) * request_.tasks_size();
    Report report = {{"tasks_per_call", request_.tasks_size()},
                     {"calls_under_way", calls_},
                     {"tasks_per_second", Rounded(tasks / seconds)}};
    if (server_us > 0) report["server_cpu_us_per_task"] = Rounded(static_cast<double>(server_us) / tasks);
    report["client_cpu_us_per_task"] = Rounded(cpu_us / tasks);
    report["call_ms"] = QuantilesReport(QuantilesOf(std::move(durations)));
    return report;
  }

 private:
  // The durations of all calls.
  absl::StatusOr<std::vector<int64_t>> Run(absl::Duration time) {
    const int64_t end = MonotonicNow() + absl::ToInt64Nanoseconds(time);
    std::vector<int64_t> durations;
    for (int i = 0; i < calls_; ++i) Start();
    for (int under_way = calls_; under_way > 0;) {
      void* tag = nullptr;
      bool ok = false;
      if (!queue_.Next(&tag, &ok)) return absl::InternalError("raw gRPC: the queue was shut down");
      const std::unique_ptr<ClientCall> call(static_cast<ClientCall*>(tag));
      RETURN_IF_ERROR(Check(*call));
      durations.push_back(MonotonicNow() - call->begin);
      if (MonotonicNow() < end)
        Start();
      else
        --under_way;
    }
    return durations;
  }

  absl::Status Check(const ClientCall& call) const {
    if (!call.status.ok()) return absl::UnavailableError(absl::StrCat("raw gRPC: ", call.status.error_message()));
    for (const v1::SubmitResult& result : call.response.results()) {
      if (result.has_error()) return absl::InternalError(absl::StrCat("raw gRPC: ", result.error().message()));
    }
    if (call.response.results_size() == request_.tasks_size()) return absl::OkStatus();
    return absl::InternalError("raw gRPC: not as many results as tasks");
  }

  void Start() {
    auto* call = new ClientCall;
    // As the SDK does, so that a broker has as much to remember.
    request_.set_request_id(absl::StrCat("raw-", ++started_));
    call->begin = MonotonicNow();
    call->context.set_wait_for_ready(true);
    call->context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoSeconds(kPatience));
    call->reader = stub_.AsyncSubmit(&call->context, request_, &queue_);
    call->reader->Finish(&call->response, &call->status, call);
  }

  v1::TaskBroker::Stub stub_;
  const int calls_;
  v1::SubmitRequest request_;
  uint64_t started_ = 0;
  grpc::CompletionQueue queue_;
};

}  // namespace

absl::Status RunRawGrpcServer() {
  v1::TaskBroker::AsyncService service;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::ServerCompletionQueue> queue = builder.AddCompletionQueue();
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) return absl::UnavailableError("raw gRPC: cannot listen on 127.0.0.1");
  constexpr int kCalls = 64;
  std::vector<std::unique_ptr<ServerCall>> calls;
  calls.reserve(kCalls);
  for (int i = 0; i < kCalls; ++i) calls.push_back(std::make_unique<ServerCall>(&service, queue.get()));
  std::printf("127.0.0.1:%d\n", port);
  std::fflush(stdout);
  void* tag = nullptr;
  bool ok = false;
  while (queue->Next(&tag, &ok)) {
    if (ok) static_cast<ServerCall*>(tag)->Proceed();
  }
  return absl::OkStatus();
}

absl::StatusOr<Report> MeasureRawClient(const std::string& address, int batch, int calls, int seconds) {
  Client client(address, batch, calls);
  return client.Measure(absl::Seconds(seconds), [] { return int64_t{0}; });
}

absl::StatusOr<Report> MeasureRawGrpc(int batch, int calls, int seconds) {
  ASSIGN_OR_RETURN(Process server, Process::Start({OwnPath(), "raw-grpc-server"}));
  ASSIGN_OR_RETURN(const std::string address, server.ReadLine(kPatience));
  Client client(address, batch, calls);
  return client.Measure(absl::Seconds(seconds), [&server] { return server.Usage().value_or(ProcessUsage()).cpu_us; });
}

}  // namespace baton::bench
