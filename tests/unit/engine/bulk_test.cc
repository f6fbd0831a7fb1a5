// Bulk jobs: what is done to all tasks that match a filter, bit by bit, whatever happens meanwhile.
#include "tests/unit/engine/family.h"

namespace baton::engine::testing {
namespace {

using records::v1::JobRow;
using storage::Family;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class BulkTest : public ::testing::Test {
 protected:
  BulkTest() { harness_.verify_every_commit = true; }

  std::vector<TaskId> Submit(size_t count, const std::string& tag, const std::string& type = "work") {
    return harness_.SubmitMany(count, {.type = type, .tag = tag});
  }
  // Of the tasks, how many are in this state.
  size_t In(LiveState state, const std::vector<TaskId>& ids) {
    return std::count_if(ids.begin(), ids.end(), [&](TaskId id) { return harness_.StateOf(id) == state; });
  }
  size_t Paused(const std::vector<TaskId>& ids) {
    return std::count_if(ids.begin(), ids.end(), [&](TaskId id) { return harness_.EntryOf(id).paused; });
  }
  JobRow Run(JobRow::Verb verb, const std::string& filter, const std::function<void(JobRow&)>& content = {}) {
    const uint64_t number = harness_.StartJob(verb, filter, content);
    harness_.Settle();
    return harness_.JobOf(number);
  }
  static void ExpectCounts(const JobRow& row, uint64_t matched, uint64_t changed, uint64_t refused = 0) {
    EXPECT_NE(row.ended_us(), 0);
    EXPECT_FALSE(row.stopped());
    EXPECT_EQ(row.search().count(), 0u);
    EXPECT_EQ(row.matched(), matched);
    EXPECT_EQ(row.changed(), changed);
    EXPECT_EQ(row.refused(), refused);
  }

  EngineHarness harness_;
};

TEST_F(BulkTest, CancelsWhatMatchesAndNothingElse) {
  const std::vector<TaskId> wanted = Submit(600, "batch");
  const std::vector<TaskId> others = Submit(5, "other");
  TestWorker& worker = harness_.Connect({.slots = 2});
  const TaskId running = worker.running().at(0);
  const JobRow row = Run(JobRow::CANCEL, "batch:live");
  ExpectCounts(row, 600, 600);
  EXPECT_EQ(row.ids(), 605u);
  EXPECT_EQ(In(LiveState::CANCELLED, wanted), 600u);
  EXPECT_EQ(In(LiveState::CANCELLED, others), 0u);
  EXPECT_EQ(harness_.EndOf(running).reason(), "all of them");
  EXPECT_EQ(harness_.EndOf(running).actor(), "local");
  ASSERT_FALSE(worker.orders.empty());
  EXPECT_EQ(worker.orders[0].attempts[0].task, running);
}

TEST_F(BulkTest, TasksOfLaterAreLeftAlone) {
  Submit(3, "batch");
  harness_.ids_per_search = 1;
  harness_.StartJob(JobRow::CANCEL, "batch:live");
  const std::vector<TaskId> later = Submit(3, "batch");
  harness_.Settle();
  EXPECT_EQ(In(LiveState::PENDING, later), 3u);
}

TEST_F(BulkTest, DescendantsAreCancelledAndNotCounted) {
  TestWorker& parents = harness_.Connect(kParents);
  const TaskId root = harness_.Submit({.type = "parent", .tag = "batch"});
  parents.Spawn(root, std::vector<TaskSpec>(700, kChild));
  const JobRow row = Run(JobRow::CANCEL, "batch");
  ExpectCounts(row, 1, 1);
  for (TaskId id = root; id <= root + 700; ++id) ASSERT_EQ(harness_.StateOf(id), LiveState::CANCELLED) << id;
}

TEST_F(BulkTest, WhatHasEndedIsRefusedIfItMatches) {
  const std::vector<TaskId> ids = Submit(4, "batch");
  harness_.Cancel(ids[1]);
  ExpectCounts(Run(JobRow::CANCEL, "batch"), 4, 3, 1);
}

TEST_F(BulkTest, EachIsCheckedAgainWhenItsTurnHasCome) {
  const std::vector<TaskId> ids = Submit(2, "batch");
  const uint64_t number = harness_.StartJob(JobRow::CANCEL, "batch:live");
  // Both are found as live, but that is not known yet.
  harness_.hold_loads = true;
  TestWorker& worker = harness_.Connect();
  worker.Succeed(ids[0]);
  harness_.hold_loads = false;
  harness_.Settle();
  EXPECT_EQ(harness_.StateOf(ids[0]), LiveState::COMPLETED);
  EXPECT_EQ(harness_.StateOf(ids[1]), LiveState::CANCELLED);
  ExpectCounts(harness_.JobOf(number), 2, 1, 1);
}

TEST_F(BulkTest, DryRunOnlyCounts) {
  const std::vector<TaskId> ids = Submit(700, "batch");
  for (const JobRow::Verb verb : {JobRow::CANCEL, JobRow::PAUSE, JobRow::UNPAUSE, JobRow::RETRY, JobRow::DELETE}) {
    ExpectCounts(Run(verb, "batch", [](JobRow& row) { row.set_dry_run(true); }), 700, 0);
  }
  EXPECT_EQ(In(LiveState::PENDING, ids), 700u);
  EXPECT_EQ(Paused(ids), 0u);
}

TEST_F(BulkTest, PausesAndLetsGoOn) {
  const std::vector<TaskId> ids = Submit(600, "batch");
  harness_.PauseTask(ids[0]);
  ExpectCounts(Run(JobRow::PAUSE, "batch:live"), 600, 599);
  EXPECT_EQ(Paused(ids), 600u);
  TestWorker& worker = harness_.Connect({.slots = 1000});
  EXPECT_THAT(worker.running(), IsEmpty());
  ExpectCounts(Run(JobRow::UNPAUSE, "batch:live"), 600, 600);
  EXPECT_EQ(worker.running().size(), 600u);
}

TEST_F(BulkTest, WhatWasPausedFirstAndThenLetGoOnIsNotPausedInTheEnd) {
  const std::vector<TaskId> ids = Submit(300, "batch");
  harness_.ids_per_search = 10;
  const uint64_t pause = harness_.StartJob(JobRow::PAUSE, "batch");
  const uint64_t unpause = harness_.StartJob(JobRow::UNPAUSE, "batch");
  harness_.Crash();
  harness_.Settle();
  EXPECT_EQ(Paused(ids), 0u);
  ExpectCounts(harness_.JobOf(pause), 300, 300);
  ExpectCounts(harness_.JobOf(unpause), 300, 300);
}

TEST_F(BulkTest, WhatWasSaidOfOneTaskMeanwhileStands) {
  const std::vector<TaskId> ids = Submit(20, "batch");
  harness_.ids_per_search = 1;
  harness_.StartJob(JobRow::PAUSE, "batch");
  auto unpause = MakePause(ids[0], false, true, "not this one");
  harness_.Send(std::move(unpause));
  harness_.Settle();
  EXPECT_EQ(Paused(ids), 19u);
  EXPECT_FALSE(harness_.EntryOf(ids[0]).paused) << "it was said after the job had begun";
}

TEST_F(BulkTest, RetriesWhatFailed) {
  const std::vector<TaskId> ids = Submit(40, "batch");
  TestWorker& worker = harness_.Connect({.slots = 100});
  for (const TaskId id : ids) {
    worker.Post(worker.MakeOutcome(id, id % 2 == 0 ? Outcome::Kind::kSucceeded : Outcome::Kind::kFailed));
  }
  harness_.Settle();
  ASSERT_EQ(In(LiveState::FAILED, ids), 20u);
  ExpectCounts(Run(JobRow::RETRY, "batch:ended"), 40, 20, 20);
  EXPECT_EQ(worker.running().size(), 20u);
  for (const TaskId id : worker.running()) EXPECT_THAT(worker.Succeed(id), NoError());
  EXPECT_EQ(In(LiveState::COMPLETED, ids), 40u);
}

TEST_F(BulkTest, RetriesFromTheStart) {
  const TaskId id = Submit(1, "batch")[0];
  TestWorker& worker = harness_.Connect();
  worker.Suspend(id, "approval", "context");
  harness_.Cancel(id);
  ExpectCounts(Run(JobRow::RETRY, "batch"), 1, 0, 1);
  ExpectCounts(Run(JobRow::RETRY, "batch", [](JobRow& row) { row.set_from_start(true); }), 1, 1);
  EXPECT_EQ(worker.DeliveryOf(id).stage, 0u);
}

TEST_F(BulkTest, DeletesWholeWorkflowsByTheirRoots) {  // B244, S64
  TestWorker& worker = harness_.Connect({.slots = 1000, .types = {"work", "parent", "child"}});
  const std::vector<TaskId> plain = Submit(600, "batch");
  const TaskId root = harness_.Submit({.type = "parent", .tag = "batch"});
  worker.Spawn(root, {kChild, kChild});
  const TaskId other = harness_.Submit({.type = "parent"});
  worker.Spawn(other, {{.type = "child", .tag = "batch"}});
  const TaskId live = Submit(1, "batch")[0];
  for (const TaskId id : worker.running()) {
    if (id != live) worker.Post(worker.MakeOutcome(id, Outcome::Kind::kSucceeded));
  }
  harness_.Settle();
  for (const TaskId id : {root, other}) worker.Succeed(id);
  ExpectCounts(Run(JobRow::DELETE, "batch"), 602, 601, 1);
  EXPECT_EQ(In(LiveState::REMOVED, plain), 600u);
  for (const TaskId id : {root, root + 1, root + 2}) EXPECT_EQ(harness_.StateOf(id), LiveState::REMOVED);
  for (const TaskId id : {other, other + 1}) EXPECT_EQ(harness_.StateOf(id), LiveState::COMPLETED);
  EXPECT_EQ(harness_.StateOf(live), LiveState::RUNNING);
}

TEST_F(BulkTest, DeletesAmongWhatStays) {
  TestWorker& worker = harness_.Connect({.slots = 500});
  std::vector<TaskId> wanted, others;
  for (int i = 0; i < 100; ++i) {
    wanted.push_back(Submit(1, "batch")[0]);
    others.push_back(Submit(1, "other")[0]);
  }
  for (const TaskId id : worker.running()) worker.Post(worker.MakeOutcome(id, Outcome::Kind::kSucceeded));
  harness_.Settle();
  ExpectCounts(Run(JobRow::DELETE, "batch:ended"), 100, 100);
  EXPECT_EQ(In(LiveState::REMOVED, wanted), 100u);
  EXPECT_EQ(In(LiveState::COMPLETED, others), 100u);
}

TEST_F(BulkTest, StopEndsItWhereItIs) {
  const std::vector<TaskId> ids = Submit(100, "batch");
  harness_.ids_per_search = 10;
  const uint64_t number = harness_.StartJob(JobRow::CANCEL, "batch");
  for (int i = 0; i < 6; ++i) harness_.Round();
  EXPECT_THAT(harness_.StopJob(number), NoError());
  harness_.Settle();
  const JobRow row = harness_.JobOf(number);
  EXPECT_TRUE(row.stopped());
  EXPECT_NE(row.ended_us(), 0);
  EXPECT_GT(row.changed(), 0u);
  EXPECT_GT(row.search().count(), 0u);
  EXPECT_EQ(In(LiveState::CANCELLED, ids), row.changed());
  EXPECT_EQ(In(LiveState::PENDING, ids), 100 - row.changed());
  EXPECT_THAT(harness_.StopJob(number), ErrorIs(absl::StatusCode::kFailedPrecondition, "JOB_ENDED"));
  EXPECT_THAT(harness_.StopJob(4711), ErrorIs(absl::StatusCode::kNotFound, "JOB_NOT_FOUND"));
}

TEST_F(BulkTest, StopCancelsTheDescendantsOfWhatWasCancelled) {
  TestWorker& parents = harness_.Connect(kParents);
  const TaskId root = harness_.Submit({.type = "parent", .tag = "batch"});
  parents.Spawn(root, std::vector<TaskSpec>(2000, kChild));
  const uint64_t number = harness_.StartJob(JobRow::CANCEL, "batch");
  while (harness_.StateOf(root) != LiveState::CANCELLED) harness_.Round();
  ASSERT_EQ(harness_.StateOf(root + 2000), LiveState::PENDING);
  harness_.StopJob(number);
  harness_.Settle();
  EXPECT_EQ(harness_.StateOf(root + 2000), LiveState::CANCELLED);
}

TEST_F(BulkTest, CrashInTheMiddleGoesOnAndCountsEachOnce) {
  for (const JobRow::Verb verb : {JobRow::CANCEL, JobRow::DELETE}) {
    const std::vector<TaskId> ids = Submit(200, absl::StrCat("batch-", verb));
    if (verb == JobRow::DELETE) {
      for (const TaskId id : ids) harness_.Cancel(id);
    }
    harness_.ids_per_search = 30;
    const uint64_t number =
        harness_.StartJob(verb, absl::StrCat("batch-", verb, verb == JobRow::CANCEL ? ":live" : ":ended"));
    for (int crashes = 0; crashes < 8; ++crashes) {
      harness_.Round();
      harness_.Round();
      harness_.Round();
      harness_.Crash();
    }
    harness_.Settle();
    ExpectCounts(harness_.JobOf(number), 200, 200);
    EXPECT_EQ(In(verb == JobRow::CANCEL ? LiveState::CANCELLED : LiveState::REMOVED, ids), 200u);
  }
}

TEST_F(BulkTest, CrashInTheMiddleOfRetries) {
  const std::vector<TaskId> ids = Submit(200, "batch");
  for (const TaskId id : ids) harness_.Cancel(id);
  harness_.ids_per_search = 30;
  const uint64_t number = harness_.StartJob(JobRow::RETRY, "batch:ended");
  for (int crashes = 0; crashes < 5; ++crashes) {
    harness_.Round();
    harness_.Round();
    harness_.Round();
    harness_.Crash();
  }
  harness_.Settle();
  ExpectCounts(harness_.JobOf(number), 200, 200);
  EXPECT_EQ(In(LiveState::PENDING, ids), 200u);
}

TEST_F(BulkTest, JobsAreToldOfWhileTheyRunAndAfterwards) {
  Submit(1, "batch");
  EXPECT_THAT(harness_.Jobs(), IsEmpty());
  const uint64_t first = harness_.StartJob(JobRow::PAUSE, "batch", [](JobRow& row) { row.set_from_start(true); });
  ASSERT_EQ(harness_.Jobs().size(), 1u);
  EXPECT_EQ(harness_.Jobs()[0].number, first);
  harness_.Settle();
  const uint64_t second = harness_.StartJob(JobRow::CANCEL, "batch");
  harness_.Settle();
  harness_.Crash();
  const std::vector<JobView> jobs = harness_.Jobs();
  ASSERT_EQ(jobs.size(), 2u);
  EXPECT_EQ(jobs[0].number, second);
  EXPECT_EQ(jobs[1].number, first);
  EXPECT_EQ(jobs[1].row.filter(), "batch");
  EXPECT_EQ(jobs[1].row.reason(), "all of them");
  EXPECT_EQ(jobs[1].row.actor(), "local");
  EXPECT_EQ(jobs[1].row.started_us(), kStart);
  EXPECT_NE(jobs[1].row.ended_us(), 0);
}

TEST_F(BulkTest, CascadesAreNoBulkJobs) {
  TestWorker& parents = harness_.Connect(kParents);
  const TaskId root = harness_.Submit(kParent);
  parents.Spawn(root, {kChild});
  harness_.hold_loads = true;
  harness_.Cancel(root);
  EXPECT_THAT(harness_.Jobs(), IsEmpty());
  harness_.hold_loads = false;
  harness_.Settle();
}

TEST_F(BulkTest, AHundredThatHaveEndedAreKept) {
  harness_.verify_every_commit = false;
  Submit(1, "batch");
  std::vector<uint64_t> numbers;
  for (size_t i = 0; i <= kEndedJobs; ++i) {
    numbers.push_back(harness_.StartJob(JobRow::PAUSE, "nothing"));
    harness_.Settle();
    harness_.Advance(kSecond);
  }
  harness_.Crash();
  std::vector<JobView> jobs = harness_.Jobs();
  ASSERT_EQ(jobs.size(), kEndedJobs);
  EXPECT_EQ(jobs.front().number, numbers.back());
  EXPECT_EQ(jobs.back().number, numbers[1]);
}

TEST_F(BulkTest, TooManyAtOnceAreRefused) {
  harness_.hold_loads = true;
  Submit(1, "batch");
  for (size_t i = 0; i < kWorkBounds.jobs; ++i) harness_.StartJob(JobRow::CANCEL, "nothing");
  auto command = std::make_unique<Tracked<StartJobCommand>>();
  command->row.set_filter("");
  EXPECT_THAT(harness_.Call(std::move(command)).error(),
              ErrorIs(absl::StatusCode::kResourceExhausted, "TOO_MANY_JOBS"));
  harness_.hold_loads = false;
  harness_.Settle();
}

TEST_F(BulkTest, NothingToLookAtEndsAtOnce) { ExpectCounts(Run(JobRow::CANCEL, ""), 0, 0); }

TEST(BulkResidencyTest, ManyTasksNeedNoMoreMemoryThanFew) {
  EngineSettings settings;
  settings.resident_tasks = 20;
  EngineHarness harness(settings);
  const std::vector<TaskId> ids = harness.SubmitMany(1500, {.tag = "batch"});
  for (const JobRow::Verb verb : {JobRow::PAUSE, JobRow::UNPAUSE, JobRow::CANCEL, JobRow::RETRY}) {
    const uint64_t number = harness.StartJob(verb, "batch");
    harness.Settle();
    EXPECT_EQ(harness.JobOf(number).changed(), 1500u) << verb;
    EXPECT_LE(harness.engine().resident_tasks(), 40u) << verb;
  }
  TestWorker& worker = harness.Connect({.slots = 2000});
  EXPECT_EQ(worker.running().size(), 1500u);
}

}  // namespace
}  // namespace baton::engine::testing
