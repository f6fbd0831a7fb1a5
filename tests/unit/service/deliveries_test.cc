#include "broker/service/deliveries.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "baton/v1/worker.pb.h"
#include "broker/service/attempt_token.h"

namespace baton::service {
namespace {

constexpr uint64_t kIncarnation = 99;

engine::Delivery MakeDelivery(uint64_t number, size_t payload_bytes) {
  records::v1::TaskRow row;
  row.mutable_payload()->set_data(std::string(payload_bytes, 'p'));
  row.set_tag("t");
  row.mutable_options()->set_priority(3);
  auto body = std::make_shared<engine::TaskBody>();
  body->task_row = row.SerializeAsString();
  engine::Delivery delivery;
  delivery.number = number;
  delivery.attempt = {number + 100, 2};
  delivery.type = "render";
  delivery.body = body;
  return delivery;
}

std::vector<v1::Delivery> Parse(const std::string& message) {
  v1::ClaimResponse response;
  EXPECT_TRUE(response.ParseFromString(message));
  const auto& deliveries = response.deliveries().deliveries();
  return {deliveries.begin(), deliveries.end()};
}

TEST(Deliveries, CarryEverythingAHandlerGets) {  // B39
  engine::Delivery delivery = MakeDelivery(7, 200);
  records::v1::Step context, decision;
  context.mutable_context()->set_json("{}");
  context.set_reason("not for the worker");
  decision.mutable_decision()->set_data("yes");
  auto body = std::make_shared<engine::TaskBody>(*delivery.body);
  body->context_step = context.SerializeAsString();
  body->decision_step = decision.SerializeAsString();
  delivery.body = body;
  delivery.stage = 2;
  delivery.timeout = kMinute;
  delivery.parent = 5;
  delivery.root = 4;
  delivery.priority = -3;
  delivery.failures = 1;
  delivery.max_retries = 3;
  delivery.children = 10;
  delivery.children_failed = 2;
  delivery.handler_version = 6;
  delivery.created = 123;
  std::deque<engine::Delivery> pending;
  pending.push_back(std::move(delivery));
  const std::vector<v1::Delivery> parsed = Parse(TakeDeliveries(kIncarnation, 4 << 20, &pending));
  EXPECT_TRUE(pending.empty());
  ASSERT_EQ(parsed.size(), 1u);
  const v1::Delivery& wire = parsed[0];
  EXPECT_EQ(wire.number(), 7u);
  EXPECT_EQ(wire.attempt_token(), AttemptTokenOf(kIncarnation, {107, 2}));
  EXPECT_EQ(wire.task_id(), 107u);
  EXPECT_EQ(wire.attempt(), 2);
  EXPECT_EQ(wire.type(), "render");
  EXPECT_EQ(wire.stage(), 2);
  EXPECT_EQ(wire.payload().data(), std::string(200, 'p'));
  EXPECT_EQ(wire.context().json(), "{}");
  EXPECT_EQ(wire.decision().data(), "yes");
  EXPECT_EQ(wire.timeout_us(), kMinute);
  EXPECT_EQ(wire.tag(), "t");
  EXPECT_EQ(wire.parent_id(), 5u);
  EXPECT_EQ(wire.root_id(), 4u);
  EXPECT_EQ(wire.priority(), -3);
  EXPECT_EQ(wire.failed_attempts(), 1);
  EXPECT_EQ(wire.max_retries(), 3);
  EXPECT_EQ(wire.children(), 10u);
  EXPECT_EQ(wire.children_failed(), 2u);
  EXPECT_EQ(wire.handler_version(), 6u);
  EXPECT_EQ(wire.created_at_us(), 123);
}

TEST(Deliveries, NameTheScheduleThatTheyAreOf) {
  engine::Delivery delivery = MakeDelivery(1, 10);
  auto body = std::make_shared<engine::TaskBody>(*delivery.body);
  records::v1::TaskRow row;
  row.set_schedule("nightly");
  row.set_schedule_number(1 << 24);
  row.set_scheduled_us(1'700'000'000'000'000);
  body->task_row += row.SerializeAsString();
  delivery.body = std::move(body);
  std::deque<engine::Delivery> pending;
  pending.push_back(std::move(delivery));
  const std::vector<v1::Delivery> parsed = Parse(TakeDeliveries(kIncarnation, 4 << 20, &pending));
  EXPECT_EQ(parsed.at(0).schedule(), "nightly");
  EXPECT_EQ(parsed.at(0).scheduled_at_us(), 1'700'000'000'000'000);
}

TEST(Deliveries, CarryTheTraceContextOfTheTask) {
  engine::Delivery delivery = MakeDelivery(1, 10);
  auto body = std::make_shared<engine::TaskBody>(*delivery.body);
  records::v1::TaskRow row;
  row.set_trace_parent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  row.set_trace_state("rojo=1");
  body->task_row += row.SerializeAsString();
  delivery.body = std::move(body);
  std::deque<engine::Delivery> pending;
  pending.push_back(std::move(delivery));
  const std::vector<v1::Delivery> parsed = Parse(TakeDeliveries(kIncarnation, 4 << 20, &pending));
  EXPECT_EQ(parsed.at(0).trace_parent(), row.trace_parent());
  EXPECT_EQ(parsed.at(0).trace_state(), "rojo=1");
  EXPECT_EQ(parsed.at(0).tag(), "t");
}

TEST(Deliveries, AreCutByCount) {
  std::deque<engine::Delivery> pending;
  for (uint64_t i = 1; i <= 1500; ++i) pending.push_back(MakeDelivery(i, 1));
  EXPECT_EQ(Parse(TakeDeliveries(kIncarnation, 4 << 20, &pending)).size(), 1000u);
  const auto rest = Parse(TakeDeliveries(kIncarnation, 4 << 20, &pending));
  ASSERT_EQ(rest.size(), 500u);
  EXPECT_EQ(rest.front().number(), 1001u);
  EXPECT_TRUE(pending.empty());
}

TEST(Deliveries, AreCutByBytesButNeverEmpty) {
  constexpr size_t kLimit = 100'000;
  std::deque<engine::Delivery> pending;
  pending.push_back(MakeDelivery(1, 2 * kLimit));
  for (uint64_t i = 2; i <= 20; ++i) pending.push_back(MakeDelivery(i, 30'000));
  const std::string first = TakeDeliveries(kIncarnation, kLimit, &pending);
  EXPECT_EQ(Parse(first).size(), 1u) << "one that is larger than the limit goes alone";
  uint64_t next = 2;
  while (!pending.empty()) {
    const std::string message = TakeDeliveries(kIncarnation, kLimit, &pending);
    EXPECT_LE(message.size(), kLimit + 1024);
    for (const v1::Delivery& delivery : Parse(message)) EXPECT_EQ(delivery.number(), next++);
  }
  EXPECT_EQ(next, 21u);
}

TEST(Orders, SayWhatTheWorkerMustDo) {
  v1::ClaimResponse response;
  ASSERT_TRUE(response.ParseFromString(
      EncodeOrder(kIncarnation, {engine::Order::Kind::kCancel, {{1, 2}, {3, 4}}, "no longer needed"}, 0)));
  EXPECT_THAT(response.order().cancel().attempt_tokens(),
              ::testing::ElementsAre(AttemptTokenOf(kIncarnation, {1, 2}), AttemptTokenOf(kIncarnation, {3, 4})));
  EXPECT_EQ(response.order().cancel().reason(), "no longer needed");
  ASSERT_TRUE(
      response.ParseFromString(EncodeOrder(kIncarnation, {engine::Order::Kind::kRecall, {{5, 6}, {7, 8}}, ""}, 0)));
  EXPECT_THAT(response.order().recall().attempt_tokens(),
              ::testing::ElementsAre(AttemptTokenOf(kIncarnation, {5, 6}), AttemptTokenOf(kIncarnation, {7, 8})));
  ASSERT_TRUE(response.ParseFromString(EncodeOrder(kIncarnation, {engine::Order::Kind::kDrain, {}, "stop"}, kSecond)));
  EXPECT_EQ(response.order().drain().deadline_us(), kSecond);
  ASSERT_TRUE(
      response.ParseFromString(EncodeOrder(kIncarnation, {engine::Order::Kind::kDismiss, {}, "retired"}, kSecond)));
  EXPECT_EQ(response.order().drain().reason(), "retired");
  ASSERT_TRUE(response.ParseFromString(EncodeOrder(kIncarnation, {engine::Order::Kind::kSuperseded, {}, "i2"}, 0)));
  EXPECT_EQ(response.order().superseded().by_instance_id(), "i2");
}

}  // namespace
}  // namespace baton::service
