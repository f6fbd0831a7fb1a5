// Unique keys and their three policies.
#include "tests/unit/engine/harness.h"

namespace baton::engine::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TaskSpec Keyed(const std::string& key, UniquePolicy policy = UniquePolicy::kReturnExisting, Micros delay = 0) {
  return {.delay = delay, .unique_key = key, .policy = policy};
}

// Ways in which the holder of a key may stand.
enum class Holder { kResident, kDelayed, kRunning, kSuspended, kAfterCrash };

TaskId MakeHolder(EngineHarness& harness, Holder holder) {
  const TaskId id = harness.Submit(Keyed("k", UniquePolicy::kReject, holder == Holder::kDelayed ? kHour : 0));
  if (holder == Holder::kRunning || holder == Holder::kSuspended) {
    TestWorker& worker = harness.Connect({.slots = 1});
    EXPECT_TRUE(worker.Runs(id));
    if (holder == Holder::kSuspended) {
      EXPECT_THAT(worker.Suspend(id, "approval"), NoError());
      worker.Kill();
    }
  }
  if (holder == Holder::kAfterCrash) harness.Crash();
  return id;
}

// Found by the simulation: a task that is not due yet was not at hand for the rest of its own call.
TEST(UniqueKeysOfOneCallTest, LaterTaskReplacesAnEarlierOneThatIsNotDue) {
  EngineHarness harness;
  const auto reply =
      harness.SubmitCall({Keyed("k", UniquePolicy::kReject, kHour), Keyed("k", UniquePolicy::kReplacePending)});
  EXPECT_THAT(reply->results[1].error, NoError());
  EXPECT_FALSE(reply->results[1].existing);
  EXPECT_EQ(harness.StateOf(reply->results[0].id), LiveState::CANCELLED);
  EXPECT_EQ(harness.StateOf(reply->results[1].id), LiveState::PENDING);
}

class UniqueKeysTest : public ::testing::TestWithParam<Holder> {};

TEST_P(UniqueKeysTest, ReturnsTheExistingTaskByDefault) {
  EngineHarness harness;
  const TaskId holder = MakeHolder(harness, GetParam());
  const auto reply = harness.SubmitCall({Keyed("k"), Keyed("other")});
  EXPECT_THAT(reply->results[0].error, NoError());
  EXPECT_EQ(reply->results[0].id, holder);
  EXPECT_TRUE(reply->results[0].existing);
  EXPECT_EQ(reply->results[0].state, harness.StateOf(holder));
  EXPECT_FALSE(reply->results[1].existing);
  EXPECT_EQ(reply->results[1].id, holder + 1);
}

TEST_P(UniqueKeysTest, RejectNamesTheHolder) {
  EngineHarness harness;
  const TaskId holder = MakeHolder(harness, GetParam());
  const auto reply = harness.SubmitCall({Keyed("k", UniquePolicy::kReject), Keyed("other")});
  EXPECT_THAT(reply->results[0].error, ErrorIs(absl::StatusCode::kAlreadyExists, "UNIQUE_KEY_IN_USE"));
  EXPECT_THAT(reply->results[0].error.message, HasSubstr(absl::StrCat("task ", holder)));
  EXPECT_EQ(reply->results[0].id, 0u);
  EXPECT_THAT(reply->results[1].error, NoError());
}

TEST_P(UniqueKeysTest, ReplacePendingCancelsOnlyWhatWasNeverClaimed) {
  EngineHarness harness;
  const TaskId holder = MakeHolder(harness, GetParam());
  const auto reply = harness.SubmitCall({Keyed("k", UniquePolicy::kReplacePending, kHour)});
  EXPECT_THAT(reply->results[0].error, NoError());
  const bool claimed = GetParam() == Holder::kRunning || GetParam() == Holder::kSuspended;
  EXPECT_EQ(reply->results[0].existing, claimed);
  EXPECT_EQ(reply->results[0].id, claimed ? holder : holder + 1);
  EXPECT_EQ(harness.StateOf(holder) == LiveState::CANCELLED, !claimed);
  // The key now stands for whoever holds it, after a crash too.
  harness.Crash();
  EXPECT_EQ(harness.SubmitCall({Keyed("k")})->results[0].id, reply->results[0].id);
}

INSTANTIATE_TEST_SUITE_P(Holders, UniqueKeysTest,
                         ::testing::Values(Holder::kResident, Holder::kDelayed, Holder::kRunning, Holder::kSuspended,
                                           Holder::kAfterCrash));

TEST(UniqueKeysTest, KeyIsFreeWhenItsTaskHasEnded) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId completed = harness.Submit(Keyed("k"));
  worker.Succeed(completed);
  const TaskId failed = harness.Submit(Keyed("k", UniquePolicy::kReject));
  worker.FailFinally(failed);
  const TaskId cancelled = harness.Submit(Keyed("k", UniquePolicy::kReject, kHour));
  harness.Cancel(cancelled);
  harness.Crash();
  const TaskId last = harness.Submit(Keyed("k", UniquePolicy::kReject));
  EXPECT_EQ(last, cancelled + 1);
}

TEST(UniqueKeysTest, KeyIsFreeWhenItsTaskEndedAfterACrash) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit(Keyed("k"));
  harness.Crash();
  EXPECT_THAT(worker.Hello(), NoError());
  EXPECT_THAT(worker.Succeed(id), NoError());
  EXPECT_EQ(harness.Submit(Keyed("k", UniquePolicy::kReject)), id + 1);
}

TEST(UniqueKeysTest, KeysAreOfTheirType) {
  EngineHarness harness;
  const TaskId first = harness.Submit({.type = "a", .unique_key = "k"});
  EXPECT_EQ(harness.Submit({.type = "b", .unique_key = "k"}), first + 1);
}

TEST(UniqueKeysTest, KeyCostsTwoMoreWrites) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  worker.Succeed(harness.Submit());
  harness.TakeWrites();
  worker.Succeed(harness.Submit(Keyed("k")));
  auto writes = harness.TakeWrites();
  writes[static_cast<size_t>(storage::Family::kJournal)] = 0;
  EXPECT_THAT(writes, ElementsAre(1, 1, 0, 0, 0, 0, 2, 0));
}

TEST(UniqueKeysTest, SameKeyTwiceInOneCall) {
  EngineHarness harness;
  const auto reply = harness.SubmitCall(
      {Keyed("k"), Keyed("k"), Keyed("k", UniquePolicy::kReject), Keyed("k", UniquePolicy::kReplacePending)});
  EXPECT_EQ(reply->results[1].id, reply->results[0].id);
  EXPECT_TRUE(reply->results[1].existing);
  EXPECT_THAT(reply->results[2].error, ErrorIs(absl::StatusCode::kAlreadyExists, "UNIQUE_KEY_IN_USE"));
  EXPECT_EQ(reply->results[3].id, reply->results[0].id + 1);
  EXPECT_EQ(harness.StateOf(reply->results[0].id), LiveState::CANCELLED);
}

TEST(UniqueKeysTest, LookUpThatIsOlderThanTheHolderIsCompletedFromMemory) {
  EngineHarness harness;
  auto stale = MakeSubmit({Keyed("k")}, "", harness.store(), harness.now());
  const TaskId id = harness.Submit(Keyed("k"));
  const auto reply = harness.Call(std::move(stale));
  EXPECT_TRUE(reply->results[0].existing);
  EXPECT_EQ(reply->results[0].id, id);
}

TEST(UniqueKeysTest, LookUpThatFoundATaskWhichHasEndedSinceMakesANewOne) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit(Keyed("k"));
  auto stale = MakeSubmit({Keyed("k", UniquePolicy::kReject)}, "", harness.store(), harness.now());
  worker.Succeed(id);
  const auto reply = harness.Call(std::move(stale));
  EXPECT_THAT(reply->results[0].error, NoError());
  EXPECT_EQ(reply->results[0].id, id + 1);
}

TEST(UniqueKeysTest, HolderThatChangesWhileOthersAreFetchedIsNotOverlooked) {
  EngineHarness harness;
  const TaskId one = harness.Submit(Keyed("one", UniquePolicy::kReject, kHour));
  harness.Submit(Keyed("two", UniquePolicy::kReject, kHour));
  // The first holder is being fetched already, the second one comes later.
  harness.loads_per_round = 1;
  auto resume = std::make_unique<Tracked<ResumeCommand>>();
  resume->task = one;
  harness.Send(std::move(resume));
  harness.hold_loads = true;
  harness.Round();
  const auto both = harness.Send(MakeSubmit({Keyed("one"), Keyed("two")}, "", harness.store(), harness.now()));
  harness.Round();
  harness.hold_loads = false;
  harness.Round();  // The first one is here.
  harness.hold_loads = true;
  EXPECT_THAT(harness.Cancel(one), NoError());
  const TaskId third = harness.Submit(Keyed("one", UniquePolicy::kReject, kHour));
  EXPECT_FALSE(both.answered());
  harness.hold_loads = false;
  harness.Settle();
  ASSERT_TRUE(both.answered());
  EXPECT_TRUE(both->results[0].existing);
  EXPECT_EQ(both->results[0].id, third);
}

}  // namespace
}  // namespace baton::engine::testing
