// The gRPC side: calls reach the right method, and failures come back with code, reason and advice.
#include "client_cli/broker_client.h"

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <thread>
#include <vector>

#include "baton/v1/admin.grpc.pb.h"
#include "baton/v1/broker.grpc.pb.h"
#include "client_cli/status_details.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace baton::cli {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(30);

class TaskService : public v1::TaskBroker::Service {
 public:
  grpc::Status Get(grpc::ServerContext*, const v1::GetRequest* request, v1::GetResponse* response) override {
    if (request->task_id() == 404) return NotFound();
    response->mutable_task()->set_id(request->task_id());
    // More than gRPC's default limit of 4 MiB for an answer.
    if (request->parts().payload()) response->mutable_task()->mutable_payload()->set_data(std::string(6 << 20, 'x'));
    return grpc::Status::OK;
  }
  grpc::Status Wait(grpc::ServerContext* context, const v1::WaitRequest*, v1::WaitResponse*) override {
    // Answers only when the caller has given up; the caller's deadline ends the loop.
    while (!context->IsCancelled()) std::this_thread::yield();
    return grpc::Status::CANCELLED;
  }
  grpc::Status Submit(grpc::ServerContext*, const v1::SubmitRequest* request, v1::SubmitResponse* response) override {
    ++submits;
    if (submits <= overloaded) return Overloaded();
    for (int i = 0; i < request->tasks_size(); ++i) response->add_results()->set_task_id(i + 1);
    return grpc::Status::OK;
  }
  grpc::Status Cancel(grpc::ServerContext*, const v1::CancelRequest*, v1::CancelResponse*) override {
    return grpc::Status::CANCELLED;
  }

  // So many calls of Submit are refused, with this advice.
  int overloaded = 0;
  absl::Duration advice = absl::Seconds(1);
  std::atomic<int> submits = 0;

 private:
  static grpc::Status Refuse(grpc::StatusCode code, const std::string& message, const v1::ErrorInfo& info) {
    v1::Status details;
    details.set_code(code);
    details.add_details()->set_type_url("type.googleapis.com/baton.v1.ErrorInfo");
    details.mutable_details(0)->set_value(info.SerializeAsString());
    return {code, message, details.SerializeAsString()};
  }
  static grpc::Status NotFound() {
    v1::ErrorInfo info;
    info.set_reason("TASK_NOT_FOUND");
    return Refuse(grpc::StatusCode::NOT_FOUND, "no task 404", info);
  }
  grpc::Status Overloaded() const {
    v1::ErrorInfo info;
    info.set_reason("OVERLOADED");
    (*info.mutable_metadata())["retry_after_us"] = std::to_string(absl::ToInt64Microseconds(advice));
    return Refuse(grpc::StatusCode::RESOURCE_EXHAUSTED, "retry later", info);
  }
};

class AdminService : public v1::TaskAdmin::Service {
 public:
  grpc::Status ListTasks(grpc::ServerContext*, const v1::ListTasksRequest* request,
                         v1::ListTasksResponse* response) override {
    response->set_next_page_token(request->page_token() + "+");
    return grpc::Status::OK;
  }
};

class BrokerClientTest : public testing::Test {
 protected:
  BrokerClientTest() {
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&tasks_);
    builder.RegisterService(&admin_);
    server_ = builder.BuildAndStart();
    address_ = "127.0.0.1:" + std::to_string(port);
    broker_ = Connect();
  }
  ~BrokerClientTest() override { StopServer(); }

  std::unique_ptr<Broker> Connect() {
    return ConnectBroker(address_, [this](absl::Duration pause) { pauses_.push_back(pause); });
  }
  void StopServer() { server_->Shutdown(std::chrono::system_clock::now()); }

  TaskService tasks_;
  AdminService admin_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
  std::unique_ptr<Broker> broker_;
  // Between tries, instead of waiting.
  std::vector<absl::Duration> pauses_;
};

// What arrives at a broker that is just closing its connections is answered by gRPC, with CANCELLED. Commands that wait
// for a broker to come back used to give up on it.
TEST_F(BrokerClientTest, ACallThatAStoppingBrokerDropsFoundNoBroker) {
  EXPECT_EQ(broker_->Cancel({}, kTimeout).status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(BrokerClientTest, CallsBothServices) {
  v1::SubmitRequest submit;
  submit.add_tasks()->set_type("t");
  absl::StatusOr<v1::SubmitResponse> submitted = broker_->Submit(submit, kTimeout);
  ASSERT_TRUE(submitted.ok()) << submitted.status();
  EXPECT_EQ(submitted->results(0).task_id(), 1u);
  v1::ListTasksRequest list;
  list.set_page_token("a");
  absl::StatusOr<v1::ListTasksResponse> page = broker_->ListTasks(list, kTimeout);
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_EQ(page->next_page_token(), "a+");
}

TEST_F(BrokerClientTest, AFailureKeepsItsReason) {
  v1::GetRequest request;
  request.set_task_id(404);
  absl::Status status = broker_->Get(request, kTimeout).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(status.message(), "no task 404");
  EXPECT_EQ(ReasonOf(status), "TASK_NOT_FOUND");
}

TEST_F(BrokerClientTest, TakesASingleItemOverTheUsualLimit) {
  v1::GetRequest request;
  request.set_task_id(1);
  request.mutable_parts()->set_payload(true);
  absl::StatusOr<v1::GetResponse> response = broker_->Get(request, kTimeout);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->task().payload().data().size(), 6u << 20);
}

TEST_F(BrokerClientTest, GivesUpAtTheTimeout) {
  absl::Status status = broker_->Wait(v1::WaitRequest(), absl::Milliseconds(50)).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(ReasonOf(status), "");
}

TEST_F(BrokerClientTest, AMethodTheBrokerDoesNotHave) {
  EXPECT_EQ(broker_->GetStatistics({}, kTimeout).status().code(), absl::StatusCode::kUnimplemented);
}

TEST_F(BrokerClientTest, AnOverloadedBrokerIsAskedAgainWhenItSays) {
  tasks_.overloaded = 2;
  v1::SubmitRequest submit;
  submit.add_tasks()->set_type("t");
  absl::StatusOr<v1::SubmitResponse> submitted = broker_->Submit(submit, kTimeout);
  ASSERT_TRUE(submitted.ok()) << submitted.status();
  EXPECT_EQ(submitted->results_size(), 1);
  EXPECT_EQ(tasks_.submits, 3);
  // No sooner than it says, and further apart each time.
  EXPECT_THAT(pauses_, testing::ElementsAre(absl::Seconds(1), absl::Seconds(2)));
}

TEST_F(BrokerClientTest, OverloadThatMayOutlastTheTimeoutIsToldAtOnce) {
  tasks_.overloaded = 100;
  tasks_.advice = 2 * kTimeout;
  absl::Status status = broker_->Submit(v1::SubmitRequest(), kTimeout).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReasonOf(status), "OVERLOADED");
  EXPECT_EQ(tasks_.submits, 1);
  EXPECT_THAT(pauses_, testing::IsEmpty());
}

TEST_F(BrokerClientTest, NobodyListens) {
  StopServer();
  absl::Status status = Connect()->GetServerInfo(kTimeout).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReasonOf(status), "");
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("Connection refused"));
}

}  // namespace
}  // namespace baton::cli
