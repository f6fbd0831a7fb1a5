// The layer over gRPC, against a server that the test plays.
#include <grpcpp/grpcpp.h>

#include <fstream>
#include <memory>
#include <string>
#include <utility>

#include "absl/synchronization/notification.h"
#include "baton/error.h"
#include "baton/v1/broker.grpc.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/sdk/fake_connection.h"
#include "worker_sdk/src/broker_connection.h"

namespace baton::inline sdk {
namespace internal {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// Answers Get with what the test says; echoes on Claim what it reads, as orders to reconnect.
class PlayedBroker final : public v1::TaskBroker::Service {
 public:
  grpc::Status Get(grpc::ServerContext* context, const v1::GetRequest* request, v1::GetResponse* response) override {
    if (request->task_id() == 0) {  // hang until the caller gives up
      while (!context->IsCancelled() && !stop_.WaitForNotificationWithTimeout(absl::Milliseconds(5))) {
      }
      return grpc::Status::CANCELLED;
    }
    if (request->task_id() == 401) return grpc::Status(grpc::StatusCode::UNAUTHENTICATED, "not this token");
    if (request->task_id() == 404) return NotFound();
    response->mutable_task()->set_id(request->task_id());
    return grpc::Status::OK;
  }

  grpc::Status Claim(grpc::ServerContext*,
                     grpc::ServerReaderWriter<v1::ClaimResponse, v1::ClaimRequest>* stream) override {
    v1::ClaimRequest request;
    while (stream->Read(&request)) {
      v1::ClaimResponse response;
      response.mutable_order()->mutable_reconnect()->set_address(
          request.has_hello() ? "hello " + request.hello().worker_id() : "update");
      stream->Write(response);
    }
    return grpc::Status(grpc::StatusCode::UNAVAILABLE, "that was all");
  }

  void Stop() { stop_.Notify(); }

 private:
  static grpc::Status NotFound() {
    v1::ErrorInfo info;
    info.set_reason("TASK_EXPIRED");
    (*info.mutable_metadata())["retry_after_us"] = "7";
    v1::Status body;
    v1::Status::Any* detail = body.add_details();
    detail->set_type_url("type.googleapis.com/baton.v1.ErrorInfo");
    detail->set_value(info.SerializeAsString());
    return grpc::Status(grpc::StatusCode::NOT_FOUND, "gone", body.SerializeAsString());
  }

  absl::Notification stop_;
};

class Recorder final : public ClaimObserver {
 public:
  void OnClaimMessage(uint64_t stream, v1::ClaimResponse& message) override {
    messages.Push(std::to_string(stream) + " " + message.order().reconnect().address());
  }
  void OnClaimClosed(uint64_t, const absl::Status& status) override { closed.Push(status); }

  Inbox<std::string> messages;
  Inbox<absl::Status> closed;
};

class GrpcConnectionTest : public ::testing::Test {
 protected:
  GrpcConnectionTest() {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&broker_);
    server_ = builder.BuildAndStart();
    address_ = "127.0.0.1:" + std::to_string(port);
    connection_ = MakeGrpcConnection(address_);
  }
  ~GrpcConnectionTest() override {
    connection_->Close();
    broker_.Stop();
    server_->Shutdown(gpr_time_from_millis(0, GPR_TIMESPAN));
  }

  struct GetAnswer {
    absl::Status status;
    uint64_t id = 0;
  };
  void Get(uint64_t id, CallOptions options = {.timeout = kPatience}) {
    v1::GetRequest request;
    request.set_task_id(id);
    connection_->Get(request, options, [this](const absl::Status& status, v1::GetResponse& response) {
      answers_.Push({status, response.task().id()});
    });
  }
  std::shared_ptr<Recorder> OpenClaim(uint64_t stream) {
    auto recorder = std::make_shared<Recorder>();
    v1::Hello hello;
    hello.set_worker_id("w");
    connection_->OpenClaim(stream, hello, recorder);
    return recorder;
  }

  PlayedBroker broker_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
  std::shared_ptr<BrokerConnection> connection_;
  Inbox<GetAnswer> answers_;
};

TEST_F(GrpcConnectionTest, AnswersCalls) {
  Get(5);
  EXPECT_EQ(answers_.Take("an answer").id, 5);
}

TEST_F(GrpcConnectionTest, ErrorsCarryReasonAndAdvice) {
  Get(404);
  const absl::Status status = answers_.Take("an answer").status;
  EXPECT_TRUE(absl::IsNotFound(status));
  EXPECT_EQ(status.message(), "gone");
  EXPECT_EQ(ErrorReason(status), "TASK_EXPIRED");
  EXPECT_EQ(RetryAfter(status), absl::Microseconds(7));
}

TEST_F(GrpcConnectionTest, ARefusedTokenThatWasReplacedMeanwhileIsNoFaultOfTheBroker) {
  const std::string file = ::testing::TempDir() + "grpc_connection_test_token";
  std::ofstream(file) << "old";
  connection_ = MakeGrpcConnection(address_, {}, FindAccessToken("", file));
  Get(401);
  EXPECT_TRUE(absl::IsUnauthenticated(answers_.Take("a refusal").status));
  std::ofstream(file) << "new";
  Get(401);
  const absl::Status status = answers_.Take("a refusal").status;
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_EQ(ErrorReason(status), kAccessTokenReplaced);
}

TEST_F(GrpcConnectionTest, CallsEndAtTheirTimeout) {
  Get(0, {.timeout = absl::Milliseconds(20)});
  EXPECT_TRUE(absl::IsDeadlineExceeded(answers_.Take("an answer").status));
}

TEST_F(GrpcConnectionTest, AnAbsentBrokerIsUnavailableOrWaitedFor) {
  connection_->SetAddress("unix:/nonexistent/baton.sock", /*stay_encrypted=*/false);
  Get(5);
  absl::Status status = answers_.Take("an answer").status;
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              AllOf(StartsWith("no connection to unix:/nonexistent/baton.sock: "), HasSubstr("failed to connect"),
                    EndsWith("Is a broker running there?")));
  Get(5, {.timeout = absl::Milliseconds(20), .wait_for_ready = true});
  status = answers_.Take("an answer").status;
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              EndsWith("there is no connection to unix:/nonexistent/baton.sock: is a broker running there?"));
}

TEST_F(GrpcConnectionTest, WhereNothingListensIsAskedForABrokerFirstAndThenForTls) {
  connection_->SetAddress("127.0.0.1:1", /*stay_encrypted=*/false);
  Get(5, {.timeout = absl::Milliseconds(20), .wait_for_ready = true});
  EXPECT_THAT(std::string(answers_.Take("an answer").status.message()),
              HasSubstr("there is no connection to 127.0.0.1:1: is a broker running there? If it is and speaks TLS"));
  Get(5);
  EXPECT_THAT(std::string(answers_.Take("an answer").status.message()),
              AllOf(StartsWith("no connection to 127.0.0.1:1: "), HasSubstr("Connection refused"),
                    EndsWith("Is a broker running there?")));
}

TEST_F(GrpcConnectionTest, CloseAnswersEverything) {
  const std::shared_ptr<Recorder> claim = OpenClaim(1);
  claim->messages.Take("the echo of the hello");
  Get(0);
  connection_->Close();
  EXPECT_TRUE(absl::IsCancelled(answers_.Take("the call under way").status));
  EXPECT_TRUE(absl::IsCancelled(claim->closed.Take("the end of the stream")));
  Get(5);
  EXPECT_TRUE(absl::IsCancelled(answers_.Take("the call that came too late").status));
}

TEST_F(GrpcConnectionTest, AStreamCarriesHelloUpdatesAndItsEnd) {
  const std::shared_ptr<Recorder> claim = OpenClaim(7);
  EXPECT_EQ(claim->messages.Take("the echo of the hello"), "7 hello w");
  connection_->UpdateClaim(6, {});  // another stream
  connection_->UpdateClaim(7, {});
  EXPECT_EQ(claim->messages.Take("the echo of the update"), "7 update");
  connection_->HalfCloseClaim(7);
  const absl::Status status = claim->closed.Take("the end of the stream");
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_EQ(status.message(), "that was all");
  EXPECT_TRUE(claim->messages.empty());
}

TEST_F(GrpcConnectionTest, AStreamCanBeCancelledAndReplaced) {
  const std::shared_ptr<Recorder> first = OpenClaim(1);
  first->messages.Take("the echo of the hello");
  connection_->CancelClaim(1);
  EXPECT_TRUE(absl::IsCancelled(first->closed.Take("the end of the stream")));
  EXPECT_EQ(OpenClaim(2)->messages.Take("the echo of the hello"), "2 hello w");
}

TEST_F(GrpcConnectionTest, AStreamToAnAbsentBrokerEnds) {
  connection_->SetAddress("unix:/nonexistent/baton.sock", /*stay_encrypted=*/false);
  EXPECT_TRUE(absl::IsUnavailable(OpenClaim(1)->closed.Take("the end of the stream")));
}

// The broker here does not speak TLS: who gets an answer did not encrypt.
TEST_F(GrpcConnectionTest, AnAddressAfterAnEncryptedOneIsUsedAsItIsWrittenUnlessItIsToStayEncrypted) {
  connection_->SetAddress("tls://" + address_, /*stay_encrypted=*/false);
  Get(5);
  EXPECT_TRUE(absl::IsUnavailable(answers_.Take("no answer").status));
  connection_->SetAddress(address_, /*stay_encrypted=*/true);
  Get(5);
  EXPECT_TRUE(absl::IsUnavailable(answers_.Take("no answer").status));
  connection_->SetAddress(address_, /*stay_encrypted=*/false);
  Get(5);
  EXPECT_EQ(answers_.Take("an answer").id, 5);
}

}  // namespace
}  // namespace internal
}  // namespace baton::inline sdk
