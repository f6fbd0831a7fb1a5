// What is made of the figures of several runs, and which tasks should have which fate.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "tests/bench/payload.h"
#include "tests/bench/producer.h"
#include "tests/bench/repeat.h"
#include "tests/bench/workload.h"

namespace baton::bench {
namespace {

TEST(Summarize, GivesMedianAndSpreadOfFigures) {
  const Report summary = Summarize({{{"rate", 3.0}}, {{"rate", 1.0}}, {{"rate", 2.0}}});
  EXPECT_EQ(summary["rate"], Report({{"median", 2.0}, {"min", 1.0}, {"max", 3.0}}));
}

TEST(Summarize, TakesTheMiddleOfAnEvenNumberOfRuns) {
  EXPECT_EQ(Summarize({{{"rate", 3.0}}, {{"rate", 4.0}}})["rate"]["median"], 3.5);
}

TEST(Summarize, KeepsWhatIsNoFigure) {
  const Report run = {{"mode", "list"}, {"tasks", 7}, {"load", {1.0, 2.0}}};
  EXPECT_EQ(Summarize({run, run}), run);
}

TEST(Summarize, CountsThatDifferAreFigures) {
  EXPECT_EQ(Summarize({{{"pages", 5}}, {{"pages", 9}}})["pages"]["max"], 9.0);
}

TEST(Summarize, LooksIntoParts) {
  const Report summary = Summarize({{{"part", {{"rate", 1.0}}}}, {{"part", {{"rate", 3.0}}}}});
  EXPECT_EQ(summary["part"]["rate"]["median"], 2.0);
}

TEST(Summarize, OneRunThatIsWrongMakesAllWrong) {
  const Report summary = Summarize({{{"verified", true}}, {{"verified", false}, {"problem", "lost"}}});
  EXPECT_EQ(summary["verified"], false);
  EXPECT_EQ(summary["problem"], "lost");
}

TEST(AddLimitShares, StandBesideEachRate) {
  Report report = {{"tasks_per_second", 50.0}, {"part", {{"slow_tasks_per_second", 10.0}}}};
  AddLimitShares(&report, {{"raw_grpc", {{"tasks_per_second", 200.0}}},
                           {"raw_rocksdb", {{"tasks_per_second", 100.0}}},
                           {"raw_rocksdb_joined", {{"tasks_per_second", 500.0}}}});
  EXPECT_EQ(report["share_of_raw_rocksdb_joined"], 0.1);
  EXPECT_EQ(report["share_of_raw_rocksdb"], 0.5);
  EXPECT_EQ(report["share_of_raw_grpc"], 0.25);
  EXPECT_EQ(report["part"]["slow_share_of_raw_rocksdb"], 0.1);
  EXPECT_EQ(report["limits"]["raw_grpc"]["tasks_per_second"], 200.0);
  EXPECT_FALSE(report["limits"]["raw_grpc"].contains("share_of_raw_grpc"));
}

TEST(Schedule, DuesAreEvenlyApartAndMovedByPauses) {
  ProducerOptions options;
  options.rate = 1000;
  options.first_pause = 10;
  options.pause_every = 5;
  options.pause_us = 2'000'000;
  EXPECT_EQ(DueAfter(options, 0), 0);
  EXPECT_EQ(DueAfter(options, 9), 9'000'000);
  EXPECT_EQ(DueAfter(options, 10), 2'010'000'000);
  EXPECT_EQ(DueAfter(options, 15), 4'015'000'000);
}

TEST(Workload, SpreadTasksHaveTwentyTypesFivePrioritiesAndATenthDelayed) {
  std::set<std::string> types;
  std::set<int> priorities;
  int delayed = 0;
  for (uint64_t i = 0; i < 10'000; ++i) {
    const NewTask task = MakeTask(Kind::kSpread, i, 200);
    types.insert(task.type);
    priorities.insert(*task.options.priority);
    if (!task.delay) continue;
    ++delayed;
    EXPECT_GE(*task.delay, absl::Hours(24));
    EXPECT_LE(*task.delay, absl::Hours(24 * 30));
  }
  EXPECT_EQ(types.size(), 20u);
  EXPECT_EQ(priorities.size(), 5u);
  EXPECT_NEAR(delayed, 1000, 200);
}

TEST(Workload, ListedTasksOfEachTypeAreInAllStates) {
  std::map<std::string, std::set<v1::TaskState>> states;
  for (uint64_t i = 0; i < 10'000; ++i) {
    states[TypeOf(Kind::kListed, i)].insert(FateOf(Kind::kListed, i).state);
    EXPECT_EQ(MakeTask(Kind::kListed, i, 200).delay.has_value(), FateOf(Kind::kListed, i).runs == 0);
  }
  EXPECT_EQ(states.size(), 20u);
  for (const auto& [type, found] : states) EXPECT_EQ(found.size(), 3u) << type;
}

TEST(Workload, MixedParentsAreCounted) {
  for (const uint64_t first : {0, 5, 8, 9}) {
    uint64_t parents = 0;
    for (uint64_t count = 0; count < 40; ++count) {
      EXPECT_EQ(CountMixedParents(first, count), parents) << first << " " << count;
      if (MixedPartOf(first + count) == MixedPart::kParent) ++parents;
    }
  }
}

TEST(Workload, OneChildOfEachMixedParentFails) {
  for (uint64_t first = 0; first < 5; ++first) {
    int failed = 0;
    for (uint64_t i = first; i < first + kMixedChildren; ++i) {
      if (FateOf(Kind::kMixedChild, i).state == v1::TASK_STATE_PERMANENTLY_FAILED) ++failed;
    }
    EXPECT_EQ(failed, 1) << first;
  }
}

TEST(Workload, PayloadsOfParentsCarryTheirPlan) {
  const std::string payload = MakeParentPayload(42, 8, {.first = 7, .count = 3, .payload_bytes = 200});
  EXPECT_EQ(SequenceOf(payload), 42u);
  EXPECT_EQ(SpawnPlanOf(payload), (SpawnPlan{.first = 7, .count = 3, .payload_bytes = 200}));
  EXPECT_FALSE(SpawnPlanOf(MakePayload(42, 8)).has_value());
}

}  // namespace
}  // namespace baton::bench
