#ifndef BATON_TESTS_INTEGRATION_BROKER_FIXTURE_H_
#define BATON_TESTS_INTEGRATION_BROKER_FIXTURE_H_

#include <gmock/gmock.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

#include "baton/v1/admin.grpc.pb.h"
#include "baton/v1/broker.grpc.pb.h"
#include "broker/server/broker.h"
#include "tests/integration/worker_stream.h"

namespace baton {

// A real broker in this process: RocksDB in a directory of its own, gRPC over a free port of the loopback.
class BrokerTest : public ::testing::Test {
 protected:
  BrokerTest();
  ~BrokerTest() override;

  // Every test begins with a running broker.
  void SetUp() override { Start(); }
  void Start();
  void Stop();
  // Stops without draining and starts again on the same data.
  void Restart() {
    Stop();
    Start();
  }
  server::Broker& broker() { return *broker_; }
  const std::shared_ptr<grpc::Channel>& channel() { return channel_; }
  v1::TaskBroker::Stub& tasks() { return *tasks_; }
  v1::TaskAdmin::Stub& admin() { return *admin_; }

  // A worker that has one handler of this type; its welcome is read.
  std::unique_ptr<WorkerStream> Connect(const std::string& worker_id, const std::string& type, int slots = 10);
  // The same with a hello of the caller's; the stream may be refused.
  std::unique_ptr<WorkerStream> Say(const v1::Hello& hello);
  static v1::Hello HelloOf(const std::string& worker_id, const std::string& type, int slots = 10);

  // One task; answers its id. Fails the test if it is refused.
  uint64_t Submit(const std::string& type, const std::string& json = "");
  uint64_t Submit(const v1::NewTask& task);
  // The result of a one-task Submit.
  v1::SubmitResult TrySubmit(const v1::NewTask& task);

  // Completes one attempt; the error of its result, with code 0 if there is none.
  v1::Error Complete(WorkerStream& worker, v1::Outcome outcome);
  v1::Error Succeed(WorkerStream& worker, const v1::Delivery& delivery, const std::string& json = "");

  v1::Task Get(uint64_t task_id);
  // The task once it is terminal; fails the test if that takes longer than 20 s.
  v1::Task WaitForEnd(uint64_t task_id);
  // The task once it differs from this version.
  v1::Task WaitForChange(const v1::Task& known);

  server::Settings settings_;

 private:
  std::filesystem::path directory_;
  std::unique_ptr<server::Broker> broker_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::TaskBroker::Stub> tasks_;
  std::unique_ptr<v1::TaskAdmin::Stub> admin_;
};

// A context whose call ends after 20 s, so that no test hangs.
class TestContext : public grpc::ClientContext {
 public:
  TestContext();
};

// The reason in the details of a failed call; empty if it has none.
std::string ReasonOf(const grpc::Status& status);

MATCHER(IsOk, "OK") {
  *result_listener << arg.error_code() << " " << arg.error_message();
  return arg.ok();
}

// A status of a whole call, or the error of an item.
MATCHER_P3(FailsWith, code, reason, named, std::string("fails with ") + reason + " naming " + named) {
  *result_listener << "code " << arg.error_code() << ", reason " << ReasonOf(arg) << ", message '"
                   << arg.error_message() << "'";
  return arg.error_code() == code && ReasonOf(arg) == reason && arg.error_message().find(named) != std::string::npos;
}
MATCHER_P3(IsError, code, reason, named, std::string("is ") + reason + " naming " + named) {
  *result_listener << "code " << arg.code() << ", reason " << arg.reason() << ", message '" << arg.message() << "'";
  return arg.code() == code && arg.reason() == reason && arg.message().find(named) != std::string::npos;
}

}  // namespace baton

#endif  // BATON_TESTS_INTEGRATION_BROKER_FIXTURE_H_
