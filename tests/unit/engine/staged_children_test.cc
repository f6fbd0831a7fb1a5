// Fan-outs that are staged in parts and sealed by the outcome.
#include "tests/unit/engine/family.h"
#include "tests/unit/engine/harness.h"

namespace baton::engine::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(StagedChildrenTest, StagedChildrenAreInvisibleUntilTheOutcomeSealsThem) {  // B144
  EngineHarness harness;
  TestWorker& parents = harness.Connect(kParents);
  TestWorker& children = harness.Connect(kChildren);
  const TaskId parent = harness.Submit(kParent);
  EXPECT_EQ(parents.SpawnPart(parent, 1, {kChild, kChild})->staged, 2u);
  EXPECT_EQ(parents.SpawnPart(parent, 2, {kChild})->staged, 3u);
  EXPECT_THAT(children.running(), IsEmpty());
  EXPECT_EQ(harness.StateOf(parent + 1), LiveState::STAGED);
  EXPECT_THAT(harness.Cancel(parent + 1), ErrorIs(absl::StatusCode::kNotFound, "TASK_NOT_FOUND"));
  EXPECT_THAT(parents.Spawn(parent, {kChild}, "context", 2), NoError());
  EXPECT_THAT(children.running(), ElementsAre(parent + 1, parent + 2, parent + 3, parent + 4));
  EXPECT_EQ(harness.EntryOf(parent).remaining, 4u);
  for (const TaskId id : children.running()) children.Succeed(id);
  ASSERT_TRUE(parents.Runs(parent));
  EXPECT_EQ(parents.DeliveryOf(parent).children, 4u);
}

TEST(StagedChildrenTest, RepeatedPartIsStoredOnce) {
  EngineHarness harness;
  TestWorker& parents = harness.Connect(kParents);
  const TaskId parent = harness.Submit(kParent);
  parents.SpawnPart(parent, 1, {kChild, kChild});
  const auto again = parents.SpawnPart(parent, 1, {kChild, kChild});
  EXPECT_THAT(again->error, NoError());
  EXPECT_EQ(again->staged, 2u);
  EXPECT_EQ(harness.next_id(), parent + 3);
}

TEST(StagedChildrenTest, OnlyTheLastReportOfACallIsStoredWithTheChildren) {
  EngineHarness harness;
  TestWorker& parents = harness.Connect(kParents);
  TestWorker& children = harness.Connect(kChildren);
  const TaskId parent = harness.Submit(kParent);
  EXPECT_THAT(parents.Spawn(parent, {kChild, kChild}), NoError());
  for (const TaskId id : children.running()) children.Succeed(id);
  ASSERT_TRUE(parents.Runs(parent));
  AttemptId over = parents.AttemptOf(parent);
  --over.attempt;
  auto report = std::make_unique<Tracked<ReportCommand>>();
  Step step;
  step.add_checkpoints()->set_code("HALF");
  for (int i = 0; i < 3; ++i) {
    report->reports.push_back({{}, parents.AttemptOf(parent), step.SerializeAsString(), false});
  }
  report->reports.push_back({{}, over, step.SerializeAsString(), false});
  harness.Call(std::move(report));
  const std::vector<Step> log = harness.LogOf(parent);
  ASSERT_EQ(log.size(), 4u) << "the spawn, and the reports of the attempt that runs";
  std::vector<int> ranges;
  for (const Step& row : log) ranges.push_back(row.after().children_size());
  EXPECT_THAT(ranges, ElementsAre(1, 0, 0, 1));
  harness.Crash();
  EXPECT_THAT(parents.Hello(), NoError());
  EXPECT_THAT(parents.Fail(parent), NoError());
  ASSERT_TRUE(parents.Runs(parent));
  EXPECT_EQ(parents.DeliveryOf(parent).children, 2u);
}

TEST(StagedChildrenTest, ChildrenOfASpawnLieInABoundedNumberOfPlaces) {
  EngineHarness harness;
  harness.check_every_commit = false;
  TestWorker& parents = harness.Connect(kParents);
  const TaskId parent = harness.Submit(kParent);
  const auto part = [&](uint32_t number) {
    auto spawn = std::make_unique<Tracked<SpawnChildrenCommand>>();
    spawn->attempt = parents.AttemptOf(parent);
    spawn->part = number;
    spawn->children.push_back(MakeTask(kChild, harness.store()));
    return harness.Send(std::move(spawn));
  };
  for (uint32_t number = 1; number <= kWorkBounds.child_ranges; ++number) {
    part(number);
    harness.Send(MakeSubmit({{.type = "nobody's"}}, "", harness.store(), harness.now()));
    if (number % 256 == 0) harness.Round();
  }
  const auto refused = part(kWorkBounds.child_ranges + 1);
  harness.Settle();
  EXPECT_THAT(refused->error, ErrorIs(absl::StatusCode::kInvalidArgument, "TOO_MANY_CHILDREN"));
  EXPECT_THAT(refused->error.message, HasSubstr("send larger parts"));
  EXPECT_EQ(refused->staged, kWorkBounds.child_ranges);
  EXPECT_THAT(parents.Spawn(parent, {}, "", kWorkBounds.child_ranges), NoError());
  EXPECT_EQ(harness.EntryOf(parent).remaining, kWorkBounds.child_ranges);
}

TEST(StagedChildrenTest, PartsOfAllSpawnsUnderWayLieInABoundedNumberOfPlaces) {
  EngineSettings settings;
  settings.work.staged_ranges = 2;
  EngineHarness harness(settings);
  WorkerSpec slots = kParents;
  slots.slots = 2;
  TestWorker& parents = harness.Connect(slots);
  const TaskId first = harness.Submit(kParent);
  const TaskId second = harness.Submit(kParent);
  parents.SpawnPart(first, 1, {kChild});
  parents.SpawnPart(second, 1, {kChild});
  EXPECT_THAT(parents.SpawnPart(second, 2, {kChild})->error, NoError()) << "it goes on behind its last part";
  harness.Submit({.type = "nobody's"});
  const auto refused = parents.SpawnPart(second, 3, {kChild});
  EXPECT_THAT(refused->error, ErrorIs(absl::StatusCode::kResourceExhausted, "OVERLOADED"));
  EXPECT_THAT(refused->error.message, HasSubstr("retry later"));
  EXPECT_EQ(refused->staged, 2u);
  harness.Crash();
  EXPECT_THAT(parents.Hello(), NoError());
  EXPECT_THAT(parents.SpawnPart(second, 3, {kChild})->error,
              ErrorIs(absl::StatusCode::kResourceExhausted, "OVERLOADED"));
  EXPECT_THAT(parents.SpawnPart(first, 2, {kChild})->error, NoError()) << "one of them may always go on";
  EXPECT_THAT(parents.Spawn(first, {}, "", 2), NoError());
  EXPECT_THAT(parents.SpawnPart(second, 3, {kChild})->error, NoError());
  EXPECT_THAT(parents.Fail(second), NoError());
}

TEST(StagedChildrenTest, PartsHaveToComeInOrderAndBeCounted) {
  EngineHarness harness;
  TestWorker& parents = harness.Connect(kParents);
  const TaskId parent = harness.Submit(kParent);
  const auto early = parents.SpawnPart(parent, 2, {kChild});
  EXPECT_THAT(early->error, ErrorIs(absl::StatusCode::kFailedPrecondition, "PART_MISSING"));
  EXPECT_THAT(early->error.message, HasSubstr("part 2 came before part 1"));
  parents.SpawnPart(parent, 1, {kChild});
  const Outcome wrong = [&] {
    Outcome outcome = parents.MakeOutcome(parent, Outcome::Kind::kSpawned);
    outcome.parts = 2;
    return outcome;
  }();
  EXPECT_THAT(parents.Send(wrong), ErrorIs(absl::StatusCode::kFailedPrecondition, "PART_MISSING"));
  EXPECT_EQ(harness.StateOf(parent), LiveState::RUNNING);
  Outcome right = wrong;
  right.parts = 1;
  EXPECT_THAT(parents.Send(right), NoError());
  EXPECT_EQ(harness.StateOf(parent), LiveState::WAITING);
}

TEST(StagedChildrenTest, PartsOfAnAttemptThatEndsOtherwiseAreRemoved) {
  EngineHarness harness;
  TestWorker& parents = harness.Connect(kParents);
  TestWorker& children = harness.Connect(kChildren);
  const TaskId parent = harness.Submit(kParent);
  parents.SpawnPart(parent, 1, {kChild, kChild});
  EXPECT_THAT(parents.Fail(parent), NoError());
  EXPECT_EQ(harness.StateOf(parent + 1), LiveState::REMOVED);
  std::string row;
  EXPECT_TRUE(absl::IsNotFound(harness.store().Get(storage::Family::kTask, TaskKey(parent + 1), &row)));
  // The next attempt starts with part 1 again.
  EXPECT_EQ(parents.SpawnPart(parent, 1, {kChild})->staged, 1u);
  EXPECT_THAT(parents.Spawn(parent, {}, "", 1), NoError());
  EXPECT_THAT(children.running(), ElementsAre(parent + 3));
}

TEST(StagedChildrenTest, PartOfAnAttemptThatIsOverIsRefused) {  // B144
  EngineHarness harness;
  TestWorker& parents = harness.Connect(kParents);
  const TaskId parent = harness.Submit(kParent);
  harness.Cancel(parent);
  const auto part = parents.SpawnPart(parent, 1, {kChild});
  EXPECT_THAT(part->error, ErrorIs(absl::StatusCode::kAborted, "ATTEMPT_OVER"));
  EXPECT_EQ(harness.next_id(), parent + 1);
}

TEST(StagedChildrenTest, PartOfATaskThatIsNotThereIsRefused) {
  const auto spawn_part = [](EngineHarness& harness, TaskId parent) {
    auto spawn = std::make_unique<Tracked<SpawnChildrenCommand>>();
    spawn->attempt = {parent, 1};
    spawn->part = 1;
    spawn->children.push_back(MakeTask(kChild, harness.store()));
    return harness.Call(std::move(spawn)).error();
  };
  EngineHarness harness;
  TestWorker& parents = harness.Connect(kParents);
  EXPECT_THAT(spawn_part(harness, 4711), ErrorIs(absl::StatusCode::kNotFound, "TASK_NOT_FOUND"));
  const TaskId parent = harness.Submit(kParent);
  ASSERT_THAT(parents.Spawn(parent, {kChild}), NoError());
  EXPECT_THAT(spawn_part(harness, parent), ErrorIs(absl::StatusCode::kAborted, "ATTEMPT_OVER")) << "it has spawned";
  harness.Cancel(parent);
  harness.Delete(parent);
  EXPECT_THAT(spawn_part(harness, parent), ErrorIs(absl::StatusCode::kNotFound, "TASK_EXPIRED"));
}

TEST(StagedChildrenTest, StagedPartsSurviveACrashIfTheirWorkerComesBack) {
  EngineHarness harness;
  TestWorker& parents = harness.Connect(kParents);
  TestWorker& children = harness.Connect(kChildren);
  const TaskId parent = harness.Submit(kParent);
  parents.SpawnPart(parent, 1, {kChild});
  harness.Crash();
  EXPECT_THAT(parents.Hello(), NoError());
  EXPECT_EQ(parents.SpawnPart(parent, 1, {kChild})->staged, 1u) << "a repeat: its answer may have been lost";
  EXPECT_EQ(parents.SpawnPart(parent, 2, {kChild})->staged, 2u);
  EXPECT_THAT(parents.Spawn(parent, {}, "", 2), NoError());
  EXPECT_THAT(children.Hello(), NoError());
  EXPECT_THAT(children.running(), ElementsAre(parent + 1, parent + 2));
}

TEST(StagedChildrenTest, StagedPartsAreRemovedIfTheWorkerIsLostWithTheBroker) {
  EngineHarness harness;
  TestWorker& parents = harness.Connect(kParents);
  const TaskId parent = harness.Submit(kParent);
  parents.SpawnPart(parent, 1, {kChild});
  harness.Crash();
  parents.Freeze();
  harness.Advance(kMinute);
  EXPECT_EQ(harness.StateOf(parent), LiveState::PENDING);
  EXPECT_EQ(harness.StateOf(parent + 1), LiveState::REMOVED);
}

TEST(StagedChildrenTest, LargeFanOutIsSealedAtOnceAndPutInOrderStepByStep) {  // B144
  EngineHarness harness;
  TestWorker& parents = harness.Connect(kParents);
  const TaskId parent = harness.Submit(kParent);
  for (uint32_t part = 1; part <= 3; ++part) parents.SpawnPart(parent, part, std::vector<TaskSpec>(1000, kChild));
  Outcome spawned = parents.MakeOutcome(parent, Outcome::Kind::kSpawned);
  spawned.parts = 3;
  parents.Post(spawned);
  harness.Round();
  EXPECT_EQ(harness.StateOf(parent + 3000), LiveState::PENDING) << "for every reader, from the first commit on";
  EXPECT_TRUE(harness.engine().has_more());
  harness.Crash();
  TestWorker& children = harness.Connect(kChildren);
  EXPECT_EQ(children.handlers(), 3000u);
  EXPECT_EQ(children.running().back(), parent + 3000);
}

TEST(StagedChildrenTest, CancelledParentTakesItsSealedChildrenWithItBeforeTheyAreInOrder) {
  EngineHarness harness;
  TestWorker& parents = harness.Connect(kParents);
  TestWorker& children = harness.Connect(kChildren);
  const TaskId parent = harness.Submit(kParent);
  for (uint32_t part = 1; part <= 2; ++part) parents.SpawnPart(parent, part, std::vector<TaskSpec>(1000, kChild));
  Outcome spawned = parents.MakeOutcome(parent, Outcome::Kind::kSpawned);
  spawned.parts = 2;
  parents.Post(spawned);
  harness.Round();
  EXPECT_THAT(harness.Cancel(parent), NoError());
  for (TaskId id = parent; id <= parent + 2000; ++id) ASSERT_EQ(harness.StateOf(id), LiveState::CANCELLED) << id;
  EXPECT_EQ(children.orders.empty(), children.handlers() == 0);
}

// Found by the simulation: a call that joined a load from before the seal was told that the child does not exist.
TEST(StagedChildrenTest, ChildIsThereForACallThatComesAfterTheSealThoughItWasBeingLoadedBefore) {
  EngineSettings settings;
  settings.resident_tasks = 1;
  EngineHarness harness(settings);
  TestWorker& worker = harness.Connect({.slots = 1, .types = {"parent"}});
  const TaskId parent = harness.Submit({.type = "parent"});
  worker.SpawnPart(parent, 1, {{}});
  const TaskId child = parent + 1;
  harness.hold_loads = true;
  const auto cancel = [&] {
    auto command = std::make_unique<Tracked<CancelCommand>>();
    command->task = child;
    return harness.Send(std::move(command));
  };
  const auto before = cancel();
  harness.Round();
  ASSERT_THAT(worker.Spawn(parent, {}, "", 1), NoError());
  const auto after = cancel();
  harness.Round();
  harness.hold_loads = false;
  harness.Settle();
  EXPECT_THAT(after.error(), NoError());
  EXPECT_EQ(harness.StateOf(child), LiveState::CANCELLED);
}

}  // namespace
}  // namespace baton::engine::testing
