// A task's life over the wire: submit, claim, complete, read; and what Submit promises.
#include "tests/integration/broker_fixture.h"

namespace baton {
namespace {

using ::testing::HasSubstr;

TEST_F(BrokerTest, ATaskIsSubmittedClaimedCompletedAndRead) {  // B56, B72, S1, S72, S121
  v1::NewTask task;
  task.set_type("render");
  task.set_tag("nightly");
  task.mutable_payload()->set_json("{\"frame\": 7}");
  task.mutable_options()->set_priority(5);
  const v1::SubmitResult submitted = TrySubmit(task);
  ASSERT_FALSE(submitted.has_error());
  EXPECT_EQ(submitted.state(), v1::TASK_STATE_PENDING);
  EXPECT_FALSE(submitted.runnable());

  auto worker = Connect("w1", "render");
  const auto delivery = worker->NextDelivery();
  ASSERT_TRUE(delivery.has_value());
  EXPECT_EQ(delivery->number(), 1u);
  EXPECT_EQ(delivery->task_id(), submitted.task_id());
  EXPECT_EQ(delivery->attempt(), 1);
  EXPECT_EQ(delivery->type(), "render");
  EXPECT_EQ(delivery->tag(), "nightly");
  EXPECT_EQ(delivery->priority(), 5);
  EXPECT_EQ(delivery->root_id(), submitted.task_id());
  EXPECT_EQ(delivery->timeout_us(), kMinute);
  EXPECT_EQ(delivery->max_retries(), 3);
  EXPECT_EQ(delivery->payload().json(), "{\"frame\": 7}");
  const v1::Task running = Get(submitted.task_id());
  EXPECT_EQ(running.state(), v1::TASK_STATE_RUNNING);
  EXPECT_EQ(running.worker_id(), "w1");

  EXPECT_EQ(Succeed(*worker, *delivery, "[1, 2]").code(), 0);
  const v1::Task done = Get(submitted.task_id());
  EXPECT_EQ(done.state(), v1::TASK_STATE_COMPLETED);
  EXPECT_EQ(done.result().json(), "[1, 2]");
  EXPECT_EQ(done.payload().json(), "{\"frame\": 7}");
  EXPECT_EQ(done.attempt(), 1);
  EXPECT_EQ(Succeed(*worker, *delivery, "[1, 2]").code(), 0) << "a repeat is OK";
}

TEST_F(BrokerTest, ABatchComesBackInOrderAndIsDeliveredWhole) {  // B62, B101
  TestContext context;
  v1::SubmitRequest request;
  v1::SubmitResponse response;
  for (int i = 0; i < 500; ++i) {
    v1::NewTask* task = request.add_tasks();
    task->set_type(i % 100 == 7 ? "not a name" : "count");
    task->mutable_payload()->set_data(std::to_string(i));
  }
  ASSERT_THAT(tasks().Submit(&context, request, &response), IsOk());
  ASSERT_EQ(response.results_size(), 500);
  for (int i = 0; i < 500; ++i) EXPECT_EQ(response.results(i).has_error(), i % 100 == 7) << i;
  EXPECT_THAT(response.results(107).error(), IsError(3, "BAD_NAME", "tasks[107].type"));

  auto worker = Connect("w1", "count", 1000);
  const std::vector<v1::Delivery> deliveries = worker->Deliveries(495);
  ASSERT_EQ(deliveries.size(), 495u);
  TestContext complete_context;
  v1::CompleteRequest complete;
  v1::CompleteResponse completed;
  complete.set_session(worker->session());
  for (const v1::Delivery& delivery : deliveries) {
    v1::Outcome* outcome = complete.add_outcomes();
    outcome->set_attempt_token(delivery.attempt_token());
    *outcome->mutable_succeeded()->mutable_result() = delivery.payload();
  }
  ASSERT_THAT(tasks().Complete(&complete_context, complete, &completed), IsOk());
  ASSERT_EQ(completed.results_size(), 495);
  for (const v1::ItemResult& result : completed.results()) EXPECT_FALSE(result.has_error());
  EXPECT_EQ(Get(response.results(499).task_id()).result().data(), "499");
}

TEST_F(BrokerTest, AnIdleWorkerGetsATaskAtOnceAndWaitTellsItsEnd) {  // B109
  auto worker = Connect("w1", "render");
  const v1::SubmitResult submitted = TrySubmit([] {
    v1::NewTask task;
    task.set_type("render");
    return task;
  }());
  EXPECT_TRUE(submitted.runnable());
  const auto delivery = worker->NextDelivery();
  ASSERT_TRUE(delivery.has_value());
  const v1::Task running = Get(submitted.task_id());
  ASSERT_EQ(Succeed(*worker, *delivery).code(), 0);
  EXPECT_EQ(WaitForChange(running).state(), v1::TASK_STATE_COMPLETED);
  EXPECT_EQ(WaitForEnd(submitted.task_id()).state(), v1::TASK_STATE_COMPLETED);
}

TEST_F(BrokerTest, WaitSaysWhenNothingHappened) {
  const uint64_t id = Submit("nobody");
  TestContext context;
  v1::WaitRequest request;
  v1::WaitResponse response;
  request.set_task_id(id);
  request.set_timeout_us(50 * kMillisecond);
  ASSERT_THAT(tasks().Wait(&context, request, &response), IsOk());
  EXPECT_TRUE(response.timed_out());
  EXPECT_EQ(response.task().state(), v1::TASK_STATE_PENDING);
  EXPECT_THAT(response.task().waiting_for(), HasSubstr("no live worker can run it"));
}

TEST_F(BrokerTest, AWaitThatIsGivenUpLeavesTheBrokerAlone) {
  const uint64_t id = Submit("nobody");
  for (int i = 0; i < 20; ++i) {
    grpc::ClientContext context;
    context.set_deadline(gpr_time_from_millis(20, GPR_TIMESPAN));
    v1::WaitRequest request;
    v1::WaitResponse response;
    request.set_task_id(id);
    EXPECT_EQ(tasks().Wait(&context, request, &response).error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  }
  EXPECT_EQ(Get(id).state(), v1::TASK_STATE_PENDING);
}

TEST_F(BrokerTest, ARequestIdMakesARetrySafe) {
  v1::SubmitRequest request;
  request.set_request_id("r-1");
  request.add_tasks()->set_type("render");
  request.add_tasks()->set_type("render");
  v1::SubmitResponse first, again, later;
  {
    TestContext context;
    ASSERT_THAT(tasks().Submit(&context, request, &first), IsOk());
  }
  {
    TestContext context;
    ASSERT_THAT(tasks().Submit(&context, request, &again), IsOk());
  }
  Restart();
  {
    TestContext context;
    ASSERT_THAT(tasks().Submit(&context, request, &later), IsOk());
  }
  for (int i = 0; i < 2; ++i) {
    EXPECT_NE(first.results(i).task_id(), 0u);
    EXPECT_EQ(again.results(i).task_id(), first.results(i).task_id());
    EXPECT_EQ(later.results(i).task_id(), first.results(i).task_id());
  }
  TestContext context;
  request.mutable_tasks(0)->set_tag("other");
  EXPECT_THAT(tasks().Submit(&context, request, &first),
              FailsWith(grpc::StatusCode::INVALID_ARGUMENT, "REQUEST_ID_REUSED", "request_id"));
}

TEST_F(BrokerTest, AUniqueKeyHoldsUntilTheTaskEnds) {
  v1::NewTask task;
  task.set_type("render");
  task.set_unique_key("frame-7");
  const uint64_t first = Submit(task);
  const v1::SubmitResult existing = TrySubmit(task);
  EXPECT_EQ(existing.task_id(), first);
  EXPECT_TRUE(existing.existing());
  task.set_unique_policy(v1::UNIQUE_POLICY_REJECT);
  EXPECT_THAT(TrySubmit(task).error(), IsError(6, "UNIQUE_KEY_IN_USE", "unique_key"));
  task.set_unique_policy(v1::UNIQUE_POLICY_REPLACE_PENDING);
  const v1::SubmitResult replacing = TrySubmit(task);
  EXPECT_FALSE(replacing.existing());
  EXPECT_NE(replacing.task_id(), first);
  EXPECT_EQ(Get(first).state(), v1::TASK_STATE_CANCELLED);

  auto worker = Connect("w1", "render");
  const auto delivery = worker->NextDelivery();
  ASSERT_TRUE(delivery.has_value());
  EXPECT_EQ(TrySubmit(task).task_id(), replacing.task_id()) << "a running one is not replaced";
  ASSERT_EQ(Succeed(*worker, *delivery).code(), 0);
  EXPECT_NE(Submit(task), replacing.task_id()) << "the key is free again";
}

TEST_F(BrokerTest, AFailureIsRetriedUntilTheAttemptsAreUsedUp) {  // S3
  v1::NewTask task;
  task.set_type("render");
  task.mutable_options()->set_max_retries(2);
  const uint64_t id = Submit(task);
  auto worker = Connect("w1", "render");
  for (int attempt = 1; attempt <= 2; ++attempt) {
    const auto delivery = worker->NextDelivery();
    ASSERT_TRUE(delivery.has_value());
    EXPECT_EQ(delivery->attempt(), attempt);
    EXPECT_EQ(delivery->failed_attempts(), attempt - 1);
    v1::Outcome outcome;
    outcome.set_attempt_token(delivery->attempt_token());
    outcome.mutable_failed()->set_error("boom " + std::to_string(attempt));
    outcome.mutable_failed()->set_retryable(true);
    EXPECT_EQ(Complete(*worker, outcome).code(), 0);
  }
  const v1::Task failed = WaitForEnd(id);
  EXPECT_EQ(failed.state(), v1::TASK_STATE_PERMANENTLY_FAILED);
  EXPECT_EQ(failed.last_error(), "boom 2");
}

TEST_F(BrokerTest, CheckpointsAndProgressAreKept) {  // B213
  const uint64_t id = Submit("render");
  auto worker = Connect("w1", "render");
  const auto delivery = worker->NextDelivery();
  ASSERT_TRUE(delivery.has_value());
  {
    TestContext context;
    v1::AuditRequest request;
    v1::AuditResponse response;
    request.add_items()->set_attempt_token(delivery->attempt_token());
    request.mutable_items(0)->mutable_checkpoint()->set_code("loaded");
    ASSERT_THAT(tasks().Audit(&context, request, &response), IsOk());
    EXPECT_FALSE(response.results(0).has_error());
  }
  {
    TestContext context;
    v1::ProgressRequest request;
    v1::ProgressResponse response;
    request.add_items()->set_attempt_token(delivery->attempt_token());
    request.mutable_items(0)->mutable_progress()->set_percent(40);
    ASSERT_THAT(tasks().Progress(&context, request, &response), IsOk());
    EXPECT_FALSE(response.results(0).has_error());
  }
  EXPECT_EQ(Get(id).progress().percent(), 40);
  TestContext context;
  v1::ListEventsRequest request;
  v1::ListEventsResponse response;
  request.set_task_id(id);
  ASSERT_THAT(admin().ListEvents(&context, request, &response), IsOk());
  bool found = false;
  for (const v1::Event& event : response.events()) found |= event.checkpoint().code() == "loaded";
  EXPECT_TRUE(found);
}

}  // namespace
}  // namespace baton
