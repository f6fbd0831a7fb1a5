// A wait that outweighs priority.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/engine/harness.h"

namespace baton::engine::testing {
namespace {

using ::testing::ElementsAre;

EngineSettings WithAgeing(Micros ageing) {
  EngineSettings settings;
  settings.ageing = ageing;
  return settings;
}

// One of each priority, a minute apart, the smallest first; in the order of their ids.
std::vector<TaskId> SubmitRising(EngineHarness& harness) {
  std::vector<TaskId> ids;
  for (int32_t priority = 0; priority < 4; ++priority) {
    ids.push_back(harness.Submit({.options = {.priority = priority}}));
    harness.Advance(kMinute);
  }
  return ids;
}

// The order in which a worker with one slot gets them.
std::vector<TaskId> RunAll(EngineHarness& harness, size_t count) {
  TestWorker& worker = harness.Connect({.slots = 1});
  for (size_t i = 0; i < count; ++i) {
    if (worker.running().size() == 1) worker.Succeed(worker.running()[0]);
  }
  return worker.TakeDelivered();
}

TEST(AgeingTest, WithoutItTheLargerPriorityComesFirstHoweverLongOthersWait) {  // B100
  EngineHarness harness;
  const std::vector<TaskId> ids = SubmitRising(harness);
  EXPECT_THAT(RunAll(harness, 4), ElementsAre(ids[3], ids[2], ids[1], ids[0]));
}

TEST(AgeingTest, WhoHasWaitedLongEnoughComesBeforeALargerPriority) {
  EngineHarness harness(WithAgeing(30 * kSecond));
  const std::vector<TaskId> ids = SubmitRising(harness);
  EXPECT_THAT(RunAll(harness, 4), ElementsAre(ids[0], ids[1], ids[2], ids[3])) << "a minute is two steps";
}

TEST(AgeingTest, WhoHasNotDoesNot) {
  EngineHarness harness(WithAgeing(90 * kSecond));
  const std::vector<TaskId> ids = SubmitRising(harness);
  EXPECT_THAT(RunAll(harness, 4), ElementsAre(ids[3], ids[2], ids[1], ids[0]));
}

TEST(AgeingTest, HoldsOverClasses) {
  EngineHarness harness(WithAgeing(kMinute));
  const TaskId low = harness.Submit({.type = "mail"});
  harness.Advance(2 * kMinute);
  const TaskId high = harness.Submit({.options = {.priority = 1}});
  const TaskId higher = harness.Submit({.options = {.priority = 3}});
  TestWorker& worker = harness.Connect({.slots = 1, .types = {"mail", "work"}});
  worker.Succeed(higher);
  worker.Succeed(low);
  EXPECT_TRUE(worker.Runs(high));
  EXPECT_THAT(worker.TakeDelivered(), ElementsAre(higher, low, high));
}

TEST(AgeingTest, TheOrderIsTheSameAfterARestart) {
  for (const bool with_pages : {false, true}) {
    EngineHarness harness(WithAgeing(45 * kSecond));
    const std::vector<TaskId> ids = SubmitRising(harness);
    const TaskId delayed = harness.Submit({.options = {.priority = 2}, .delay = 30 * kSecond});
    if (with_pages) harness.StorePages();
    harness.Crash();
    harness.Advance(kMinute);
    EXPECT_THAT(RunAll(harness, 5), ElementsAre(ids[0], ids[1], ids[2], ids[3], delayed));
  }
}

TEST(AgeingTest, ARestartWithAnotherSettingPutsThemInItsOrder) {
  EngineHarness harness(WithAgeing(30 * kSecond));
  const std::vector<TaskId> ids = SubmitRising(harness);
  harness.Stop();
  harness.stopped_settings().ageing = 0;
  harness.Start();
  EXPECT_THAT(RunAll(harness, 4), ElementsAre(ids[3], ids[2], ids[1], ids[0]));
}

TEST(AgeingTest, ARetryKeepsItsPlaceByItsDueTime) {
  EngineHarness harness(WithAgeing(kMinute));
  const TaskId low = harness.Submit();
  TestWorker& worker = harness.Connect({.slots = 1});
  harness.Advance(2 * kMinute / 4);
  const TaskId high = harness.Submit({.options = {.priority = 1}});
  EXPECT_THAT(worker.Fail(low), NoError());
  EXPECT_TRUE(worker.Runs(high)) << "it is due again now, and has not waited yet";
  EXPECT_THAT(worker.Succeed(high), NoError());
  EXPECT_TRUE(worker.Runs(low));
}

}  // namespace
}  // namespace baton::engine::testing
