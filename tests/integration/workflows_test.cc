// Children, stages, suspensions and cancels over the wire.
#include "tests/integration/broker_fixture.h"

namespace baton {
namespace {

v1::Outcome SpawnOf(const v1::Delivery& delivery, int children, const std::string& type) {
  v1::Outcome outcome;
  outcome.set_attempt_token(delivery.attempt_token());
  for (int i = 0; i < children; ++i) {
    v1::NewTask* child = outcome.mutable_spawned()->add_children();
    child->set_type(type);
    child->mutable_payload()->set_json(std::to_string(i));
  }
  outcome.mutable_spawned();
  return outcome;
}

TEST_F(BrokerTest, AParentResumesWithTheOutcomesOfItsChildren) {  // B13, B42, S76, S85
  const uint64_t id = Submit("parent");
  auto parents = Connect("p", "parent");
  auto children = Connect("c", "child");
  const auto first = parents->NextDelivery();
  ASSERT_TRUE(first.has_value());
  v1::Outcome spawn = SpawnOf(*first, 3, "child");
  spawn.mutable_spawned()->mutable_context()->set_json("\"kept\"");
  ASSERT_EQ(Complete(*parents, spawn).code(), 0);
  EXPECT_EQ(Get(id).state(), v1::TASK_STATE_SUSPENDED);
  EXPECT_EQ(Get(id).children_total(), 3u);
  for (int i = 0; i < 3; ++i) {
    const auto child = children->NextDelivery();
    ASSERT_TRUE(child.has_value());
    EXPECT_EQ(child->parent_id(), id);
    EXPECT_EQ(child->root_id(), id);
    EXPECT_EQ(Succeed(*children, *child, child->payload().json()).code(), 0);
  }
  const auto second = parents->NextDelivery();
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->stage(), 1);
  EXPECT_EQ(second->context().json(), "\"kept\"");
  EXPECT_EQ(second->children(), 3u);

  TestContext context;
  v1::ListChildOutcomesRequest request;
  v1::ListChildOutcomesResponse response;
  request.set_attempt_token(second->attempt_token());
  ASSERT_THAT(tasks().ListChildOutcomes(&context, request, &response), IsOk());
  ASSERT_EQ(response.outcomes_size(), 3);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(response.outcomes(i).state(), v1::TASK_STATE_COMPLETED);
    EXPECT_EQ(response.outcomes(i).result().json(), std::to_string(i));
  }
  EXPECT_EQ(Succeed(*parents, *second).code(), 0);
  EXPECT_EQ(WaitForEnd(id).state(), v1::TASK_STATE_COMPLETED);
}

TEST_F(BrokerTest, AParentReadsTheErrorsOfItsChildrenToTheLastLine) {  // B38, B70, B154, B155, S85, S93
  Submit("parent");
  auto parents = Connect("p", "parent");
  auto children = Connect("c", "child");
  const auto first = parents->NextDelivery();
  ASSERT_TRUE(first.has_value());
  v1::Outcome spawn = SpawnOf(*first, 1, "child");
  // No bytes are bytes, too.
  spawn.mutable_spawned()->mutable_context()->set_data("");
  ASSERT_EQ(Complete(*parents, spawn).code(), 0);
  const auto child = children->NextDelivery();
  ASSERT_TRUE(child.has_value());
  EXPECT_FALSE(child->has_context()) << "that is for the parent";
  v1::Outcome failure;
  failure.set_attempt_token(child->attempt_token());
  failure.mutable_failed()->set_error("it broke\n\tat line 7, \"ü\"\n\ncaused by: dust\n");
  ASSERT_EQ(Complete(*children, failure).code(), 0);
  const auto second = parents->NextDelivery();
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->context().value_case(), v1::Payload::kData);
  v1::ListChildOutcomesRequest request;
  v1::ListChildOutcomesResponse response;
  request.set_attempt_token(second->attempt_token());
  TestContext context;
  ASSERT_THAT(tasks().ListChildOutcomes(&context, request, &response), IsOk());
  ASSERT_EQ(response.outcomes_size(), 1);
  EXPECT_EQ(response.outcomes(0).state(), v1::TASK_STATE_PERMANENTLY_FAILED);
  EXPECT_EQ(response.outcomes(0).error(), failure.failed().error());
  EXPECT_EQ(Get(child->task_id()).last_error(), failure.failed().error());
}

TEST_F(BrokerTest, StagedChildrenAppearWithTheSeal) {  // B34
  const uint64_t id = Submit("parent");
  auto parents = Connect("p", "parent");
  const auto delivery = parents->NextDelivery();
  ASSERT_TRUE(delivery.has_value());
  v1::SpawnChildrenRequest part;
  part.set_attempt_token(delivery->attempt_token());
  for (uint32_t number = 1; number <= 2; ++number) {
    part.set_part(number);
    part.clear_children();
    for (int i = 0; i < 10; ++i) part.add_children()->set_type("child");
    for (int repeat = 0; repeat < 2; ++repeat) {
      TestContext context;
      v1::SpawnChildrenResponse response;
      ASSERT_THAT(tasks().SpawnChildren(&context, part, &response), IsOk());
      EXPECT_EQ(response.staged(), 10u * number) << "a repeated part is not stored again";
    }
  }
  v1::Outcome missing = SpawnOf(*delivery, 0, "");
  missing.mutable_spawned()->set_parts(3);
  EXPECT_THAT(Complete(*parents, missing), IsError(9, "PART_MISSING", "3"));
  v1::Outcome seal = SpawnOf(*delivery, 1, "child");
  seal.mutable_spawned()->set_parts(2);
  ASSERT_EQ(Complete(*parents, seal).code(), 0);
  EXPECT_EQ(Get(id).children_total(), 21u);
  auto children = Connect("c", "child", 100);
  EXPECT_EQ(children->Deliveries(21).size(), 21u);
}

TEST_F(BrokerTest, ASpawnOfNobodyResumesAtOnce) {
  Submit("parent");
  auto worker = Connect("p", "parent");
  const auto first = worker->NextDelivery();
  ASSERT_TRUE(first.has_value());
  ASSERT_EQ(Complete(*worker, SpawnOf(*first, 0, "")).code(), 0);
  const auto second = worker->NextDelivery();
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->stage(), 1);
}

TEST_F(BrokerTest, ASuspendedTaskResumesWithTheDecision) {
  const uint64_t id = Submit("order");
  auto worker = Connect("w", "order");
  const auto first = worker->NextDelivery();
  ASSERT_TRUE(first.has_value());
  v1::ResumeRequest resume;
  resume.set_task_id(id);
  resume.mutable_decision()->set_json("{\"approved\": true}");
  {
    TestContext context;
    v1::ResumeResponse response;
    EXPECT_THAT(tasks().Resume(&context, resume, &response),
                FailsWith(grpc::StatusCode::FAILED_PRECONDITION, "NOT_SUSPENDED", std::to_string(id)));
  }
  v1::Outcome suspend;
  suspend.set_attempt_token(first->attempt_token());
  suspend.mutable_suspended()->set_reason("approval");
  ASSERT_EQ(Complete(*worker, suspend).code(), 0);
  EXPECT_EQ(Get(id).state(), v1::TASK_STATE_SUSPENDED);
  EXPECT_EQ(Get(id).suspend_reason(), "approval");
  {
    TestContext context;
    v1::ResumeResponse response;
    ASSERT_THAT(tasks().Resume(&context, resume, &response), IsOk());
    EXPECT_EQ(response.state(), v1::TASK_STATE_PENDING);
  }
  const auto second = worker->NextDelivery();
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->stage(), 1);
  EXPECT_EQ(second->decision().json(), "{\"approved\": true}");
}

TEST_F(BrokerTest, ASuspensionShowsUntilWhenAndWhatThen) {
  const uint64_t id = Submit("order");
  auto worker = Connect("w", "order");
  const auto first = worker->NextDelivery();
  ASSERT_TRUE(first.has_value());
  v1::Outcome suspend;
  suspend.set_attempt_token(first->attempt_token());
  suspend.mutable_suspended()->set_reason("approval");
  suspend.mutable_suspended()->set_timeout_us(3'600'000'000);
  suspend.mutable_suspended()->set_when_undecided(v1::WHEN_UNDECIDED_CANCEL);
  ASSERT_EQ(Complete(*worker, suspend).code(), 0);
  const v1::Task task = Get(id);
  EXPECT_EQ(task.decide_by_us(), task.suspended_at_us() + 3'600'000'000);
  EXPECT_EQ(task.when_undecided(), v1::WHEN_UNDECIDED_CANCEL);
  EXPECT_THAT(task.waiting_for(), ::testing::EndsWith("Z it is cancelled"));
}

TEST_F(BrokerTest, ATaskThatNobodyBeginsInTimeFails) {
  v1::SubmitRequest request;
  v1::NewTask* task = request.add_tasks();
  task->set_type("nobody");
  task->set_start_timeout_us(1000);
  TestContext context;
  v1::SubmitResponse response;
  ASSERT_THAT(tasks().Submit(&context, request, &response), IsOk());
  const v1::Task ended = WaitForEnd(response.results(0).task_id());
  EXPECT_EQ(ended.state(), v1::TASK_STATE_PERMANENTLY_FAILED);
  EXPECT_EQ(ended.start_by_us(), ended.due_at_us() + 1000);
  EXPECT_THAT(ended.last_error(), ::testing::StartsWith("expired: it had to begin by "));
}

TEST_F(BrokerTest, AParentFailsFastAndIsRetried) {
  const uint64_t id = Submit("parent");
  auto parents = Connect("p", "parent");
  auto children = Connect("c", "child");
  const auto first = parents->NextDelivery();
  ASSERT_TRUE(first.has_value());
  v1::Outcome spawn = SpawnOf(*first, 2, "child");
  spawn.mutable_spawned()->set_fail_fast(true);
  ASSERT_EQ(Complete(*parents, spawn).code(), 0);
  const auto child = children->NextDelivery();
  ASSERT_TRUE(child.has_value());
  v1::Outcome failed;
  failed.set_attempt_token(child->attempt_token());
  failed.mutable_failed()->set_error("no such file");
  ASSERT_EQ(Complete(*children, failed).code(), 0);
  const v1::Task ended = WaitForEnd(id);
  EXPECT_EQ(ended.state(), v1::TASK_STATE_PERMANENTLY_FAILED);
  EXPECT_THAT(ended.last_error(), ::testing::HasSubstr("no such file"));

  v1::RetryTaskRequest retry;
  retry.set_task_id(id);
  v1::RetryTaskResponse response;
  {
    TestContext context;
    EXPECT_THAT(admin().RetryTask(&context, retry, &response),
                FailsWith(grpc::StatusCode::FAILED_PRECONDITION, "NO_STAGE_TO_REPEAT", "from the start"));
  }
  retry.set_from_start(true);
  retry.set_reason("it is there now");
  TestContext context;
  ASSERT_THAT(admin().RetryTask(&context, retry, &response), IsOk());
  EXPECT_EQ(response.state(), v1::TASK_STATE_PENDING);
  const auto again = parents->NextDelivery();
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->attempt(), 2);
  EXPECT_EQ(again->stage(), 0);
  EXPECT_EQ(Succeed(*parents, *again).code(), 0);
  EXPECT_EQ(WaitForEnd(id).state(), v1::TASK_STATE_COMPLETED);
}

TEST_F(BrokerTest, APausedTaskIsShownAsPausedUntilItIsLetGoOn) {
  const uint64_t id = Submit("order");
  v1::PauseTaskRequest pause;
  pause.set_task_id(id);
  pause.set_reason("mail is down");
  {
    TestContext context;
    v1::PauseTaskResponse response;
    ASSERT_THAT(admin().PauseTask(&context, pause, &response), IsOk());
    EXPECT_EQ(response.state(), v1::TASK_STATE_PENDING);
  }
  auto worker = Connect("w", "order");
  const uint64_t other = Submit("order");
  const auto first = worker->NextDelivery();
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->task_id(), other);
  EXPECT_EQ(Get(id).state(), v1::TASK_STATE_PAUSED);
  EXPECT_EQ(Get(id).waiting_for(), "is paused by an operator");
  v1::UnpauseTaskRequest unpause;
  unpause.set_task_id(id);
  {
    TestContext context;
    v1::UnpauseTaskResponse response;
    ASSERT_THAT(admin().UnpauseTask(&context, unpause, &response), IsOk());
    EXPECT_EQ(response.state(), v1::TASK_STATE_PENDING);
  }
  {
    TestContext context;
    v1::UnpauseTaskResponse response;
    EXPECT_THAT(admin().UnpauseTask(&context, unpause, &response),
                FailsWith(grpc::StatusCode::FAILED_PRECONDITION, "NOT_PAUSED", std::to_string(id)));
  }
  const auto second = worker->NextDelivery();
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->task_id(), id);
}

TEST_F(BrokerTest, ACancelReachesTheRunningHandlerAndTheDescendants) {
  const uint64_t id = Submit("parent");
  auto parents = Connect("p", "parent");
  auto children = Connect("c", "child");
  const auto delivery = parents->NextDelivery();
  ASSERT_TRUE(delivery.has_value());
  ASSERT_EQ(Complete(*parents, SpawnOf(*delivery, 1, "child")).code(), 0);
  const auto child = children->NextDelivery();
  ASSERT_TRUE(child.has_value());
  v1::CancelRequest cancel;
  cancel.set_task_id(id);
  cancel.set_reason("no longer needed");
  for (int repeat = 0; repeat < 2; ++repeat) {
    TestContext context;
    v1::CancelResponse response;
    ASSERT_THAT(tasks().Cancel(&context, cancel, &response), IsOk());
    EXPECT_EQ(response.state(), v1::TASK_STATE_CANCELLED);
  }
  const auto order = children->NextOrder();
  ASSERT_TRUE(order.has_value());
  EXPECT_THAT(order->cancel().attempt_tokens(), ::testing::ElementsAre(child->attempt_token()));
  EXPECT_EQ(WaitForEnd(child->task_id()).state(), v1::TASK_STATE_CANCELLED);
  EXPECT_THAT(Succeed(*children, *child), IsError(10, "ATTEMPT_OVER", ""));
}

TEST_F(BrokerTest, WhatHasEndedCannotBeCancelled) {
  const uint64_t id = Submit("render");
  auto worker = Connect("w", "render");
  const auto delivery = worker->NextDelivery();
  ASSERT_TRUE(delivery.has_value());
  ASSERT_EQ(Succeed(*worker, *delivery).code(), 0);
  TestContext context;
  v1::CancelRequest cancel;
  v1::CancelResponse response;
  cancel.set_task_id(id);
  EXPECT_THAT(tasks().Cancel(&context, cancel, &response),
              FailsWith(grpc::StatusCode::FAILED_PRECONDITION, "TASK_TERMINAL", std::to_string(id)));
}

TEST_F(BrokerTest, UnknownIdsAreNotFound) {  // B94
  TestContext get_context, cancel_context, wait_context;
  v1::GetRequest get;
  v1::GetResponse got;
  get.set_task_id(999);
  EXPECT_THAT(tasks().Get(&get_context, get, &got), FailsWith(grpc::StatusCode::NOT_FOUND, "TASK_NOT_FOUND", "999"));
  v1::CancelRequest cancel;
  v1::CancelResponse cancelled;
  cancel.set_task_id(999);
  EXPECT_THAT(tasks().Cancel(&cancel_context, cancel, &cancelled),
              FailsWith(grpc::StatusCode::NOT_FOUND, "TASK_NOT_FOUND", "999"));
  v1::WaitRequest wait;
  v1::WaitResponse waited;
  wait.set_task_id(999);
  EXPECT_THAT(tasks().Wait(&wait_context, wait, &waited),
              FailsWith(grpc::StatusCode::NOT_FOUND, "TASK_NOT_FOUND", "999"));
}

}  // namespace
}  // namespace baton
