#include "tests/integration/broker_fixture.h"

#include <grpc/support/time.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <unistd.h>

#include "baton/v1/error.pb.h"

namespace baton {
namespace {

constexpr int64_t kPatienceSeconds = 20;

std::filesystem::path NewDirectory() {
  std::string name = (std::filesystem::temp_directory_path() / "baton-test-XXXXXX").string();
  EXPECT_NE(mkdtemp(name.data()), nullptr);
  return name;
}

}  // namespace

TestContext::TestContext() {
  set_deadline(gpr_time_from_seconds(kPatienceSeconds, GPR_TIMESPAN));
  // gRPC 1.51 now and then takes a connection that is being made for one that has failed, and tries again: it looks at
  // errno after calls that may change it (grpc/grpc#35064).
  set_wait_for_ready(true);
}

std::string ReasonOf(const grpc::Status& status) {
  v1::Status details;
  v1::ErrorInfo info;
  if (!details.ParseFromString(status.error_details()) || details.details().empty()) return "";
  EXPECT_EQ(details.code(), static_cast<int>(status.error_code()));
  EXPECT_EQ(details.details(0).type_url(), "type.googleapis.com/baton.v1.ErrorInfo");
  EXPECT_TRUE(info.ParseFromString(details.details(0).value()));
  EXPECT_EQ(info.domain(), "baton");
  return info.reason();
}

BrokerTest::BrokerTest() : directory_(NewDirectory()) {
  settings_.listen = "127.0.0.1:0";
  settings_.store.directory = directory_ / "data";
  settings_.engine.grace = 100 * kMillisecond;
}

BrokerTest::~BrokerTest() {
  Stop();
  std::filesystem::remove_all(directory_);
}

void BrokerTest::Start() {
  absl::StatusOr<std::unique_ptr<server::Broker>> started = server::Broker::Start(settings_);
  ASSERT_TRUE(started.ok()) << started.status();
  broker_ = *std::move(started);
  // Channels to the same address would share a connection, also one that a stopped broker has left behind.
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  channel_ = grpc::CreateCustomChannel(broker_->address(), grpc::InsecureChannelCredentials(), arguments);
  tasks_ = v1::TaskBroker::NewStub(channel_);
  admin_ = v1::TaskAdmin::NewStub(channel_);
}

void BrokerTest::Stop() { broker_.reset(); }

v1::Hello BrokerTest::HelloOf(const std::string& worker_id, const std::string& type, int slots) {
  v1::Hello hello;
  hello.set_protocol_version(1);
  hello.set_worker_id(worker_id);
  hello.set_instance_id(worker_id + "-instance");
  hello.mutable_worker()->set_slots(slots);
  hello.mutable_worker()->add_handlers()->set_type(type);
  return hello;
}

std::unique_ptr<WorkerStream> BrokerTest::Say(const v1::Hello& hello) {
  return std::make_unique<WorkerStream>(tasks_.get(), hello);
}

std::unique_ptr<WorkerStream> BrokerTest::Connect(const std::string& worker_id, const std::string& type, int slots) {
  std::unique_ptr<WorkerStream> stream = Say(HelloOf(worker_id, type, slots));
  EXPECT_TRUE(stream->ReadWelcome()) << stream->Finish().error_message();
  return stream;
}

v1::SubmitResult BrokerTest::TrySubmit(const v1::NewTask& task) {
  TestContext context;
  v1::SubmitRequest request;
  v1::SubmitResponse response;
  *request.add_tasks() = task;
  EXPECT_THAT(tasks().Submit(&context, request, &response), IsOk());
  EXPECT_EQ(response.results_size(), 1);
  return response.results_size() == 1 ? response.results(0) : v1::SubmitResult();
}

uint64_t BrokerTest::Submit(const v1::NewTask& task) {
  const v1::SubmitResult result = TrySubmit(task);
  EXPECT_FALSE(result.has_error()) << result.error().message();
  return result.task_id();
}

uint64_t BrokerTest::Submit(const std::string& type, const std::string& json) {
  v1::NewTask task;
  task.set_type(type);
  if (!json.empty()) task.mutable_payload()->set_json(json);
  return Submit(task);
}

v1::Error BrokerTest::Complete(WorkerStream& worker, v1::Outcome outcome) {
  TestContext context;
  v1::CompleteRequest request;
  v1::CompleteResponse response;
  request.set_session(worker.session());
  *request.add_outcomes() = std::move(outcome);
  EXPECT_THAT(tasks().Complete(&context, request, &response), IsOk());
  EXPECT_EQ(response.results_size(), 1);
  return response.results_size() == 1 ? response.results(0).error() : v1::Error();
}

v1::Error BrokerTest::Succeed(WorkerStream& worker, const v1::Delivery& delivery, const std::string& json) {
  v1::Outcome outcome;
  outcome.set_attempt_token(delivery.attempt_token());
  if (json.empty()) {
    outcome.mutable_succeeded();
  } else {
    outcome.mutable_succeeded()->mutable_result()->set_json(json);
  }
  return Complete(worker, std::move(outcome));
}

v1::Task BrokerTest::Get(uint64_t task_id) {
  TestContext context;
  v1::GetRequest request;
  v1::GetResponse response;
  request.set_task_id(task_id);
  for (auto set : {&v1::TaskParts::set_payload, &v1::TaskParts::set_result, &v1::TaskParts::set_context}) {
    (request.mutable_parts()->*set)(true);
  }
  EXPECT_THAT(tasks().Get(&context, request, &response), IsOk());
  return response.task();
}

v1::Task BrokerTest::WaitForEnd(uint64_t task_id) {
  TestContext context;
  v1::WaitRequest request;
  v1::WaitResponse response;
  request.set_task_id(task_id);
  request.mutable_parts()->set_result(true);
  EXPECT_THAT(tasks().Wait(&context, request, &response), IsOk());
  EXPECT_FALSE(response.timed_out());
  return response.task();
}

v1::Task BrokerTest::WaitForChange(const v1::Task& known) {
  TestContext context;
  v1::WaitRequest request;
  v1::WaitResponse response;
  request.set_task_id(known.id());
  request.set_known_version(known.version());
  EXPECT_THAT(tasks().Wait(&context, request, &response), IsOk());
  EXPECT_FALSE(response.timed_out());
  return response.task();
}

}  // namespace baton
