// TaskAdmin.Explain against a real broker: what the records tell and what the engine adds.
#include "tests/integration/broker_fixture.h"

namespace baton {
namespace {

using ::testing::HasSubstr;

class ExplainBrokerTest : public BrokerTest {
 protected:
  v1::ExplainResponse Explain(uint64_t id) {
    TestContext context;
    v1::ExplainRequest request;
    v1::ExplainResponse response;
    request.set_task_id(id);
    EXPECT_THAT(admin().Explain(&context, request, &response), IsOk());
    return response;
  }
};

TEST_F(ExplainBrokerTest, AStuckTaskIsUnderstoodByOneCall) {
  const uint64_t id = Submit("render");
  v1::ExplainResponse response = Explain(id);
  ASSERT_EQ(response.obstacles_size(), 1);
  EXPECT_EQ(response.obstacles(0).kind(), v1::OBSTACLE_KIND_NO_WORKER);

  auto worker = Connect("w1", "render", 1);
  const auto delivery = worker->NextDelivery();
  ASSERT_TRUE(delivery.has_value());
  response = Explain(id);
  EXPECT_EQ(response.obstacles_size(), 0);
  EXPECT_EQ(response.holder().worker_id(), "w1");
  EXPECT_EQ(response.holder().state(), v1::WORKER_STATE_CONNECTED);
  EXPECT_GT(response.holder().times_out_in().seconds(), 50);

  for (int i = 0; i < 7; ++i) Submit("render");
  const uint64_t last = Submit("render");
  response = Explain(last);
  ASSERT_EQ(response.obstacles_size(), 1);
  EXPECT_EQ(response.obstacles(0).kind(), v1::OBSTACLE_KIND_NO_FREE_SLOT);
  EXPECT_EQ(response.queue().ahead(), 7u);
  EXPECT_EQ(response.queue().slots_taken(), 1);
  EXPECT_TRUE(response.queue().has_expected_start());

  v1::PauseTypeRequest pause;
  v1::PauseTypeResponse paused;
  pause.set_type("render");
  pause.set_reason("the disk is full");
  TestContext context;
  ASSERT_THAT(admin().PauseType(&context, pause, &paused), IsOk());
  response = Explain(last);
  EXPECT_EQ(response.obstacles(0).kind(), v1::OBSTACLE_KIND_TYPE_PAUSED);
  EXPECT_EQ(response.obstacles(0).reason(), "the disk is full");
  EXPECT_EQ(response.obstacles(0).actor(), "local");
  EXPECT_FALSE(response.has_queue());

  ASSERT_EQ(Succeed(*worker, *delivery).code(), 0);
  response = Explain(id);
  EXPECT_EQ(response.task().state(), v1::TASK_STATE_COMPLETED);
  EXPECT_FALSE(response.has_holder());
}

}  // namespace
}  // namespace baton
