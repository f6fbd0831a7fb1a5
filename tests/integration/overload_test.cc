// More than the broker can take: what is refused says so, and when to come back; what workers say is never refused.
#include <grpcpp/completion_queue.h>
#include <grpcpp/create_channel.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "baton/records/v1/records.pb.h"
#include "baton/v1/error.pb.h"
#include "broker/engine/format/keys.h"
#include "broker/service/attempt_token.h"
#include "tests/integration/broker_fixture.h"
#include "tests/integration/raw_call.h"

namespace baton {
namespace {

using ::grpc::StatusCode;

// The advice in the details of a failed call, in microseconds; 0 if it has none.
int64_t AdviceOf(const grpc::Status& status) {
  v1::Status details;
  v1::ErrorInfo info;
  int64_t micros = 0;
  if (!details.ParseFromString(status.error_details()) || details.details().empty()) return 0;
  if (!info.ParseFromString(details.details(0).value())) return 0;
  const auto advice = info.metadata().find("retry_after_us");
  return advice != info.metadata().end() && absl::SimpleAtoi(advice->second, &micros) ? micros : 0;
}

// A client that keeps so many calls of Submit under way, each begun as soon as another one has ended.
class Flood {
 public:
  // Of each call.
  static constexpr int kTasks = 10;

  Flood(const std::string& address, int calls) {
    stub_ = v1::TaskBroker::NewStub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
    for (int i = 0; i < kTasks; ++i) request_.add_tasks()->set_type("flood");
    thread_ = std::thread([this, calls] { Run(calls); });
  }
  ~Flood() { Stop(); }

  // False if none was refused within 20 s.
  bool AwaitRefusal() { return refused_once_.WaitForNotificationWithTimeout(absl::Seconds(20)); }
  // Waits for the calls under way.
  void Stop() {
    stopped_ = true;
    if (thread_.joinable()) thread_.join();
  }

  // Of calls that have ended; to be asked after Stop.
  int taken() const { return taken_; }
  const std::vector<grpc::Status>& refusals() const { return refusals_; }

 private:
  struct Call {
    TestContext context;
    v1::SubmitResponse response;
    grpc::Status status;
    std::unique_ptr<grpc::ClientAsyncResponseReader<v1::SubmitResponse>> reader;
  };

  void Begin() {
    auto call = std::make_unique<Call>();
    call->reader = stub_->AsyncSubmit(&call->context, request_, &queue_);
    call->reader->Finish(&call->response, &call->status, call.get());
    call.release();  // The queue has it.
  }

  void Run(int calls) {
    for (int i = 0; i < calls; ++i) Begin();
    void* tag = nullptr;
    bool ok = false;
    while (calls > 0 && queue_.Next(&tag, &ok)) {
      const std::unique_ptr<Call> call(static_cast<Call*>(tag));
      Count(call->status);
      stopped_ ? static_cast<void>(--calls) : Begin();
    }
  }

  void Count(const grpc::Status& status) {
    if (status.ok()) {
      ++taken_;
      return;
    }
    refusals_.push_back(status);
    if (!refused_once_.HasBeenNotified()) refused_once_.Notify();
  }

  v1::SubmitRequest request_;
  std::unique_ptr<v1::TaskBroker::Stub> stub_;
  grpc::CompletionQueue queue_;
  std::atomic<bool> stopped_ = false;
  absl::Notification refused_once_;
  int taken_ = 0;
  std::vector<grpc::Status> refusals_;
  std::thread thread_;
};

class OverloadTest : public BrokerTest {
 protected:
  void SetUp() override {
    settings_.engine.lane_commands = 16;
    Start();
  }
};

TEST_F(OverloadTest, SubmitsAreRefusedWithAdviceWhileWorkersAreHeard) {
  const auto worker = Connect("worker", "render");
  for (int i = 0; i < 10; ++i) Submit("render");
  const std::vector<v1::Delivery> deliveries = worker->Deliveries(10);
  ASSERT_EQ(deliveries.size(), 10u);

  Flood flood(broker().address(), 100);
  ASSERT_TRUE(flood.AwaitRefusal());
  for (const v1::Delivery& delivery : deliveries) EXPECT_EQ(Succeed(*worker, delivery).code(), 0);
  EXPECT_GT(Connect("another", "render")->session(), 0u);
  flood.Stop();

  for (const grpc::Status& refusal : flood.refusals()) {
    ASSERT_THAT(refusal, FailsWith(StatusCode::RESOURCE_EXHAUSTED, "OVERLOADED", "retry later"));
    ASSERT_GT(AdviceOf(refusal), 0);
  }
  // What was taken is there, all of it, and what was refused is not.
  v1::GetStatisticsResponse statistics;
  TestContext context;
  ASSERT_THAT(admin().GetStatistics(&context, v1::GetStatisticsRequest(), &statistics), IsOk());
  EXPECT_EQ(statistics.counts().pending(), static_cast<uint64_t>(flood.taken()) * Flood::kTasks);
  // It has room again.
  EXPECT_GT(Submit("render"), 0u);
}

// How many reads may wait is up to each test.
class ReadBoundTest : public BrokerTest {
 protected:
  void SetUp() override {}
  void StartWith(size_t reads) {
    settings_.engine.lane_commands = reads;
    Start();
  }

  // All methods that are answered from what is stored, with requests about one task; but for Wait and Watch, which have
  // limits of their own.
  std::vector<std::pair<std::string, std::string>> Reads(uint64_t task) {
    v1::GetScheduleRequest schedule;
    schedule.set_name("nightly");
    v1::ListChildOutcomesRequest children;
    children.set_attempt_token(service::AttemptTokenOf(Incarnation(), {task, 1}));
    return {{"TaskBroker/Get", About<v1::GetRequest>(task)},
            {"TaskBroker/ListChildOutcomes", children.SerializeAsString()},
            {"TaskAdmin/ListTasks", ""},
            {"TaskAdmin/ListEvents", About<v1::ListEventsRequest>(task)},
            {"TaskAdmin/ListAttempts", About<v1::ListAttemptsRequest>(task)},
            {"TaskAdmin/GetWorkflowSummary", About<v1::GetWorkflowSummaryRequest>(task)},
            {"TaskAdmin/Explain", About<v1::ExplainRequest>(task)},
            {"TaskAdmin/ListTypes", ""},
            {"TaskAdmin/GetSchedule", schedule.SerializeAsString()},
            {"TaskAdmin/ListSchedules", ""},
            {"TaskAdmin/GetStatistics", ""},
            {"TaskAdmin/CountTasks", ""},
            {"TaskAdmin/ListBackups", ""},
            {"TaskAdmin/GetServerInfo", ""}};
  }
  grpc::Status Ask(const std::string& method, const std::string& request) {
    return RawCall(channel(), "/baton.v1." + method, request).status;
  }

 private:
  template <typename Request>
  static std::string About(uint64_t task) {
    Request request;
    request.set_task_id(task);
    return request.SerializeAsString();
  }
  // Not asked of the broker, which may refuse to say.
  uint64_t Incarnation() {
    std::string bytes;
    records::v1::StoreRow row;
    EXPECT_TRUE(broker().store().TakeSnapshot()->Get(storage::Family::kMeta, engine::StoreMetaKey(), &bytes).ok());
    EXPECT_TRUE(row.ParseFromString(bytes));
    return row.incarnation();
  }
};

TEST_F(ReadBoundTest, HoldsForEveryRead) {
  StartWith(0);
  for (const auto& [method, request] : Reads(1)) {
    const grpc::Status status = Ask(method, request);
    EXPECT_THAT(status, FailsWith(StatusCode::RESOURCE_EXHAUSTED, "OVERLOADED", "calls wait to be answered")) << method;
    EXPECT_GT(AdviceOf(status), 0) << method;
  }
}

TEST_F(ReadBoundTest, EveryReadMakesRoomForTheNextOne) {
  StartWith(1);
  v1::NewTask later;
  later.set_type("render");
  later.set_delay_us(kHour);
  // Some fail, for reasons of their own.
  for (const auto& [method, request] : Reads(Submit(later))) {
    for (int i = 0; i < 3; ++i) EXPECT_NE(ReasonOf(Ask(method, request)), "OVERLOADED") << method;
  }
}

}  // namespace
}  // namespace baton
