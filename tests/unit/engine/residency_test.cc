// More tasks than memory may hold: eviction and read-ahead.
#include "tests/unit/engine/harness.h"

namespace baton::engine::testing {
namespace {

using ::testing::ElementsAreArray;

EngineSettings Tiny(size_t tasks, size_t bytes = 64 << 20) {
  EngineSettings settings;
  settings.resident_tasks = tasks;
  settings.resident_bytes = bytes;
  return settings;
}

TEST(ResidencyTest, TasksThatDoNotFitWaitOnDiskAndAreHandedOutInOrder) {
  EngineHarness harness(Tiny(5));
  std::vector<TaskId> ids;
  for (int i = 0; i < 20; ++i) ids.push_back(harness.Submit({.payload = absl::StrCat("payload ", i)}));
  EXPECT_EQ(harness.engine().resident_tasks(), 3u);
  TestWorker& worker = harness.Connect({.slots = 4});
  std::vector<TaskId> order;
  while (worker.handlers() > 0) {
    const TaskId id = worker.running().front();
    EXPECT_EQ(PayloadOf(worker.DeliveryOf(id)), absl::StrCat("payload ", id - ids[0]));
    EXPECT_THAT(worker.Succeed(id), NoError());
    for (const TaskId delivered : worker.TakeDelivered()) order.push_back(delivered);
  }
  EXPECT_THAT(order, ElementsAreArray(ids));
}

TEST(ResidencyTest, WhatWasReadIsHandedOutWhileTheNextAreBeingRead) {
  EngineHarness harness(Tiny(1));
  const std::vector<TaskId> ids = harness.SubmitMany(kFirstReadAhead + kReadAhead + 100);
  TestWorker& worker = harness.Connect({.slots = 1});
  std::vector<TaskId> order = worker.TakeDelivered();
  const auto work_through = [&] {
    while (worker.handlers() > 0) {
      EXPECT_THAT(worker.Succeed(worker.running().front()), NoError());
      for (const TaskId delivered : worker.TakeDelivered()) order.push_back(delivered);
    }
  };
  // The second task is not in memory: it is read with those behind it, and when they are there, so are the next.
  EXPECT_THAT(worker.Succeed(ids[0]), NoError());
  for (const TaskId delivered : worker.TakeDelivered()) order.push_back(delivered);
  harness.hold_loads = true;
  work_through();
  EXPECT_GE(order.size(), kFirstReadAhead + kReadAhead);
  EXPECT_LT(order.size(), ids.size()) << "not everything is in memory";
  harness.hold_loads = false;
  harness.Settle();
  for (const TaskId delivered : worker.TakeDelivered()) order.push_back(delivered);
  work_through();
  EXPECT_THAT(order, ElementsAreArray(ids));
}

TEST(ResidencyTest, WhatNobodyCanRunLeavesHalfOfTheMemoryToWhatIsWorkedOn) {
  EngineHarness harness(Tiny(10));
  EXPECT_THAT(harness.NewWorker({.slots = 1, .types = {"served"}}).Hello(), NoError());
  for (int i = 0; i < 20; ++i) harness.Submit({.type = "nobody's"});
  EXPECT_EQ(harness.engine().resident_tasks(), 5u);
  for (int i = 0; i < 20; ++i) harness.Submit({.type = "served"});
  EXPECT_EQ(harness.engine().resident_tasks(), 10u);
}

TEST(ResidencyTest, BytesLimitWhatStaysInMemory) {
  EngineHarness harness(Tiny(1000, 6000));
  for (int i = 0; i < 10; ++i) harness.Submit({.payload = std::string(1000, 'x')});
  EXPECT_EQ(harness.engine().resident_tasks(), 2u);
  TestWorker& worker = harness.Connect({.slots = 20});
  EXPECT_EQ(worker.handlers(), 10u);
}

TEST(ResidencyTest, BytesLimitWhatIsReadAtOnce) {
  constexpr size_t kTasks = 30;
  EngineHarness harness(Tiny(1));
  std::vector<TaskId> ids;
  for (size_t i = 0; i < kTasks; ++i) ids.push_back(harness.Submit({.payload = std::string(1 << 20, 'x')}));
  LoadRequest request;
  request.ids = ids;
  request.with_bodies = true;
  const absl::StatusOr<LoadResult> loaded = Load(*harness.MakeView(), request);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  ASSERT_EQ(loaded->tasks.size(), kTasks);
  size_t bytes = 0;
  for (const LoadedTask& task : loaded->tasks) {
    ASSERT_NE(task.task, nullptr);
    bytes += task.task->body != nullptr ? task.task->body->task_row.size() : 0;
  }
  EXPECT_GT(bytes, kReadAheadBytes);
  EXPECT_LE(bytes, 2 * kReadAheadBytes);
  TestWorker& worker = harness.Connect({.slots = kTasks});
  EXPECT_THAT(worker.TakeDelivered(), ElementsAreArray(ids));
}

// They are read already, for somebody who does not need their payloads.
TEST(ResidencyTest, TasksThatCameWithoutPayloadsDoNotMakeTheReadAheadLarger) {
  EngineHarness harness(Tiny(1));
  harness.Submit({.type = "other"});
  std::vector<TaskId> ids;
  for (int i = 0; i < 40; ++i) {
    ids.push_back(harness.Submit({.payload = std::string(1 << 20, 'x'), .unique_key = absl::StrCat(i)}));
  }
  harness.hold_loads = true;
  std::vector<TaskSpec> again;
  for (int i = 0; i < 20; ++i) again.push_back({.unique_key = absl::StrCat(i)});
  harness.Send(MakeSubmit(again, "", harness.store(), harness.now()));
  harness.Round();
  TestWorker& worker = harness.NewWorker({.slots = 1});
  harness.hold_loads = false;
  EXPECT_THAT(worker.Hello(), NoError());
  for (size_t i = 0; i < ids.size(); ++i) {
    EXPECT_LE(harness.engine().resident_tasks(), 2 * kFirstReadAhead + 20);
    ASSERT_THAT(worker.running(), ElementsAreArray({ids[i]}));
    EXPECT_THAT(worker.Succeed(ids[i]), NoError());
  }
}

TEST(ResidencyTest, PriorityIsKeptOverTasksThatAreNotInMemory) {
  EngineHarness harness(Tiny(1));
  const TaskId low = harness.Submit({.options = {.priority = -1}});
  const TaskId plain = harness.Submit();
  const TaskId high = harness.Submit({.options = {.priority = 1}});
  TestWorker& worker = harness.Connect({.slots = 3});
  EXPECT_THAT(worker.TakeDelivered(), ElementsAreArray({high, plain, low}));
}

TEST(ResidencyTest, OtherClassesAreServedWhileOneIsReadAhead) {
  EngineHarness harness(Tiny(1));
  const TaskId resident = harness.Submit({.type = "a"});
  const TaskId on_disk = harness.Submit({.type = "b", .options = {.priority = 20}});
  TestWorker& worker = harness.NewWorker({.types = {"a", "b"}});
  harness.hold_loads = true;
  EXPECT_THAT(worker.Hello(), NoError());
  EXPECT_THAT(worker.running(), ElementsAreArray({resident}));
  harness.hold_loads = false;
  harness.Settle();
  EXPECT_TRUE(worker.Runs(on_disk));
}

TEST(ResidencyTest, TaskThatIsCancelledWhileItIsReadAheadIsNotHandedOut) {
  EngineHarness harness(Tiny(1));
  harness.Submit({.type = "other"});
  const std::vector<TaskId> ids = harness.SubmitMany(3);
  TestWorker& worker = harness.NewWorker();
  harness.hold_loads = true;
  EXPECT_THAT(worker.Hello(), NoError());
  auto cancel = std::make_unique<Tracked<CancelCommand>>();
  cancel->task = ids[0];
  const auto reply = harness.Call(std::move(cancel));
  harness.hold_loads = false;
  harness.Settle();
  EXPECT_TRUE(reply.answered());
  // Either may have come first; never both.
  EXPECT_EQ(harness.StateOf(ids[0]), LiveState::CANCELLED);
  EXPECT_TRUE(worker.Runs(ids[1]) && worker.Runs(ids[2]));
}

TEST(ResidencyTest, RetriedAndReleasedTasksAreReadAgain) {
  EngineHarness harness(Tiny(1));
  TestWorker& worker = harness.Connect({.slots = 5, .handler_options = {.retry_interval = kSecond}});
  std::vector<TaskId> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(harness.Submit({.payload = absl::StrCat(i)}));
  for (int i = 0; i < 5; ++i) EXPECT_THAT(i % 2 == 0 ? worker.Fail(ids[i]) : worker.Release(ids[i]), NoError());
  harness.Advance(kSecond);
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(worker.Runs(ids[i])) << ids[i];
    EXPECT_EQ(worker.AttemptOf(ids[i]).attempt, 2u);
    EXPECT_EQ(PayloadOf(worker.DeliveryOf(ids[i])), absl::StrCat(i));
    EXPECT_THAT(worker.Succeed(ids[i]), NoError());
  }
  EXPECT_EQ(harness.engine().resident_tasks(), 0u);
}

TEST(ResidencyTest, OutcomesOfEvictedTasksMayBeRepeated) {
  EngineHarness harness(Tiny(1));
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit({.options = {.retry_interval = kHour}});
  Outcome failed = worker.MakeOutcome(id, Outcome::Kind::kFailed, ErrorStep("failed"));
  failed.retryable = true;
  EXPECT_THAT(worker.Send(failed), NoError());
  EXPECT_EQ(harness.engine().resident_tasks(), 0u);
  EXPECT_THAT(worker.Send(failed), NoError());
  Outcome other = failed;
  other.kind = Outcome::Kind::kReleased;
  EXPECT_THAT(worker.Send(other), ErrorIs(absl::StatusCode::kAborted, "ATTEMPT_OVER"));
}

TEST(ResidencyTest, HoldersOfUniqueKeysThatAreFoundAgainLeaveWhenThereIsNoRoom) {
  EngineHarness harness(Tiny(20));
  std::vector<TaskSpec> specs(300);
  for (size_t i = 0; i < specs.size(); ++i) specs[i].unique_key = absl::StrCat(i);
  const auto first = harness.SubmitCall(specs);
  const auto expect_same = [&first](const SubmitResult& again, size_t i) {
    EXPECT_THAT(again.error, NoError());
    EXPECT_TRUE(again.existing);
    EXPECT_EQ(again.id, first->results.at(i).id);
  };
  const auto together = harness.SubmitCall(specs);
  for (size_t i = 0; i < specs.size(); ++i) expect_same(together->results.at(i), i);
  EXPECT_LE(harness.engine().resident_tasks(), 20u);
  for (size_t i = 0; i < specs.size(); ++i) {
    const auto alone = harness.SubmitCall(std::vector<TaskSpec>{specs[i]});
    expect_same(alone->results.at(0), i);
    ASSERT_LE(harness.engine().resident_tasks(), 20u) << "after " << i;
  }
  TestWorker& worker = harness.Connect({.slots = 300});
  EXPECT_EQ(worker.running().size(), specs.size());
}

TEST(ResidencyTest, TasksThatAreLetGoOnOneByOneLeaveWhenThereIsNoRoom) {
  EngineHarness harness(Tiny(20));
  const std::vector<TaskId> ids = harness.SubmitMany(60);
  for (const TaskId id : ids) EXPECT_THAT(harness.PauseTask(id), NoError());
  for (const TaskId id : ids) EXPECT_THAT(harness.UnpauseTask(id), NoError());
  EXPECT_LE(harness.engine().resident_tasks(), 20u);
  TestWorker& worker = harness.Connect({.slots = 60});
  EXPECT_THAT(worker.TakeDelivered(), ElementsAreArray(ids));
}

TEST(ResidencyTest, TasksWhoseResumeIsRefusedLeaveWhenThereIsNoRoom) {
  EngineHarness harness(Tiny(20));
  const std::vector<TaskId> ids = harness.SubmitMany(60);
  for (const TaskId id : ids) {
    EXPECT_THAT(harness.Resume(id), ErrorIs(absl::StatusCode::kFailedPrecondition, "NOT_SUSPENDED"));
  }
  EXPECT_LE(harness.engine().resident_tasks(), 20u);
  TestWorker& worker = harness.Connect({.slots = 60});
  EXPECT_THAT(worker.TakeDelivered(), ElementsAreArray(ids));
}

TEST(ResidencyTest, WhatRunsForLongLeavesHalfOfTheMemoryToWhatWaits) {
  EngineHarness harness(Tiny(1000, 6000));
  TestWorker& worker = harness.Connect({.slots = 6});
  for (int i = 0; i < 6; ++i) harness.Submit({.payload = std::string(900, 'x')});
  ASSERT_EQ(worker.handlers(), 6u);
  EXPECT_EQ(harness.engine().resident_tasks(), 6u);
  const std::vector<TaskId> waiting = harness.SubmitMany(2, {.payload = std::string(900, 'x')});
  EXPECT_EQ(harness.engine().resident_tasks(), 8u);
  // A retry is handed out with what was not kept.
  const TaskId last = waiting.front() - 1;
  EXPECT_THAT(worker.Fail(last), NoError());
  ASSERT_TRUE(worker.Runs(last));
  EXPECT_EQ(PayloadOf(worker.DeliveryOf(last)), std::string(900, 'x'));
}

TEST(ResidencyTest, WholeWorkflowsRunWithRoomForOneTask) {
  EngineHarness harness(Tiny(1));
  TestWorker& worker = harness.Connect({.slots = 50, .types = {"work", "parent"}});
  const std::vector<TaskId> parents = harness.SubmitMany(5, {.type = "parent"});
  for (const TaskId parent : parents) EXPECT_THAT(worker.Spawn(parent, {{}, {}, {}}, "context"), NoError());
  for (TaskId child = parents.back() + 1; child < harness.next_id(); ++child) worker.Succeed(child);
  for (const TaskId parent : parents) {
    ASSERT_TRUE(worker.Runs(parent));
    EXPECT_EQ(ContextOf(worker.DeliveryOf(parent)), "context");
    EXPECT_EQ(worker.DeliveryOf(parent).children, 3u);
    worker.Succeed(parent);
  }
}

TEST(ResidencyTest, PinnedTaskThatEndsWhileItIsLoadedDoesNotComeBack) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect({.slots = 1});
  const TaskId pinned = harness.Submit({.delay = kSecond, .unique_key = "one"});
  const TaskId other = harness.Submit({.delay = kHour, .unique_key = "two"});
  harness.loads_per_round = 1;
  harness.hold_loads = true;
  auto resume = std::make_unique<Tracked<ResumeCommand>>();
  resume->task = pinned;
  harness.Call(std::move(resume));
  const auto both =
      harness.Call(MakeSubmit({{.unique_key = "one"}, {.unique_key = "two"}}, "", harness.store(), harness.now()));
  harness.hold_loads = false;
  harness.Round();  // One holder has come and is kept until the other one is here.
  harness.hold_loads = true;
  harness.Advance(kSecond);
  harness.newest_loads_first = true;
  harness.hold_loads = false;
  harness.Round();  // What its worker needs has come.
  harness.hold_loads = true;
  ASSERT_TRUE(worker.Runs(pinned));
  EXPECT_THAT(worker.Suspend(pinned, "approval"), NoError());
  EXPECT_THAT(harness.Resume(pinned), NoError());  // What its next stage needs is being loaded.
  EXPECT_THAT(harness.Cancel(pinned), NoError());
  harness.hold_loads = false;
  harness.Settle();
  ASSERT_TRUE(both.answered());
  EXPECT_EQ(harness.StateOf(pinned), LiveState::CANCELLED);
  EXPECT_EQ(both->results[1].id, other);
  EXPECT_FALSE(both->results[0].existing);
  EXPECT_TRUE(worker.Runs(both->results[0].id));
}

}  // namespace
}  // namespace baton::engine::testing
