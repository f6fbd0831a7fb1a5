// Who gets what, as operators want it.
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "tests/integration/broker_fixture.h"

namespace baton {
namespace {

using grpc::StatusCode;

class RoutingTest : public BrokerTest {
 protected:
  int Limit(const std::string& type, int max_running) {
    TestContext context;
    v1::SetTypeLimitRequest request;
    v1::SetTypeLimitResponse response;
    request.set_type(type);
    request.set_max_running(max_running);
    request.set_reason("the mail server takes no more");
    EXPECT_THAT(admin().SetTypeLimit(&context, request, &response), IsOk());
    return response.running();
  }
  grpc::Status Drain(const std::string& worker, v1::DrainWorkerResponse* response) {
    TestContext context;
    v1::DrainWorkerRequest request;
    request.set_worker_id(worker);
    request.set_reason("its host is retired");
    return admin().DrainWorker(&context, request, response);
  }
  // Free slots and what runs are told to readers a little later.
  void AwaitWaitingFor(uint64_t task, const std::string& text) {
    const absl::Time patience = absl::Now() + absl::Seconds(20);
    std::string said = Get(task).waiting_for();
    while (said != text && absl::Now() < patience) said = Get(task).waiting_for();
    EXPECT_EQ(said, text);
  }
};

TEST_F(RoutingTest, ATypeRunsNoMoreThanItsLimitOverAllWorkersAndARestart) {
  EXPECT_EQ(Limit("mail", 2), 0);
  std::vector<uint64_t> ids;
  for (int i = 0; i < 4; ++i) ids.push_back(Submit("mail"));
  auto first = Connect("w1", "mail", 1);
  auto second = Connect("w2", "mail", 10);
  const auto a = first->NextDelivery(), b = second->NextDelivery();
  ASSERT_TRUE(a.has_value() && b.has_value());
  AwaitWaitingFor(ids[2], "waits for the limit of type 'mail': 2 of 2 are running");
  {
    TestContext context;
    v1::ListTypesResponse types;
    ASSERT_THAT(admin().ListTypes(&context, v1::ListTypesRequest(), &types), IsOk());
    ASSERT_EQ(types.types_size(), 1);
    EXPECT_EQ(types.types(0).limit().max_running(), 2);
    EXPECT_EQ(types.types(0).limit().reason(), "the mail server takes no more");
  }
  Restart();
  auto third = Connect("w3", "mail", 10);
  EXPECT_EQ(Limit("mail", 2), 2) << "they run on";
  EXPECT_EQ(Get(ids[2]).state(), v1::TASK_STATE_PENDING);
  EXPECT_EQ(Succeed(*third, *a).code(), 0);
  const auto next = third->NextDelivery();
  ASSERT_TRUE(next.has_value());
  EXPECT_EQ(next->task_id(), ids[2]);
  EXPECT_EQ(Limit("mail", 0), 2);
  const auto last = third->NextDelivery();
  ASSERT_TRUE(last.has_value());
  EXPECT_EQ(last->task_id(), ids[3]);
}

TEST_F(RoutingTest, AWorkerThatIsDrainedFinishesAndIsToldNotToComeBack) {
  const uint64_t running = Submit("mail");
  auto worker = Connect("w1", "mail");
  const auto delivery = worker->NextDelivery();
  ASSERT_TRUE(delivery.has_value());
  v1::DrainWorkerResponse drained;
  ASSERT_THAT(Drain("w1", &drained), IsOk());
  EXPECT_EQ(drained.attempts(), 1);
  const auto order = worker->NextOrder();
  ASSERT_TRUE(order.has_value() && order->has_drain());
  EXPECT_EQ(order->drain().reason(), "its host is retired");
  EXPECT_GT(order->drain().deadline_us(), 0);
  const uint64_t waiting = Submit("mail");
  AwaitWaitingFor(waiting, "no live worker can run it: the only connected worker is draining");
  EXPECT_THAT(Drain("w1", &drained), IsOk()) << "a repeat";
  EXPECT_EQ(Succeed(*worker, *delivery).code(), 0);
  EXPECT_THAT(worker->Finish(), FailsWith(StatusCode::FAILED_PRECONDITION, "DRAINED", "DrainWorker"));
  EXPECT_EQ(Get(running).state(), v1::TASK_STATE_COMPLETED);
  EXPECT_EQ(Get(waiting).state(), v1::TASK_STATE_PENDING);
  EXPECT_THAT(Drain("w1", &drained), FailsWith(StatusCode::NOT_FOUND, "WORKER_NOT_FOUND", "'w1'"));

  auto again = Connect("w1", "mail");
  const auto repeated = again->NextOrder();
  EXPECT_TRUE(repeated.has_value() && repeated->has_drain()) << "the same process";
}

TEST_F(RoutingTest, WithAgeingALongWaitOutweighsPriority) {
  settings_.engine.ageing = kMillisecond;
  Restart();
  const uint64_t low = Submit("mail");
  v1::NewTask larger;
  larger.set_type("mail");
  larger.mutable_options()->set_priority(1);
  // Those that come within a millisecond go first.
  std::vector<uint64_t> later = {Submit(larger)};
  while (Get(later.back()).created_at_us() - Get(low).created_at_us() <= kMillisecond) later.push_back(Submit(larger));
  Restart();
  auto worker = Connect("w1", "mail", 1000);
  std::vector<uint64_t> order;
  for (const v1::Delivery& delivery : worker->Deliveries(later.size() + 1)) order.push_back(delivery.task_id());
  ASSERT_EQ(order.size(), later.size() + 1);
  EXPECT_EQ(order.back(), later.back());
  EXPECT_EQ(order[order.size() - 2], low);
}

}  // namespace
}  // namespace baton
