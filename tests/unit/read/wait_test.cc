#include <optional>

#include "absl/synchronization/notification.h"
#include "tests/unit/read/scene.h"

namespace baton::service::testing {
namespace {

using absl::StatusCode;

// A call of Wait, and what came of it.
class Call {
 public:
  Call(Scene* scene, const v1::WaitRequest& request) : scene_(scene) {
    id_ = scene->reads().Wait(request, [this](Error error, v1::WaitResponse response) {
      error_ = std::move(error);
      response_ = std::move(response);
      answered_.Notify();
    });
  }
  ~Call() {
    scene_->reads().CancelWait(id_);
    EXPECT_TRUE(answered_.WaitForNotificationWithTimeout(absl::Seconds(20)));
  }

  bool answered() const { return answered_.HasBeenNotified(); }
  uint64_t id() const { return id_; }
  const Error& error() {
    EXPECT_TRUE(answered_.WaitForNotificationWithTimeout(absl::Seconds(20))) << "no answer";
    return error_;
  }
  const v1::WaitResponse& response() {
    EXPECT_TRUE(error().ok()) << error_.reason << ": " << error_.message;
    return response_;
  }

 private:
  Scene* const scene_;
  absl::Notification answered_;
  Error error_;
  v1::WaitResponse response_;
  uint64_t id_ = 0;
};

v1::WaitRequest For(TaskId id, uint64_t known_version = 0, Micros timeout = 0) {
  v1::WaitRequest request;
  request.set_task_id(id);
  request.set_known_version(known_version);
  request.set_timeout_us(timeout);
  return request;
}

TEST(WaitTest, ATerminalTaskAnswersAtOnce) {
  Scene scene;
  const TaskId id = scene.Submit();
  scene.Claim(id, "w1");
  scene.Complete(id, "7");
  v1::WaitRequest request = For(id);
  request.mutable_parts()->set_result(true);
  Call call(&scene, request);
  EXPECT_EQ(call.response().task().result().json(), "7");
  EXPECT_FALSE(call.response().timed_out());
}

TEST(WaitTest, AnswersWhenTheTaskEndsAndNotBefore) {
  Scene scene;
  const TaskId id = scene.Submit();
  Call call(&scene, For(id));
  scene.partition().AwaitWatches(1);
  scene.Claim(id, "w1");
  // The change used the watch up; a new one means that it was looked at.
  scene.partition().AwaitWatches(1);
  EXPECT_FALSE(call.answered());
  scene.Complete(id);
  EXPECT_EQ(call.response().task().state(), v1::TASK_STATE_COMPLETED);
  scene.partition().AwaitWatches(0);
}

TEST(WaitTest, AnswersWhenTheTaskDiffersFromTheKnownVersion) {  // B259
  Scene scene;
  const TaskId id = scene.Submit();
  const uint64_t version = scene.Get(id).version();
  Call stale(&scene, For(id, version + 1));
  EXPECT_EQ(stale.response().task().version(), version) << "another version is known: answered at once";

  Call call(&scene, For(id, version));
  scene.partition().AwaitWatches(1);
  EXPECT_FALSE(call.answered());
  scene.Claim(id, "w1");
  EXPECT_EQ(call.response().task().state(), v1::TASK_STATE_RUNNING);
  EXPECT_NE(call.response().task().version(), version);
  EXPECT_FALSE(call.response().timed_out());
}

TEST(WaitTest, AChangeWhileTheFirstLookIsUnderWayIsNotMissed) {
  Scene scene;
  const TaskId id = scene.Submit();
  scene.partition().HoldReads(true);
  Call call(&scene, For(id));
  scene.partition().AwaitWatches(1);
  scene.Claim(id, "w1");
  scene.Complete(id);
  scene.partition().HoldReads(false);
  EXPECT_EQ(call.response().task().state(), v1::TASK_STATE_COMPLETED);
}

TEST(WaitTest, AnswersWithTheTaskAsItStandsWhenTheTimeIsOver) {
  Scene scene;
  const TaskId id = scene.Submit();
  Call call(&scene, For(id, 0, 5 * kSecond));
  scene.partition().AwaitWatches(1);
  scene.Pass(5 * kSecond - 1);
  scene.reads().CheckDeadlines();
  EXPECT_FALSE(call.answered());
  scene.Pass(1);
  scene.reads().CheckDeadlines();
  EXPECT_TRUE(call.response().timed_out());
  EXPECT_EQ(call.response().task().state(), v1::TASK_STATE_PENDING);
  scene.partition().AwaitWatches(0);
}

TEST(WaitTest, WithoutATimeoutItIsTheDefaultOne) {
  Scene scene;
  scene.settings().default_wait = 2 * kSecond;
  const TaskId id = scene.Submit();
  Call call(&scene, For(id));
  scene.partition().AwaitWatches(1);
  scene.Pass(2 * kSecond);
  scene.reads().CheckDeadlines();
  EXPECT_TRUE(call.response().timed_out());
}

TEST(WaitTest, AJumpOfTheWallClockEndsNothing) {
  Scene scene;
  const TaskId id = scene.Submit();
  Call call(&scene, For(id, 0, 5 * kSecond));
  scene.partition().AwaitWatches(1);
  scene.clock().AdvanceWall(kDay);
  scene.reads().CheckDeadlines();
  scene.Claim(id, "w1");
  scene.partition().AwaitWatches(1);
  EXPECT_FALSE(call.answered());
}

TEST(WaitTest, CancellingAnswersAndForgets) {
  Scene scene;
  const TaskId id = scene.Submit();
  Call call(&scene, For(id));
  scene.partition().AwaitWatches(1);
  scene.reads().CancelWait(call.id());
  EXPECT_THAT(call.error(), ErrorIs(StatusCode::kCancelled, "CANCELLED"));
  scene.partition().AwaitWatches(0);
  scene.reads().CancelWait(call.id());
  scene.reads().CancelWait(999);
  scene.Cancel(id, "ann", "");
}

TEST(WaitTest, TellsErrorsAsGetDoes) {
  Scene scene;
  const TaskId id = scene.Submit();
  Call unknown(&scene, For(id + 1));
  EXPECT_THAT(unknown.error(), ErrorIs(StatusCode::kNotFound, "TASK_NOT_FOUND"));
  Call open(&scene, For(id));
  scene.partition().AwaitWatches(1);
  scene.Remove(id);
  EXPECT_THAT(open.error(), ErrorIs(StatusCode::kNotFound, "TASK_EXPIRED"));
}

TEST(WaitTest, RefusesAbsurdTimeouts) {
  Scene scene;
  const TaskId id = scene.Submit();
  for (const Micros timeout : {Micros{-1}, kHour + 1}) {
    Call call(&scene, For(id, 0, timeout));
    EXPECT_EQ(call.id(), 0u);
    EXPECT_THAT(call.error(), ErrorIs(StatusCode::kInvalidArgument, "WAIT_TIMEOUT"));
  }
}

TEST(WaitTest, RefusesMoreThanTheLimit) {
  Scene scene;
  scene.settings().max_waits = 1;
  const TaskId id = scene.Submit();
  Call first(&scene, For(id));
  Call second(&scene, For(id));
  EXPECT_THAT(second.error(), ErrorIs(StatusCode::kResourceExhausted, "TOO_MANY_WAITS"));
  EXPECT_GT(second.error().retry_after, 0);
}

TEST(WaitTest, ManyCallersWaitForOneTask) {
  Scene scene;
  const TaskId id = scene.Submit();
  std::vector<std::unique_ptr<Call>> calls;
  for (int i = 0; i < 50; ++i) calls.push_back(std::make_unique<Call>(&scene, For(id)));
  scene.partition().AwaitWatches(50);
  scene.Cancel(id, "ann", "");
  for (const std::unique_ptr<Call>& call : calls) {
    EXPECT_EQ(call->response().task().state(), v1::TASK_STATE_CANCELLED);
  }
}

TEST(WaitTest, StoppingAnswersAllAndRefusesNewOnesOnly) {
  Scene scene;
  const TaskId id = scene.Submit();
  Call open(&scene, For(id));
  scene.partition().AwaitWatches(1);
  scene.reads().Stop();
  EXPECT_THAT(open.error(), ErrorIs(StatusCode::kUnavailable, "STOPPING"));
  Call late(&scene, For(id));
  EXPECT_THAT(late.error(), ErrorIs(StatusCode::kUnavailable, "STOPPING"));
  scene.reads().Stop();
  EXPECT_EQ(scene.Get(id).id(), id) << "the other calls go on";
}

TEST(WaitTest, AReadThatOutlivesTheServiceFindsNobody) {
  FakePartition partition;
  ManualClock clock;
  auto reads = std::make_unique<ReadService>(&partition, &clock, ReadSettings());
  absl::Notification answered;
  partition.HoldReads(true);
  reads->Wait(For(1), [&](const Error& error, const v1::WaitResponse&) {
    EXPECT_THAT(error, ErrorIs(StatusCode::kUnavailable, "STOPPING"));
    answered.Notify();
  });
  partition.AwaitWatches(1);
  reads.reset();
  EXPECT_TRUE(answered.HasBeenNotified());
  partition.HoldReads(false);
}

}  // namespace
}  // namespace baton::service::testing
