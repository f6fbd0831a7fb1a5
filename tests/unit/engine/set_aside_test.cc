// The records of a task that has not ended are missing or unreadable: it is passed by, and all others go on.
#include "tests/unit/engine/family.h"
#include "tests/unit/engine/harness.h"

namespace baton::engine::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

enum class Spoiling { kUnreadable, kMissing };

// Restarts the broker; meanwhile the record of the task is spoiled.
void RestartWithSpoiled(EngineHarness& harness, TaskId id, Spoiling how = Spoiling::kUnreadable) {
  harness.Stop();
  harness.verify = false;
  storage::WriteBatch batch;
  if (how == Spoiling::kUnreadable) {
    batch.Put(storage::Family::kTask, TaskKey(id), "\xff\xff\xff");
  } else {
    batch.Delete(storage::Family::kTask, TaskKey(id));
  }
  storage::Store& store = harness.stopped_store();
  std::string error;
  ASSERT_EQ(store.Commit(batch, store.number() + 1, &error), storage::CommitResult::kDone) << error;
  harness.Start();
}

void ExpectRefused(EngineHarness& harness, TaskId id) {
  for (const Error& error : {harness.Cancel(id), harness.PauseTask(id), harness.UnpauseTask(id), harness.Resume(id)}) {
    EXPECT_EQ(error.code, absl::StatusCode::kDataLoss) << error.message;
    EXPECT_STREQ(error.reason, "STORE_DAMAGED");
    EXPECT_THAT(error.message, HasSubstr(absl::StrCat("task ", id)));
    EXPECT_THAT(error.message, HasSubstr("batond verify"));
  }
}

TEST(SetAsideTest, OthersOfItsClassAreHandedOut) {
  for (const Spoiling how : {Spoiling::kUnreadable, Spoiling::kMissing}) {
    EngineHarness harness;
    const std::vector<TaskId> ids = harness.SubmitMany(5);
    RestartWithSpoiled(harness, ids[0], how);
    TestWorker& worker = harness.Connect({.slots = 2});
    std::vector<TaskId> order;
    while (worker.handlers() > 0) {
      EXPECT_THAT(worker.Succeed(worker.running().front()), NoError());
      for (const TaskId delivered : worker.TakeDelivered()) order.push_back(delivered);
    }
    EXPECT_THAT(order, ElementsAre(ids[1], ids[2], ids[3], ids[4]));
    EXPECT_EQ(harness.StateOf(ids[0]), LiveState::PENDING) << "nothing is decided about it";
    EXPECT_THAT(harness.warnings, ElementsAre(HasSubstr(absl::StrCat("task ", ids[0], ": "))));
    ExpectRefused(harness, ids[0]);
    EXPECT_THAT(worker.running(), IsEmpty());
    EXPECT_EQ(harness.warnings.size(), 1u) << "it is told once";
  }
}

TEST(SetAsideTest, AfterEachRestartItIsFoundAnew) {
  EngineHarness harness;
  const TaskId id = harness.Submit();
  RestartWithSpoiled(harness, id);
  TestWorker& worker = harness.Connect();
  harness.Crash();
  EXPECT_THAT(worker.Hello(), NoError());
  harness.Settle();
  EXPECT_EQ(harness.warnings.size(), 2u);
  EXPECT_EQ(harness.StateOf(id), LiveState::PENDING);
}

TEST(SetAsideTest, ItsUniqueKeyIsNotGivenAway) {
  EngineHarness harness;
  const TaskId id = harness.Submit({.unique_key = "k"});
  RestartWithSpoiled(harness, id);
  const TaskId next = harness.next_id();
  for (int i = 0; i < 2; ++i) {
    const auto reply = harness.SubmitCall({{.unique_key = "k"}, {.unique_key = absl::StrCat("other", i)}});
    EXPECT_STREQ(reply->results[0].error.reason, "STORE_DAMAGED");
    EXPECT_THAT(reply->results[1].error, NoError());
  }
  EXPECT_EQ(harness.next_id(), next + 2);
}

TEST(SetAsideTest, AnAttemptThatRanIsOver) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect({.slots = 2});
  const std::vector<TaskId> ids = harness.SubmitMany(2);
  ASSERT_THAT(worker.running(), ElementsAre(ids[0], ids[1]));
  RestartWithSpoiled(harness, ids[0]);
  EXPECT_EQ(harness.StateOf(ids[0]), LiveState::PENDING);
  EXPECT_THAT(worker.Hello(), NoError());
  ASSERT_EQ(worker.verdicts.size(), 2u);
  EXPECT_EQ(worker.verdicts[0].second, Verdict::kOver);
  EXPECT_EQ(worker.verdicts[1].second, Verdict::kValid);
  EXPECT_THAT(worker.Succeed(ids[1]), NoError());
  ExpectRefused(harness, ids[0]);
  // Its session is forgotten meanwhile; that stops no start.
  harness.Crash();
  EXPECT_EQ(harness.StateOf(ids[0]), LiveState::PENDING);
}

TEST(SetAsideTest, ItsDeadlineIsPassedBy) {
  EngineHarness harness;
  const TaskId id = harness.Submit({.delay = kHour, .total_timeout = kMinute});
  const TaskId other = harness.Submit({.delay = kHour, .total_timeout = kMinute});
  RestartWithSpoiled(harness, id);
  harness.Advance(2 * kHour);
  EXPECT_EQ(harness.StateOf(id), LiveState::PENDING);
  EXPECT_EQ(harness.StateOf(other), LiveState::FAILED);
}

TEST(SetAsideTest, AParentIsCountedForAndThenPassedBy) {
  EngineHarness harness;
  TestWorker& parents = harness.Connect(kParents);
  TestWorker& children = harness.Connect(kChildren);
  const TaskId parent = harness.Submit(kParent);
  EXPECT_THAT(parents.Spawn(parent, {kChild, kChild}), NoError());
  RestartWithSpoiled(harness, parent);
  ExpectRefused(harness, parent);
  EXPECT_THAT(parents.Hello(), NoError());
  EXPECT_THAT(children.Hello(), NoError());
  EXPECT_THAT(children.Succeed(parent + 1), NoError());
  EXPECT_EQ(harness.EntryOf(parent).remaining, 1u);
  EXPECT_THAT(children.Succeed(parent + 2), NoError());
  EXPECT_EQ(harness.StateOf(parent), LiveState::PENDING);
  EXPECT_THAT(parents.running(), IsEmpty());
  const TaskId next = harness.Submit(kParent);
  EXPECT_TRUE(parents.Runs(next));
}

TEST(SetAsideTest, ACascadePassesItBy) {
  EngineHarness harness;
  TestWorker& parents = harness.Connect(kParents);
  const TaskId parent = harness.Submit(kParent);
  EXPECT_THAT(parents.Spawn(parent, {kChild, kChild, kChild}), NoError());
  RestartWithSpoiled(harness, parent + 2);
  EXPECT_THAT(harness.Cancel(parent), NoError());
  harness.Settle();
  EXPECT_EQ(harness.StateOf(parent), LiveState::CANCELLED);
  EXPECT_EQ(harness.StateOf(parent + 1), LiveState::CANCELLED);
  EXPECT_EQ(harness.StateOf(parent + 2), LiveState::PENDING);
  EXPECT_EQ(harness.StateOf(parent + 3), LiveState::CANCELLED);
}

}  // namespace
}  // namespace baton::engine::testing
