// What a real broker counts, and tells of the last minute.
#include "absl/strings/str_cat.h"
#include "tests/integration/broker_fixture.h"

namespace baton {
namespace {

class StatisticsBrokerTest : public BrokerTest {
 protected:
  v1::GetStatisticsResponse Statistics(bool by_tag = false) {
    TestContext context;
    v1::GetStatisticsRequest request;
    v1::GetStatisticsResponse response;
    request.set_by_tag(by_tag);
    EXPECT_THAT(admin().GetStatistics(&context, request, &response), IsOk());
    return response;
  }
  void FailOnce(WorkerStream& worker, const v1::Delivery& delivery) {
    v1::Outcome outcome;
    outcome.set_attempt_token(delivery.attempt_token());
    outcome.mutable_failed()->set_error("no luck");
    outcome.mutable_failed()->set_retryable(true);
    ASSERT_EQ(Complete(worker, outcome).code(), 0);
  }
  // "tag type STATE tasks" of each, in order; all fit one page.
  std::vector<std::string> Counts(const v1::CountTasksRequest& request) {
    TestContext context;
    v1::CountTasksResponse response;
    EXPECT_THAT(admin().CountTasks(&context, request, &response), IsOk());
    EXPECT_EQ(response.next_page_token(), "");
    std::vector<std::string> counts;
    for (const v1::TaskCount& count : response.counts()) {
      counts.push_back(absl::StrCat(count.has_tag() ? absl::StrCat("'", count.tag(), "' ") : "", count.type(), " ",
                                    v1::TaskState_Name(count.state()), " ", count.tasks()));
    }
    return counts;
  }
};

TEST_F(StatisticsBrokerTest, EachStepOfALifeIsCounted) {
  v1::NewTask task;
  task.set_type("render");
  task.mutable_options()->set_max_retries(2);
  auto worker = Connect("w1", "render");
  for (int i = 0; i < 3; ++i) Submit(task);
  for (int attempt = 1; attempt <= 4; ++attempt) {
    const auto delivery = worker->NextDelivery();
    ASSERT_TRUE(delivery.has_value());
    // The first task fails twice, the others do what they should.
    if (delivery->task_id() == 1) {
      FailOnce(*worker, *delivery);
    } else {
      ASSERT_EQ(Succeed(*worker, *delivery).code(), 0);
    }
  }
  WaitForEnd(1);
  const uint64_t cancelled = Submit("nobody");
  v1::CancelRequest cancel;
  v1::CancelResponse response;
  cancel.set_task_id(cancelled);
  TestContext context;
  ASSERT_THAT(tasks().Cancel(&context, cancel, &response), IsOk());

  const v1::GetStatisticsResponse statistics = Statistics();
  ASSERT_EQ(statistics.types_size(), 2);
  const v1::Activity& nobody = statistics.types(0).activity();
  const v1::Activity& render = statistics.types(1).activity();
  EXPECT_GT(nobody.cancelled_per_second(), 0);
  EXPECT_FALSE(nobody.has_queued_p50()) << "it never began";
  // All over the same time.
  const double one = nobody.cancelled_per_second();
  EXPECT_DOUBLE_EQ(render.created_per_second(), 3 * one);
  EXPECT_DOUBLE_EQ(render.started_per_second(), 4 * one);
  EXPECT_DOUBLE_EQ(render.retried_per_second(), one);
  EXPECT_DOUBLE_EQ(render.completed_per_second(), 2 * one);
  EXPECT_DOUBLE_EQ(render.failed_per_second(), one);
  EXPECT_TRUE(render.has_queued_p99());
  EXPECT_TRUE(render.has_ran_p99());
  EXPECT_DOUBLE_EQ(statistics.activity().created_per_second(), 4 * one);
}

TEST_F(StatisticsBrokerTest, TellsWhatHappenedToATag) {  // B247
  v1::NewTask task;
  task.set_type("render");
  task.set_tag("nightly");
  task.mutable_options()->set_max_retries(2);
  Submit(task);
  Submit("render");
  Restart();  // They are read from the store.
  Submit(task);
  auto worker = Connect("w1", "render");
  for (int attempt = 1; attempt <= 4; ++attempt) {
    const auto delivery = worker->NextDelivery();
    ASSERT_TRUE(delivery.has_value());
    // The first task fails twice, the others do what they should.
    if (delivery->task_id() == 1) {
      FailOnce(*worker, *delivery);
    } else {
      ASSERT_EQ(Succeed(*worker, *delivery).code(), 0);
    }
  }
  for (const uint64_t task_id : {1, 2, 3}) WaitForEnd(task_id);
  const v1::GetStatisticsResponse statistics = Statistics(true);
  ASSERT_EQ(statistics.tags_size(), 1);
  EXPECT_EQ(statistics.tags(0).tag(), "nightly");
  EXPECT_EQ(statistics.tags(0).type(), "render");
  const v1::Activity& nightly = statistics.tags(0).activity();
  // All over the same time. The first one was created before the restart.
  const double one = nightly.created_per_second();
  EXPECT_GT(one, 0);
  EXPECT_DOUBLE_EQ(nightly.started_per_second(), 3 * one);
  EXPECT_DOUBLE_EQ(nightly.retried_per_second(), one);
  EXPECT_DOUBLE_EQ(nightly.failed_per_second(), one);
  EXPECT_DOUBLE_EQ(nightly.completed_per_second(), one);
  EXPECT_TRUE(nightly.has_queued_p99());
  EXPECT_TRUE(nightly.has_ran_p99());
  EXPECT_DOUBLE_EQ(statistics.activity().completed_per_second(), 2 * one);
}

TEST_F(StatisticsBrokerTest, ARestartBeginsAnew) {
  Submit("nobody");
  Restart();
  const v1::GetStatisticsResponse statistics = Statistics();
  EXPECT_EQ(statistics.counts().pending(), 1u);
  EXPECT_EQ(statistics.activity().created_per_second(), 0);
}

TEST_F(StatisticsBrokerTest, CountsTasksByTagTypeAndState) {  // B247, S74, S124
  v1::NewTask task;
  task.set_type("render");
  task.set_tag("nightly");
  Submit(task);
  Submit(task);
  task.set_type("encode");
  Submit(task);
  Submit("encode");
  auto worker = Connect("w1", "encode");
  for (int i = 0; i < 2; ++i) {
    const auto delivery = worker->NextDelivery();
    ASSERT_TRUE(delivery.has_value());
    ASSERT_EQ(Succeed(*worker, *delivery).code(), 0);
    WaitForEnd(delivery->task_id());
  }

  v1::CountTasksRequest request;
  request.mutable_filter()->set_tag("nightly");
  EXPECT_THAT(Counts(request), ::testing::ElementsAre("encode TASK_STATE_COMPLETED 1", "render TASK_STATE_PENDING 2"));
  request.mutable_filter()->add_states(v1::TASK_STATE_PENDING);
  EXPECT_THAT(Counts(request), ::testing::ElementsAre("render TASK_STATE_PENDING 2"));
  request.Clear();
  request.set_group_by_tag(true);
  const auto all = ::testing::ElementsAre("'' encode TASK_STATE_COMPLETED 1", "'nightly' encode TASK_STATE_COMPLETED 1",
                                          "'nightly' render TASK_STATE_PENDING 2");
  EXPECT_THAT(Counts(request), all);
  Restart();
  EXPECT_THAT(Counts(request), all);
}

}  // namespace
}  // namespace baton
