// Jobs over very many tasks: what is stored of them at a time stays small.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/engine/family.h"

namespace baton::engine::testing {
namespace {

using records::v1::JobRow;
using storage::Family;

// The largest row of a job in the store; empty: there is none.
std::string LargestJobRow(EngineHarness& harness) {
  std::string largest;
  const auto look = [&largest](absl::string_view, absl::string_view value) {
    if (value.size() > largest.size()) largest.assign(value.data(), value.size());
    return true;
  };
  EXPECT_TRUE(harness.store().Scan(Family::kMeta, JobMetaKey(0), JobMetaKey(UINT64_MAX), look).ok());
  return largest;
}

TEST(LargeJobsTest, CascadeOverManyParentsGoesDownBeforeItGoesOn) {
  constexpr size_t kMiddle = 3000;
  EngineHarness harness;
  harness.check_every_commit = false;
  TestWorker& parents = harness.Connect({.worker_id = "parents", .slots = 2 * kMiddle, .types = {"parent"}});
  const TaskId root = harness.Submit(kParent);
  ASSERT_THAT(parents.Spawn(root, std::vector<TaskSpec>(kMiddle, kParent)), NoError());
  ASSERT_EQ(parents.handlers(), kMiddle);
  for (const TaskId id : parents.running()) {
    Outcome spawned = parents.MakeOutcome(id, Outcome::Kind::kSpawned);
    spawned.children.push_back(MakeTask(kChild, harness.store()));
    parents.Post(std::move(spawned));
  }
  harness.Settle();
  const TaskId last = root + 2 * kMiddle;
  ASSERT_EQ(harness.next_id(), last + 1);
  auto cancel = std::make_unique<Tracked<CancelCommand>>();
  cancel->task = root;
  harness.Send(std::move(cancel));
  size_t most_bytes = 0;
  for (int rounds = 1; harness.StateOf(last) != LiveState::CANCELLED; ++rounds) {
    ASSERT_LT(rounds, 500);
    harness.Round();
    most_bytes = std::max(most_bytes, LargestJobRow(harness).size());
    if (rounds % 16 == 0) harness.Crash();  // What is stored is enough to go on.
  }
  harness.Settle();
  // Those below what was found in one step, and what is left of the children of the root.
  EXPECT_GT(most_bytes, kWorkBounds.round_job_steps);
  EXPECT_LT(most_bytes, 8u << 10);
  EXPECT_EQ(LargestJobRow(harness), "");
  const std::shared_ptr<const View> view = harness.MakeView();
  for (TaskId id = root; id <= last; ++id) ASSERT_EQ(*view->StateOf(id), LiveState::CANCELLED) << "task " << id;
}

// Workflows, each of which lies in many places between the tasks of another one.
class ScatteredWorkflowsTest : public ::testing::Test {
 protected:
  static constexpr size_t kRoots = 128;
  static constexpr uint32_t kPlaces = 130;
  static_assert(kRoots * kPlaces > kWorkBounds.ranges_to_delete);

  ScatteredWorkflowsTest() {
    harness_.check_every_commit = false;
    harness_.ids_per_search = 1'000'000;
  }

  // All their children wait.
  void SpawnWorkflows(size_t roots) {
    TestWorker& worker = harness_.Connect({.slots = static_cast<uint32_t>(roots), .types = {"parent"}});
    roots_ = harness_.SubmitMany(roots, {.type = "parent", .tag = "batch"});
    for (size_t pair = 0; pair < roots; pair += 2) {
      for (uint32_t place = 1; place <= kPlaces; ++place) {
        StageChild(worker, roots_[pair], place);
        StageChild(worker, roots_[pair + 1], place);
      }
      harness_.Round();
    }
    for (const TaskId root : roots_) {
      Outcome spawned = worker.MakeOutcome(root, Outcome::Kind::kSpawned);
      spawned.parts = kPlaces;
      worker.Post(std::move(spawned));
    }
    harness_.Settle();
    ASSERT_EQ(harness_.EntryOf(roots_.front()).remaining, kPlaces);
  }
  // All have been cancelled.
  void MakeWorkflows() {
    ASSERT_NO_FATAL_FAILURE(SpawnWorkflows(kRoots));
    harness_.StartJob(JobRow::CANCEL, "batch:live");
    harness_.Settle();
    ASSERT_EQ(harness_.StateOf(harness_.next_id() - 1), LiveState::CANCELLED);
  }
  void StageChild(const TestWorker& worker, TaskId root, uint32_t part) {
    auto spawn = std::make_unique<Tracked<SpawnChildrenCommand>>();
    spawn->attempt = worker.AttemptOf(root);
    spawn->part = part;
    spawn->children.push_back(MakeTask(kChild, harness_.store()));
    harness_.Send(std::move(spawn));
  }
  // Lets the job go on to its end; the largest row that was stored of it.
  JobRow RunToTheEnd(uint64_t number, JobRow* ended) {
    std::string largest;
    for (int rounds = 0; ended->ended_us() == 0; ++rounds) {
      EXPECT_LT(rounds, 2000);
      if (rounds >= 2000) break;
      *ended = harness_.JobOf(number);  // Takes a round.
      std::string row = LargestJobRow(harness_);
      if (row.size() > largest.size()) largest = std::move(row);
    }
    JobRow row;
    EXPECT_TRUE(row.ParseFromString(largest));
    return row;
  }

  EngineHarness harness_;
  std::vector<TaskId> roots_;
};

TEST_F(ScatteredWorkflowsTest, BulkCancelGoesDownIntoOneAtATimeOnceThereIsMuchToDo) {
  static_assert(3 * kRoots * kPlaces > 2 * kWorkBounds.crowded_ranges);
  ASSERT_NO_FATAL_FAILURE(SpawnWorkflows(3 * kRoots));
  const TaskId last = harness_.next_id() - 1;
  JobRow ended;
  const JobRow largest = RunToTheEnd(harness_.StartJob(JobRow::CANCEL, "batch:live"), &ended);
  EXPECT_GT(static_cast<size_t>(largest.ranges_size()), kWorkBounds.crowded_ranges / 2);
  EXPECT_LT(static_cast<size_t>(largest.ranges_size()),
            kWorkBounds.crowded_ranges + 2 * kPlaces + kWorkBounds.round_job_steps);
  EXPECT_EQ(ended.changed(), 3 * kRoots);
  const std::shared_ptr<const View> view = harness_.MakeView();
  for (TaskId id = roots_.front(); id <= last; ++id) {
    ASSERT_EQ(*view->StateOf(id), LiveState::CANCELLED) << "task " << id;
  }
}

TEST_F(ScatteredWorkflowsTest, BulkDeleteTakesNoMoreAtATimeThanAJobMayHaveAndCountsEachOnce) {
  const TaskId live = harness_.Submit({.type = "nobody's", .tag = "batch"});
  ASSERT_NO_FATAL_FAILURE(MakeWorkflows());
  ASSERT_THAT(harness_.Retry(live), NoError());
  JobRow ended;
  const JobRow largest = RunToTheEnd(harness_.StartJob(JobRow::DELETE, "batch"), &ended);
  EXPECT_LE(static_cast<size_t>(largest.ranges_size()), kWorkBounds.ranges_to_delete);
  EXPECT_GT(static_cast<size_t>(largest.ranges_size()), kWorkBounds.ranges_to_delete / 2);
  EXPECT_LT(largest.ByteSizeLong(), 1u << 20);
  EXPECT_FALSE(ended.stopped());
  EXPECT_EQ(ended.search().count(), 0u);
  EXPECT_EQ(ended.matched(), kRoots + 1);
  EXPECT_EQ(ended.changed(), kRoots);
  EXPECT_EQ(ended.refused(), 1u) << "the one that lives, once, though it was found twice";
  const std::shared_ptr<const View> view = harness_.MakeView();
  for (TaskId id = live + 1; id < view->next_id(); ++id) {
    ASSERT_EQ(*view->StateOf(id), LiveState::REMOVED) << "task " << id;
  }
  EXPECT_EQ(*view->StateOf(live), LiveState::PENDING);
}

}  // namespace
}  // namespace baton::engine::testing
