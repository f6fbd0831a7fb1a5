#include "worker_sdk/src/submit_queue.h"

#include "gtest/gtest.h"
#include "tests/unit/sdk/fake_connection.h"
#include "worker_sdk/src/convert.h"

namespace baton::inline sdk {
namespace internal {
namespace {

class SubmitQueueTest : public ::testing::Test {
 protected:
  SubmitQueueTest() : queue_(1, [this] { return "id-" + std::to_string(++ids_); }) {}

  std::shared_ptr<Submission> Add(int count, size_t payload_bytes = 0) {
    auto submission = std::make_shared<Submission>();
    submission->results.resize(count, absl::UnknownError("none"));
    submission->deadline = now_ + kTimeout;
    std::vector<absl::StatusOr<std::unique_ptr<v1::NewTask>>> tasks;
    for (int i = 0; i < count; ++i) {
      auto task = std::make_unique<v1::NewTask>();
      task->set_type("t" + std::to_string(next_++));
      task->mutable_payload()->set_data(std::string(payload_bytes, 'x'));
      tasks.emplace_back(std::move(task));
    }
    queue_.Add(submission, std::move(tasks));
    return submission;
  }
  // Accepts every task: its id is the number in its type, plus 1.
  SubmitQueue::Finished Accept(SubmitQueue::Call call) {
    v1::SubmitResponse response;
    for (const v1::NewTask& task : call.request.tasks()) {
      response.add_results()->set_task_id(std::stoull(task.type().substr(1)) + 1);
    }
    return queue_.OnAnswer(now_, std::move(call), absl::OkStatus(), response);
  }
  SubmitQueue::Finished Fail(SubmitQueue::Call call, const absl::Status& status) {
    v1::SubmitResponse response;
    return queue_.OnAnswer(now_, std::move(call), status, response);
  }

  // Has a broker answer that takes no more than this in one call; returns how many calls it refused.
  int AcceptUpTo(int items, size_t bytes) {
    int refused = 0;
    while (auto call = queue_.Next(now_)) {
      const bool too_many = call->request.tasks_size() > items;
      if (!too_many && call->request.ByteSizeLong() <= bytes) {
        Accept(*std::move(call));
        continue;
      }
      ++refused;
      EXPECT_TRUE(Fail(*std::move(call), too_many ? TooManyItems() : Oversized()).empty());
    }
    return refused;
  }

  static constexpr int64_t kTimeout = 30'000'000;
  int64_t now_ = 1'000'000;
  int ids_ = 0;
  int next_ = 0;
  SubmitQueue queue_;
};

TEST_F(SubmitQueueTest, WhatComesWhileACallIsUnderWayLeavesTogether) {
  const auto a = Add(1);
  auto first = queue_.Next(now_);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->request.request_id(), "id-1");
  const auto b = Add(2), c = Add(3);
  EXPECT_FALSE(queue_.Next(now_));
  EXPECT_EQ(Accept(*std::move(first)).size(), 1);
  EXPECT_EQ(a->results[0]->id, 1);
  auto second = queue_.Next(now_);
  EXPECT_EQ(second->request.tasks_size(), 5);
  EXPECT_EQ(second->request.request_id(), "id-2");
  EXPECT_EQ(Accept(*std::move(second)).size(), 2);
  EXPECT_EQ(b->results[1]->id, 3);
  EXPECT_EQ(c->results[2]->id, 6);
  EXPECT_FALSE(queue_.NextTimer());
}

TEST_F(SubmitQueueTest, CallsAreCutByCountAndBytes) {
  const auto many = Add(2500);
  int calls = 0;
  while (auto call = queue_.Next(now_)) {
    EXPECT_LE(call->request.tasks_size(), 1000);
    Accept(*std::move(call));
    ++calls;
  }
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(many->remaining, 0);
  Add(10, 1'000'000);
  EXPECT_EQ(queue_.Next(now_)->request.tasks_size(), 4);
}

TEST_F(SubmitQueueTest, AFailedCallIsRepeatedUnderItsRequestIdEvenIfMoreCameMeanwhile) {
  Add(2);
  auto first = queue_.Next(now_);
  const std::string sent = first->request.SerializeAsString();
  EXPECT_TRUE(Fail(*std::move(first), absl::UnavailableError("gone")).empty());
  Add(1);
  EXPECT_FALSE(queue_.Next(now_)) << "before the backoff is over";
  now_ = *queue_.NextTimer();
  auto again = queue_.Next(now_);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->request.SerializeAsString(), sent);
}

TEST_F(SubmitQueueTest, AnOverloadedBrokerIsAskedAgainNoSoonerThanItSays) {
  Add(1);
  constexpr absl::Duration kAdvice = absl::Seconds(5);
  Fail(*queue_.Next(now_), MakeStatus(8, "the broker has more work than it can take", "OVERLOADED", kAdvice));
  EXPECT_GE(*queue_.NextTimer(), now_ + absl::ToInt64Microseconds(kAdvice));
  now_ += absl::ToInt64Microseconds(kAdvice) - 1;
  EXPECT_FALSE(queue_.Next(now_));
  now_ = *queue_.NextTimer();
  EXPECT_TRUE(queue_.Next(now_));
}

TEST_F(SubmitQueueTest, GivesUpAtTheTimeoutWithTheLastFailure) {
  const auto submission = Add(1);
  Fail(*queue_.Next(now_), absl::UnavailableError("connection refused"));
  now_ += kTimeout;
  ASSERT_EQ(queue_.Expire(now_).size(), 1);
  EXPECT_TRUE(absl::IsDeadlineExceeded(submission->results[0].status()));
  EXPECT_NE(submission->results[0].status().message().find("connection refused"), absl::string_view::npos);
  EXPECT_FALSE(queue_.Next(now_));
}

TEST_F(SubmitQueueTest, WhatWaitsBehindAHangingCallExpiresToo) {
  Add(1);
  auto hanging = queue_.Next(now_);
  const auto behind = Add(1);
  now_ += kTimeout;
  ASSERT_EQ(queue_.Expire(now_).size(), 1);
  EXPECT_TRUE(absl::IsDeadlineExceeded(behind->results[0].status()));
  EXPECT_EQ(Fail(*std::move(hanging), absl::UnavailableError("gone")).size(), 1);
}

TEST_F(SubmitQueueTest, ASubmissionEndsAtItsDeadlineThoughItsCallGoesOn) {
  const auto early = Add(1);
  now_ += kTimeout / 2;
  const auto late = Add(2);
  auto call = queue_.Next(now_);
  ASSERT_EQ(call->request.tasks_size(), 3);
  EXPECT_EQ(call->deadline, late->deadline) << "it is not cut short for the others";
  ASSERT_TRUE(queue_.NextTimer());
  EXPECT_EQ(*queue_.NextTimer(), early->deadline);
  EXPECT_TRUE(queue_.Expire(early->deadline - 1).empty());
  now_ = early->deadline;
  ASSERT_EQ(queue_.Expire(now_).size(), 1);
  EXPECT_TRUE(absl::IsDeadlineExceeded(early->results[0].status()));
  EXPECT_FALSE(queue_.NextTimer()) << "the last ones end with the call";
  EXPECT_EQ(Accept(*std::move(call)).size(), 1);
  EXPECT_EQ(late->results[0]->id, 2);
  EXPECT_EQ(late->results[1]->id, 3);
  EXPECT_TRUE(absl::IsDeadlineExceeded(early->results[0].status())) << "its answer came too late";
}

TEST_F(SubmitQueueTest, ACallIsRepeatedAsItWasForThoseWhoHaveTime) {
  const auto early = Add(1);
  now_ += kTimeout / 2;
  const auto late = Add(1);
  auto call = queue_.Next(now_);
  const std::string sent = call->request.SerializeAsString();
  now_ = early->deadline;
  ASSERT_EQ(Fail(*std::move(call), absl::UnavailableError("connection refused")).size(), 1);
  EXPECT_TRUE(absl::IsDeadlineExceeded(early->results[0].status()));
  EXPECT_NE(early->results[0].status().message().find("connection refused"), absl::string_view::npos);
  now_ = *queue_.NextTimer();
  auto again = queue_.Next(now_);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->request.SerializeAsString(), sent) << "the broker knows the request id with these tasks";
  EXPECT_EQ(Accept(*std::move(again)).size(), 1);
  EXPECT_EQ(late->results[0]->id, 2);
}

TEST_F(SubmitQueueTest, ACallThatWaitsToBeRepeatedIsForgottenWithItsLastSubmission) {
  const auto early = Add(1);
  now_ += kTimeout / 2;
  const auto late = Add(1);
  // For longer than any of them.
  Fail(*queue_.Next(now_), MakeStatus(8, "too much work", "OVERLOADED", absl::Microseconds(3 * kTimeout)));
  for (const auto& submission : {early, late}) {
    ASSERT_TRUE(queue_.NextTimer());
    now_ = *queue_.NextTimer();
    EXPECT_EQ(now_, submission->deadline);
    EXPECT_EQ(queue_.Expire(now_).size(), 1);
    EXPECT_TRUE(absl::IsDeadlineExceeded(submission->results[0].status()));
  }
  EXPECT_FALSE(queue_.NextTimer());
  now_ += 3 * kTimeout;
  EXPECT_FALSE(queue_.Next(now_));
}

TEST_F(SubmitQueueTest, ACallUnderWayForNobodyIsNotRepeated) {
  const auto early = Add(1);
  auto call = queue_.Next(now_);
  now_ = early->deadline;
  EXPECT_TRUE(queue_.Expire(now_).empty()) << "it ends with its call, whose failure is worth knowing";
  ASSERT_EQ(Fail(*std::move(call), absl::DeadlineExceededError("no connection")).size(), 1);
  EXPECT_NE(early->results[0].status().message().find("no connection"), absl::string_view::npos);
  EXPECT_FALSE(queue_.NextTimer());
  now_ += kTimeout;
  EXPECT_FALSE(queue_.Next(now_));
}

TEST_F(SubmitQueueTest, WhatABrokerRefusesAsTooManyLeavesInSmallerCalls) {
  const auto many = Add(500), other = Add(1);
  // 501, 250 and 125 of them.
  EXPECT_EQ(AcceptUpTo(100, 1'000'000), 3);
  ASSERT_EQ(many->remaining, 0);
  for (uint64_t i = 0; i < 500; ++i) ASSERT_EQ(many->results[i]->id, i + 1);
  EXPECT_EQ(other->results[0]->id, 501);
  // 3 refused ones, 8 of 62 and one of the rest, each under a request id of its own.
  EXPECT_EQ(ids_, 12);
  const auto more = Add(500);
  EXPECT_EQ(AcceptUpTo(100, 1'000'000), 0) << "it is known by now";
  EXPECT_EQ(more->remaining, 0);
}

TEST_F(SubmitQueueTest, WhatABrokerRefusesAsTooLargeLeavesInSmallerCalls) {
  const auto large = Add(10, 1'000'000);
  EXPECT_GT(AcceptUpTo(1000, 1'100'000), 0);
  ASSERT_EQ(large->remaining, 0);
  for (uint64_t i = 0; i < 10; ++i) EXPECT_EQ(large->results[i]->id, i + 1);
  Add(500, 100);
  EXPECT_EQ(queue_.Next(now_)->request.tasks_size(), 500) << "small ones leave together as before";
}

TEST_F(SubmitQueueTest, ATaskThatIsTooLargeByItselfFailsAlone) {
  const auto small = Add(1), large = Add(1, 2'000'000), last = Add(1);
  while (auto call = queue_.Next(now_)) {
    if (call->request.ByteSizeLong() > 1'100'000) {
      Fail(*std::move(call), Oversized());
    } else {
      Accept(*std::move(call));
    }
  }
  EXPECT_TRUE(small->results[0].ok());
  EXPECT_TRUE(absl::IsResourceExhausted(large->results[0].status()));
  EXPECT_TRUE(last->results[0].ok());
}

TEST_F(SubmitQueueTest, WhatHasEndedDoesNotLeaveAgainInASmallerCall) {
  const auto early = Add(1);
  now_ += kTimeout / 2;
  const auto late = Add(3);
  auto call = queue_.Next(now_);
  now_ = early->deadline;
  ASSERT_EQ(queue_.Expire(now_).size(), 1);
  EXPECT_TRUE(Fail(*std::move(call), TooManyItems()).empty());
  call = queue_.Next(now_);
  ASSERT_TRUE(call);
  ASSERT_EQ(call->request.tasks_size(), 2);
  EXPECT_EQ(call->request.tasks(0).type(), "t1");
  EXPECT_EQ(call->request.request_id(), "id-2");
  Accept(*std::move(call));
  EXPECT_EQ(Accept(*queue_.Next(now_)).size(), 1);
  EXPECT_EQ(late->results[2]->id, 4);
}

TEST_F(SubmitQueueTest, AFinalErrorIsTheResultOfEachTask) {
  const auto submission = Add(2);
  EXPECT_EQ(Fail(*queue_.Next(now_), absl::InvalidArgumentError("no")).size(), 1);
  EXPECT_TRUE(absl::IsInvalidArgument(submission->results[1].status()));
  Add(1);
  EXPECT_TRUE(queue_.Next(now_)) << "others are not held up";
}

TEST_F(SubmitQueueTest, ItemsStandForThemselves) {
  const auto submission = Add(3);
  auto call = queue_.Next(now_);
  v1::SubmitResponse response;
  response.add_results()->set_task_id(1);
  v1::Error* refused = response.add_results()->mutable_error();
  refused->set_code(6);
  refused->set_reason("UNIQUE_KEY_IN_USE");
  response.add_results()->mutable_error()->set_code(8);
  EXPECT_TRUE(queue_.OnAnswer(now_, *std::move(call), absl::OkStatus(), response).empty());
  EXPECT_TRUE(submission->results[0].ok());
  EXPECT_TRUE(absl::IsAlreadyExists(submission->results[1].status()));
  // The third was refused for a passing reason: tried again, alone and under a new request id.
  now_ = *queue_.NextTimer();
  call = queue_.Next(now_);
  ASSERT_EQ(call->request.tasks_size(), 1);
  EXPECT_EQ(call->request.tasks(0).type(), "t2");
  EXPECT_EQ(call->request.request_id(), "id-2");
  EXPECT_EQ(Accept(*std::move(call)).size(), 1);
  EXPECT_EQ(submission->results[2]->id, 3);
}

TEST_F(SubmitQueueTest, ATaskThatCannotBeSentDoesNotHoldUpItsNeighbours) {
  auto submission = std::make_shared<Submission>();
  submission->results.resize(2, absl::UnknownError("none"));
  submission->deadline = now_ + kTimeout;
  std::vector<absl::StatusOr<std::unique_ptr<v1::NewTask>>> tasks;
  tasks.emplace_back(absl::InvalidArgumentError("bad"));
  tasks.emplace_back(std::make_unique<v1::NewTask>());
  tasks[1].value()->set_type("t0");
  EXPECT_TRUE(queue_.Add(submission, std::move(tasks)).empty());
  EXPECT_EQ(Accept(*queue_.Next(now_)).size(), 1);
  EXPECT_TRUE(absl::IsInvalidArgument(submission->results[0].status()));
  EXPECT_TRUE(submission->results[1].ok());
}

TEST_F(SubmitQueueTest, NothingIsDoneAtOnce) {
  auto submission = std::make_shared<Submission>();
  EXPECT_EQ(queue_.Add(submission, {}).size(), 1);
}

}  // namespace
}  // namespace internal
}  // namespace baton::inline sdk
