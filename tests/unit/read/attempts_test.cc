#include "tests/unit/read/scene.h"

namespace baton::service::testing {
namespace {

using absl::StatusCode;

class AttemptsTest : public ::testing::Test {
 protected:
  v1::ListAttemptsResponse Page(TaskId id, int page_size = 0, const std::string& token = "") {
    v1::ListAttemptsRequest request;
    request.set_task_id(id);
    request.set_page_size(page_size);
    request.set_page_token(token);
    auto [error, response] = scene_.Ask(&ReadService::ListAttempts, request);
    EXPECT_TRUE(error.ok()) << error.reason << ": " << error.message;
    return response;
  }

  Scene scene_;
};

TEST_F(AttemptsTest, ATaskThatWasNeverClaimedHasNone) { EXPECT_EQ(Page(scene_.Submit()).attempts_size(), 0); }  // B206

TEST_F(AttemptsTest, TellsEveryAttemptAndTheRunningOne) {  // B44, B158, B206, B207, B209, S39, S76
  const TaskId id = scene_.Submit();
  scene_.Claim(id, "w1");
  scene_.Log(id, Step::REPORTED, LiveState::RUNNING, [](Step& step) { step.add_checkpoints()->set_code("x"); });
  scene_.Pass(kSecond);
  scene_.Fail(id, "boom");
  scene_.Claim(id, "w2");
  scene_.Log(id, Step::RELEASED, LiveState::PENDING, [](Step& step) { step.set_reason("draining"); });
  scene_.Claim(id, "w1");
  scene_.Spawn(id, 1);
  scene_.ChildrenEnded(id);
  scene_.Claim(id, "w3");

  const v1::ListAttemptsResponse page = Page(id);
  ASSERT_EQ(page.attempts_size(), 4);
  const v1::Attempt& failed = page.attempts(0);
  EXPECT_EQ(failed.number(), 1);
  EXPECT_EQ(failed.worker_id(), "w1");
  EXPECT_EQ(failed.outcome(), v1::ATTEMPT_OUTCOME_FAILED);
  EXPECT_EQ(failed.error(), "boom");
  EXPECT_EQ(failed.claimed_at().seconds(), kStart / kSecond);
  EXPECT_EQ(failed.ended_at().seconds(), kStart / kSecond + 1);
  EXPECT_EQ(failed.handler_version(), 3u);
  EXPECT_EQ(failed.options().timeout_us(), 7 * kSecond);
  EXPECT_EQ(page.attempts(1).outcome(), v1::ATTEMPT_OUTCOME_RELEASED);
  EXPECT_EQ(page.attempts(1).error(), "");
  EXPECT_EQ(page.attempts(2).outcome(), v1::ATTEMPT_OUTCOME_SPAWNED);
  const v1::Attempt& running = page.attempts(3);
  EXPECT_EQ(running.number(), 4);
  EXPECT_EQ(running.stage(), 1);
  EXPECT_EQ(running.worker_id(), "w3");
  EXPECT_EQ(running.outcome(), v1::ATTEMPT_OUTCOME_UNSPECIFIED);
  EXPECT_FALSE(running.has_ended_at());
  EXPECT_EQ(running.options().timeout_us(), 7 * kSecond);
}

TEST_F(AttemptsTest, TheLastAttemptIsInTheEndRow) {  // B207, S5, S38
  const TaskId id = scene_.Submit();
  scene_.Claim(id, "w1");
  scene_.End(id, Step::SUCCEEDED, LiveState::COMPLETED, [](Step& step) {
    step.set_queued_us(kSecond / 2);
    step.set_ran_us(3 * kSecond);
  });
  const v1::ListAttemptsResponse page = Page(id);
  ASSERT_EQ(page.attempts_size(), 1);
  EXPECT_EQ(page.attempts(0).outcome(), v1::ATTEMPT_OUTCOME_SUCCEEDED);
  EXPECT_EQ(page.attempts(0).queued().nanos(), 500'000'000);
  EXPECT_EQ(page.attempts(0).ran().seconds(), 3);
}

TEST_F(AttemptsTest, WhatTheWorkerDidNotMeasureIsNotTold) {
  const TaskId id = scene_.Submit();
  scene_.Claim(id, "w1");
  scene_.Pass(kSecond);
  scene_.Log(id, Step::INTERRUPTED, LiveState::PENDING);
  scene_.Claim(id, "w1");
  scene_.Log(id, Step::RELEASED, LiveState::PENDING, [](Step& step) { step.set_queued_us(kSecond); });
  scene_.Claim(id, "w2");
  const v1::ListAttemptsResponse page = Page(id);
  ASSERT_EQ(page.attempts_size(), 3);
  EXPECT_TRUE(page.attempts(0).has_ended_at());
  EXPECT_FALSE(page.attempts(0).has_queued());
  EXPECT_FALSE(page.attempts(0).has_ran());
  EXPECT_EQ(page.attempts(1).queued().seconds(), 1);
  EXPECT_TRUE(page.attempts(1).has_ran()) << "its handler has not run, which was reported";
  EXPECT_FALSE(page.attempts(2).has_queued());
  EXPECT_FALSE(page.attempts(2).has_ran());
}

TEST_F(AttemptsTest, LostOptionsOfAnAttemptAreDamage) {
  const TaskId id = scene_.Submit();
  scene_.Claim(id, "w1");
  scene_.Log(id, Step::FAILED, LiveState::PENDING, [](Step& step) { step.mutable_attempt()->set_options_number(99); });
  scene_.Claim(id, "w1");
  v1::ListAttemptsRequest request;
  request.set_task_id(id);
  EXPECT_THAT(scene_.Ask(&ReadService::ListAttempts, request).first, ErrorIs(StatusCode::kDataLoss, "STORE_DAMAGED"));
}

TEST_F(AttemptsTest, ACancelWhileWaitingIsNoAttempt) {
  const TaskId id = scene_.Submit();
  scene_.Claim(id, "w1");
  scene_.Fail(id, "boom", kHour);
  scene_.Cancel(id, "ann", "");
  ASSERT_EQ(Page(id).attempts_size(), 1);
  EXPECT_EQ(Page(id).attempts(0).outcome(), v1::ATTEMPT_OUTCOME_FAILED);
}

TEST_F(AttemptsTest, PagesGoOnWhereTheyEndedAlthoughAttemptsWereAdded) {
  const TaskId id = scene_.Submit();
  for (int i = 0; i < 3; ++i) {
    scene_.Claim(id, "w1");
    scene_.Fail(id, "boom");
  }
  scene_.Claim(id, "w2");
  std::string token = Page(id, 3).next_page_token();
  ASSERT_FALSE(token.empty()) << "the running attempt is still to come";
  scene_.Fail(id, "boom");
  scene_.Claim(id, "w1");
  v1::ListAttemptsResponse page = Page(id, 1, token);
  ASSERT_EQ(page.attempts_size(), 1);
  EXPECT_EQ(page.attempts(0).number(), 4);
  EXPECT_EQ(page.attempts(0).outcome(), v1::ATTEMPT_OUTCOME_FAILED);
  page = Page(id, 1, page.next_page_token());
  ASSERT_EQ(page.attempts_size(), 1);
  EXPECT_EQ(page.attempts(0).number(), 5);
  EXPECT_EQ(page.next_page_token(), "");
}

TEST_F(AttemptsTest, RefusesATokenOfAnotherTask) {
  const TaskId id = scene_.Submit();
  for (int i = 0; i < 2; ++i) {
    scene_.Claim(id, "w1");
    scene_.Fail(id, "boom");
  }
  v1::ListAttemptsRequest request;
  request.set_task_id(scene_.Submit());
  request.set_page_token(Page(id, 1).next_page_token());
  EXPECT_THAT(scene_.Ask(&ReadService::ListAttempts, request).first,
              ErrorIs(StatusCode::kInvalidArgument, "BAD_PAGE_TOKEN"));
}

}  // namespace
}  // namespace baton::service::testing
