// What the records tell of why a task does not run.
#include "tests/unit/read/scene.h"

namespace baton::service::testing {
namespace {

using absl::StatusCode;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Explanation Explain(Scene& scene, TaskId id) {
  v1::ExplainRequest request;
  request.set_task_id(id);
  auto [error, explanation] = scene.Ask(&ReadService::Explain, request);
  EXPECT_TRUE(error.ok()) << error.message;
  return explanation;
}

std::vector<v1::ObstacleKind> KindsOf(const v1::ExplainResponse& response) {
  std::vector<v1::ObstacleKind> kinds;
  for (const v1::Obstacle& obstacle : response.obstacles()) kinds.push_back(obstacle.kind());
  return kinds;
}

TEST(ExplainReadTest, NoWorkerCanRunIt) {
  Scene scene;
  scene.Connect("render", {}, 4, 0);
  const Explanation explanation = Explain(scene, scene.Submit({.capabilities = {"GPU"}}));
  const v1::ExplainResponse& response = explanation.response;
  ASSERT_THAT(KindsOf(response), ElementsAre(v1::OBSTACLE_KIND_NO_WORKER));
  EXPECT_EQ(response.obstacles(0).text(),
            "no live worker can run it: none with a handler for 'render' declares the capability GPU");
  EXPECT_EQ(response.task().waiting_for(), response.obstacles(0).text());
  EXPECT_EQ(response.queue().workers(), 0);
  EXPECT_EQ(explanation.entry.state, LiveState::PENDING) << "the engine is asked for its place";
}

TEST(ExplainReadTest, ItsRecordsAreDamaged) {
  Scene scene;
  const TaskId unreadable = scene.Submit();
  scene.PutRow(storage::Family::kTask, engine::TaskKey(unreadable), "\xff\xff\xff");
  const v1::ExplainResponse response = Explain(scene, unreadable).response;
  ASSERT_THAT(KindsOf(response), ElementsAre(v1::OBSTACLE_KIND_DAMAGED));
  EXPECT_EQ(response.task().id(), unreadable);
  EXPECT_EQ(response.task().state(), v1::TASK_STATE_PENDING);
  EXPECT_NE(response.obstacles(0).text().find("batond verify"), std::string::npos) << response.obstacles(0).text();
  EXPECT_FALSE(response.has_queue());
}

TEST(ExplainReadTest, AllSlotsAreTaken) {
  Scene scene;
  scene.Connect("render", {}, 4, 4);
  scene.Connect("render", {"GPU"}, 2, 2);
  scene.Connect("other", {}, 5, 0);
  const v1::ExplainResponse response = Explain(scene, scene.Submit()).response;
  ASSERT_THAT(KindsOf(response), ElementsAre(v1::OBSTACLE_KIND_NO_FREE_SLOT));
  EXPECT_EQ(response.obstacles(0).text(), "waits for a free slot of 2 workers");
  EXPECT_EQ(response.queue().workers(), 2);
  EXPECT_EQ(response.queue().slots(), 6);
  EXPECT_EQ(response.queue().slots_taken(), 6);
}

TEST(ExplainReadTest, ItsTypeIsAtItsLimitAndNoSlotIsFree) {
  Scene scene;
  scene.Connect("render", {}, 4, 4);
  scene.Limit("render", 1, 1);
  const v1::ExplainResponse response = Explain(scene, scene.Submit()).response;
  ASSERT_THAT(KindsOf(response), ElementsAre(v1::OBSTACLE_KIND_TYPE_LIMIT, v1::OBSTACLE_KIND_NO_FREE_SLOT));
  EXPECT_EQ(response.obstacles(1).text(), "waits for a free slot of 1 worker");
  EXPECT_EQ(response.task().waiting_for(),
            "waits for the limit of type 'render': 1 of 1 are running; waits for a free slot of 1 worker");
}

TEST(ExplainReadTest, NothingKeepsItFromBeingHandedOut) {
  Scene scene;
  scene.Connect("render", {}, 4, 4);
  scene.Connect("render", {"GPU"}, 2, 1);
  const v1::ExplainResponse response = Explain(scene, scene.Submit()).response;
  EXPECT_THAT(response.obstacles(), IsEmpty());
  EXPECT_EQ(response.task().waiting_for(), "is about to be handed out: 2 workers can run it");
  EXPECT_TRUE(response.has_queue());
}

TEST(ExplainReadTest, SeveralObstaclesAreToldInTheOrderInWhichToLookAtThem) {
  Scene scene;
  const TaskId id = scene.Submit({.delay = kMinute});
  scene.Pause(id);
  const v1::ExplainResponse response = Explain(scene, id).response;
  EXPECT_THAT(KindsOf(response),
              ElementsAre(v1::OBSTACLE_KIND_TASK_PAUSED, v1::OBSTACLE_KIND_NOT_DUE, v1::OBSTACLE_KIND_NO_WORKER));
  EXPECT_EQ(response.obstacles(1).until().seconds(), (kStart + kMinute) / kSecond);
  EXPECT_EQ(response.task().waiting_for(), "is paused by an operator");
  EXPECT_FALSE(response.has_queue()) << "it has no place before it is due";
}

TEST(ExplainReadTest, PauseSaysWhoWhyAndWhen) {
  Scene scene;
  const TaskId id = scene.Submit();
  scene.Pass(5 * kSecond);
  const auto by_ann = [](Step& step) {
    step.set_actor("ann");
    step.set_reason("disk is full");
  };
  scene.Log(id, Step::PAUSED, LiveState::PENDING, by_ann);
  scene.Pause(id);
  scene.Pass(kSecond);
  const v1::Obstacle pause = Explain(scene, id).response.obstacles(0);
  EXPECT_EQ(pause.kind(), v1::OBSTACLE_KIND_TASK_PAUSED);
  EXPECT_EQ(pause.since().seconds(), (kStart + 5 * kSecond) / kSecond);
}

TEST(ExplainReadTest, ParentNamesTheChildrenThatHaveNotEnded) {
  Scene scene;
  const TaskId parent = scene.Submit();
  scene.Claim(parent, "w1");
  const std::vector<TaskId> children = scene.Spawn(parent, 14);
  for (size_t i = 0; i < 7; ++i) {
    scene.Claim(children[i], "w1");
    if (i < 2) scene.Complete(children[i]);
  }
  const v1::ExplainResponse response = Explain(scene, parent).response;
  EXPECT_THAT(KindsOf(response), ElementsAre(v1::OBSTACLE_KIND_CHILDREN));
  ASSERT_THAT(response.unfinished_children(), SizeIs(10));
  EXPECT_EQ(response.unfinished_children(0).id(), children[7]) << "those that run come last";
  EXPECT_EQ(response.unfinished_children(0).waiting_for(), "no live worker can run it: no worker is connected");
  EXPECT_EQ(response.unfinished_children(6).id(), children[13]);
  EXPECT_EQ(response.unfinished_children(7).id(), children[2]);
  EXPECT_EQ(response.unfinished_children(7).state(), v1::TASK_STATE_RUNNING);
  EXPECT_EQ(response.unfinished_children(9).id(), children[4]);
}

TEST(ExplainReadTest, ChildThatWaitsIsFoundBehindManyThatRun) {
  Scene scene;
  const TaskId parent = scene.Submit();
  scene.Claim(parent, "w1");
  const std::vector<TaskId> children = scene.Spawn(parent, 40);
  for (size_t i = 0; i < 39; ++i) scene.Claim(children[i], "w1");
  scene.Claim(children[39], "w1");
  scene.Suspend(children[39], "approval");
  v1::ExplainResponse response = Explain(scene, parent).response;
  ASSERT_THAT(response.unfinished_children(), SizeIs(10));
  EXPECT_EQ(response.unfinished_children(0).id(), children[39]);
  EXPECT_EQ(response.unfinished_children(0).waiting_for(), "waits for a decision: approval");
  for (size_t i = 5; i < 25; ++i) scene.Fail(children[i], "it broke");
  response = Explain(scene, parent).response;
  ASSERT_THAT(response.unfinished_children(), SizeIs(10));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(response.unfinished_children(i).id(), children[5 + i]);
}

TEST(ExplainReadTest, SuspendedTaskWaitsForADecision) {
  Scene scene;
  const TaskId id = scene.Submit();
  scene.Claim(id, "w1");
  scene.Suspend(id, "approval");
  const v1::ExplainResponse response = Explain(scene, id).response;
  ASSERT_THAT(KindsOf(response), ElementsAre(v1::OBSTACLE_KIND_DECISION));
  EXPECT_EQ(response.obstacles(0).text(), "waits for a decision: approval");
  EXPECT_FALSE(response.obstacles(0).has_until());
}

TEST(ExplainReadTest, RunningTaskHasAHolderAndNoObstacle) {
  Scene scene;
  const TaskId id = scene.Submit();
  scene.Claim(id, "w1");
  const Explanation explanation = Explain(scene, id);
  EXPECT_THAT(explanation.response.obstacles(), IsEmpty());
  EXPECT_EQ(explanation.response.holder().worker_id(), "w1");
  EXPECT_EQ(explanation.response.holder().attempt(), 1);
  EXPECT_EQ(explanation.response.holder().claimed_at().seconds(), kStart / kSecond);
  EXPECT_NE(explanation.entry.session, 0u);
}

TEST(ExplainReadTest, EndedTaskNeedsNoExplanation) {
  Scene scene;
  const TaskId id = scene.Submit();
  scene.Claim(id, "w1");
  scene.FailForGood(id, "bad input");
  const v1::ExplainResponse response = Explain(scene, id).response;
  EXPECT_THAT(response.obstacles(), IsEmpty());
  EXPECT_FALSE(response.has_queue());
  EXPECT_FALSE(response.has_holder());
  EXPECT_EQ(response.task().last_error(), "bad input");
}

TEST(ExplainReadTest, UnknownTask) {
  Scene scene;
  v1::ExplainRequest request;
  request.set_task_id(9);
  EXPECT_THAT(scene.Ask(&ReadService::Explain, request).first, ErrorIs(StatusCode::kNotFound, "TASK_NOT_FOUND"));
}

}  // namespace
}  // namespace baton::service::testing
