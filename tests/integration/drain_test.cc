// How a broker ends.
#include <thread>

#include "baton/v1/broker.pb.h"
#include "broker/server/health.pb.h"
#include "tests/integration/broker_fixture.h"
#include "tests/integration/raw_call.h"

namespace baton {
namespace {

using grpc::StatusCode;
using grpc::health::v1::HealthCheckResponse;

HealthCheckResponse::ServingStatus HealthOf(const std::shared_ptr<grpc::Channel>& channel) {
  const RawAnswer answer = RawCall(channel, "/grpc.health.v1.Health/Check", "");
  HealthCheckResponse response;
  EXPECT_TRUE(answer.messages.size() == 1 && response.ParseFromString(answer.messages[0]));
  return response.status();
}

TEST_F(BrokerTest, AnIdleBrokerDrainsAtOnce) { EXPECT_TRUE(broker().Drain("test")); }

TEST_F(BrokerTest, ADrainingBrokerTakesOutcomesButNoNewWork) {  // B57
  const uint64_t running = Submit("render");
  const uint64_t waiting = Submit("render");
  auto worker = Connect("w1", "render", 1);
  const auto delivery = worker->NextDelivery();
  ASSERT_TRUE(delivery.has_value());
  EXPECT_EQ(delivery->task_id(), running);
  bool drained = false;
  std::thread drain([this, &drained] { drained = broker().Drain("test"); });
  const auto order = worker->NextOrder();
  EXPECT_TRUE(order.has_value() && order->has_drain());
  EXPECT_EQ(HealthOf(channel()), HealthCheckResponse::NOT_SERVING);
  {
    TestContext context;
    v1::SubmitRequest request;
    v1::SubmitResponse response;
    request.add_tasks()->set_type("render");
    EXPECT_THAT(tasks().Submit(&context, request, &response),
                FailsWith(StatusCode::UNAVAILABLE, "DRAINING", "draining"));
  }
  auto late = Say(HelloOf("w2", "render"));
  EXPECT_FALSE(late->ReadWelcome());
  EXPECT_THAT(late->Finish(), FailsWith(StatusCode::UNAVAILABLE, "DRAINING", "draining"));
  EXPECT_EQ(Succeed(*worker, *delivery).code(), 0);
  drain.join();
  EXPECT_TRUE(drained);
  EXPECT_EQ(Get(running).state(), v1::TASK_STATE_COMPLETED);
  EXPECT_EQ(Get(waiting).state(), v1::TASK_STATE_PENDING) << "nothing is handed out any more";
}

TEST_F(BrokerTest, ThatAStoppingBrokerEndsTheStreamsOfWorkersCostsTheirTasksNothing) {
  Stop();
  settings_.engine.grace = 0;  // So that any stop takes longer.
  Start();
  const uint64_t id = Submit("render");
  auto worker = Connect("w1", "render", 1);
  ASSERT_TRUE(worker->NextDelivery().has_value());
  Restart();
  EXPECT_EQ(Get(id).state(), v1::TASK_STATE_RUNNING);
  EXPECT_EQ(Get(id).interruptions(), 0);
}

TEST_F(BrokerTest, ADrainGivesUpAtItsDeadline) {
  Stop();
  settings_.engine.drain_deadline = 50 * kMillisecond;
  Start();
  Submit("render");
  auto worker = Connect("w1", "render", 1);
  ASSERT_TRUE(worker->NextDelivery().has_value());
  EXPECT_FALSE(broker().Drain("test"));
}

TEST_F(BrokerTest, AStoppingBrokerEndsItsStreamsAndItsWaits) {
  const uint64_t id = Submit("nobody");
  auto worker = Connect("w1", "render");
  TestContext context;
  v1::WaitRequest request;
  v1::WaitResponse response;
  grpc::Status waited;
  grpc::CompletionQueue queue;
  request.set_task_id(id);
  const auto call = tasks().AsyncWait(&context, request, &queue);
  call->Finish(&response, &waited, nullptr);
  Get(id);  // Behind the Wait on the same connection: it has arrived.
  Stop();
  void* tag;
  bool ok;
  ASSERT_TRUE(queue.Next(&tag, &ok));
  EXPECT_THAT(waited, FailsWith(StatusCode::UNAVAILABLE, "STOPPING", ""));
  EXPECT_FALSE(worker->NextDelivery().has_value());
  EXPECT_THAT(worker->Finish(), FailsWith(StatusCode::UNAVAILABLE, "STOPPING", "reconnect"));
}

TEST_F(BrokerTest, WhatWasAnsweredIsThereAfterARestart) {  // B4
  std::vector<uint64_t> ids;
  for (int i = 0; i < 50; ++i) ids.push_back(Submit("render", std::to_string(i)));
  auto worker = Connect("w1", "render", 10);
  for (const v1::Delivery& delivery : worker->Deliveries(10)) EXPECT_EQ(Succeed(*worker, delivery, "1").code(), 0);
  worker->Finish();
  Restart();
  int completed = 0;
  for (const uint64_t id : ids) completed += Get(id).state() == v1::TASK_STATE_COMPLETED ? 1 : 0;
  EXPECT_EQ(completed, 10);
  EXPECT_GT(Submit("render"), ids.back());
}

TEST_F(BrokerTest, ADataDirectoryInUseIsRefused) {
  const absl::StatusOr<std::unique_ptr<server::Broker>> second = server::Broker::Start(settings_);
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(std::string(second.status().message()), ::testing::HasSubstr(settings_.store.directory));
}

TEST_F(BrokerTest, APortInUseIsRefusedBeforeAnythingIsWritten) {
  server::Settings other = settings_;
  other.listen = broker().address();
  other.store.directory += "-other";
  const absl::StatusOr<std::unique_ptr<server::Broker>> second = server::Broker::Start(other);
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(std::string(second.status().message()), ::testing::HasSubstr(other.listen));
  EXPECT_FALSE(std::filesystem::exists(other.store.directory));
}

TEST_F(BrokerTest, AUnixSocketServesAndIsNotStolen) {
  Stop();
  settings_.listen = "unix:" + settings_.store.directory + ".sock";
  Start();
  EXPECT_NE(Submit("render"), 0u);
  server::Settings other = settings_;
  other.store.directory += "-other";
  EXPECT_EQ(server::Broker::Start(other).status().code(), absl::StatusCode::kUnavailable);
  Restart();
  EXPECT_NE(Submit("render"), 0u);
}

}  // namespace
}  // namespace baton
