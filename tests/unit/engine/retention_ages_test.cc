// What has ended goes by the age of the state that it ended in; workflows by the state of their root.
#include "broker/engine/retention/plan.h"
#include "tests/unit/engine/family.h"

namespace baton::engine::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// ── Plans ────────────────────────────────────────────────────────────────────────────────────────────────────────

class AgesPlanTest : public ::testing::Test {
 protected:
  static Plan PlanFor(const View& view, const Look& look) {
    absl::StatusOr<Plan> plan = PlanRemoval(view, look);
    EXPECT_TRUE(plan.ok()) << plan.status();
    return *std::move(plan);
  }
  // A second after everything ended.
  Plan PlanBy(const RetentionAges& ages, uint64_t page_number = 0) {
    return PlanFor(*harness_.MakeView(), {page_number, 0, harness_.now() + kSecond, ages});
  }
  // Tasks 1 to `count`, all running.
  TestWorker& RunThem(uint64_t count) {
    TestWorker& worker = harness_.Connect({.slots = static_cast<uint32_t>(count)});
    for (uint64_t left = count; left > 0; left -= std::min<uint64_t>(left, 500)) {
      harness_.SubmitMany(std::min<uint64_t>(left, 500));
    }
    return worker;
  }
  void EndThem(TestWorker& worker, Outcome::Kind kind, TaskId first, TaskId end, TaskId step = 1) {
    for (TaskId id = first; id < end; id += step) worker.Post(worker.MakeOutcome(id, kind));
    harness_.Settle();
  }
  void Complete(TestWorker& worker, TaskId first, TaskId end, TaskId step = 1) {
    EndThem(worker, Outcome::Kind::kSucceeded, first, end, step);
  }
  void Fail(TestWorker& worker, TaskId first, TaskId end, TaskId step = 1) {
    EndThem(worker, Outcome::Kind::kFailed, first, end, step);
  }

  EngineHarness harness_;
};

TEST_F(AgesPlanTest, EachStateHasItsAgeAndNoRowIsRead) {
  TestWorker& worker = RunThem(300);
  Complete(worker, 1, 101);
  Fail(worker, 101, 201);
  Complete(worker, 201, 301);
  const auto view = harness_.MakeView();
  const auto pages = std::make_shared<View::Pages>();
  (*pages)[0] = *view->GetPage(0);
  const View without_rows(view->number(), view->next_id(), nullptr, pages, nullptr, &view->catalog());
  const WallMicros ended = harness_.now();
  const RetentionAges ages{.completed = kSecond, .failed = kMinute, .cancelled = 0};
  EXPECT_EQ(PlanFor(without_rows, {0, 0, ended + kSecond, ages}).stays_until, ended + kSecond);
  const Plan first = PlanFor(without_rows, {0, 0, ended + kSecond + 1, ages});
  EXPECT_THAT(first.removal.ids, ElementsAre(IdRange{1, 100}, IdRange{201, 100}));
  EXPECT_THAT(first.removal.counts, ElementsAre(EndedCounts{harness_.RowOf(1).class_number(), 200, 0, 0}));
  EXPECT_EQ(first.stays_until, ended + kMinute);
  EXPECT_EQ(first.gone_until, 0u);
  const Plan later = PlanFor(without_rows, {0, 0, ended + kMinute + 1, ages});
  EXPECT_THAT(later.removal.ids, ElementsAre(IdRange{1, 300}));
  EXPECT_EQ(later.stays_until, kForEver);
  EXPECT_EQ(later.gone_until, 301u);
}

TEST_F(AgesPlanTest, StateThatIsKeptForEverIsNotWaitedFor) {
  TestWorker& worker = RunThem(10);
  Complete(worker, 1, 6);
  Fail(worker, 6, 11);
  const Plan mixed = PlanBy({.completed = kMillisecond});
  EXPECT_THAT(mixed.removal.ids, ElementsAre(IdRange{1, 5}));
  EXPECT_EQ(mixed.stays_until, kForEver);
  const Plan kept = PlanBy({.cancelled = kMillisecond});
  EXPECT_TRUE(kept.removal.empty());
  EXPECT_EQ(kept.stays_until, kForEver) << "nothing was cancelled";
}

TEST_F(AgesPlanTest, DenseMixGoesInPartsThatLeaveTheOthers) {
  TestWorker& worker = RunThem(3000);
  Fail(worker, 2, 3001, 2);
  Complete(worker, 1, 3001, 2);
  const RetentionAges ages{.completed = kMillisecond, .failed = kMinute};
  const WallMicros now = harness_.now() + kSecond;
  const auto view = harness_.MakeView();
  const Plan first = PlanFor(*view, {0, 0, now, ages});
  EXPECT_EQ(first.next, kPartIds);
  EXPECT_EQ(first.stays_until, harness_.now() + kMinute);
  const Plan rest = PlanFor(*view, {0, first.next, now, ages});
  EXPECT_EQ(rest.next, 0u);
  uint64_t going = 0;
  for (const Plan* plan : {&first, &rest}) {
    for (const EndedCounts& counts : plan->removal.counts) {
      going += counts.completed;
      EXPECT_EQ(counts.failed, 0u);
    }
    for (const IdRange& range : plan->removal.ids) {
      EXPECT_EQ(range.first % 2, 1u);
      EXPECT_EQ(range.count, 1u);
    }
  }
  EXPECT_EQ(going, 1500u);
}

TEST_F(AgesPlanTest, WorkflowGoesByTheStateOfItsRoot) {  // B243
  TestWorker& worker = harness_.Connect({.types = {"parent", "child"}});
  const TaskId alone = harness_.Submit(kChild);
  const TaskId root = harness_.Submit(kParent);
  worker.Succeed(alone);
  worker.Spawn(root, {kChild, kChild});
  worker.FailFinally(root + 1);
  worker.Succeed(root + 2);
  worker.Succeed(root);
  ASSERT_EQ(harness_.StateOf(root), LiveState::COMPLETED);
  EXPECT_THAT(PlanBy({.completed = kMillisecond}).removal.ids, ElementsAre(IdRange{alone, 4}))
      << "with the child that failed";
  const Plan kept = PlanBy({.completed = kMinute, .failed = kMillisecond});
  EXPECT_TRUE(kept.removal.empty());
  EXPECT_EQ(kept.stays_until, harness_.now() + kMinute);
}

TEST_F(AgesPlanTest, MembersStayWithARootThatIsKeptForEver) {
  TestWorker& worker = harness_.Connect({.types = {"parent", "child"}});
  const TaskId root = harness_.Submit(kParent);
  worker.Spawn(root, {kChild});
  const TaskId alone = harness_.Submit(kChild);
  worker.Succeed(root + 1);
  worker.Succeed(alone);
  worker.FailFinally(root);
  const Plan plan = PlanBy({.completed = kMillisecond});
  EXPECT_THAT(plan.removal.ids, ElementsAre(IdRange{alone, 1}));
  EXPECT_EQ(plan.stays_until, kForEver);
  const Plan later = PlanBy({.completed = kMinute, .cancelled = kMillisecond});
  EXPECT_EQ(later.stays_until, harness_.now() + kMinute) << "the lone one";
}

TEST_F(AgesPlanTest, PagesThatFollowARootAreNamed) {
  harness_.StartAt(kPageIds - 1);
  TestWorker& worker = harness_.Connect({.types = {"parent", "child"}});
  const TaskId root = harness_.Submit(kParent);
  worker.Spawn(root, {kChild});
  worker.FailFinally(root + 1);
  EXPECT_EQ(PlanBy(EvenAges(kMillisecond), 1).stays_until, kForEver) << "the root runs";
  worker.Succeed(root);
  const RetentionAges ages{.completed = kMillisecond, .failed = kMinute};
  EXPECT_THAT(PlanBy(ages).followers, ElementsAre(1u));
  EXPECT_THAT(PlanBy(ages).removal.ids, ElementsAre(IdRange{root, 1}));
  EXPECT_THAT(PlanBy(ages, 1).removal.ids, ElementsAre(IdRange{root + 1, 1}));
  EXPECT_THAT(PlanBy({.completed = kMinute}).followers, IsEmpty()) << "it stays";
}

// ── With the engine ──────────────────────────────────────────────────────────────────────────────────────────────

class RetentionAgesTest : public ::testing::Test {
 protected:
  RetentionAgesTest() { harness_.verify_every_commit = true; }

  static EngineSettings MinuteHourAndEver() {
    EngineSettings settings;
    settings.retention = kMinute;
    settings.retention_failed = kHour;
    settings.retention_cancelled = 0;
    return settings;
  }
  void SweepIn(Micros time) {
    harness_.Pause(time + 1);
    harness_.Sweep();
  }

  EngineHarness harness_{MinuteHourAndEver()};
};

TEST_F(RetentionAgesTest, EachStateHasItsAge) {  // B238, B240, S49
  TestWorker& worker = harness_.Connect({.slots = 3});
  const std::vector<TaskId> ids = harness_.SubmitMany(3);
  worker.Succeed(ids[0]);
  worker.FailFinally(ids[1]);
  harness_.Cancel(ids[2]);
  SweepIn(kMinute);
  EXPECT_EQ(harness_.StateOf(ids[0]), LiveState::REMOVED);
  EXPECT_EQ(harness_.StateOf(ids[1]), LiveState::FAILED);
  SweepIn(kHour - kMinute);
  EXPECT_EQ(harness_.StateOf(ids[1]), LiveState::REMOVED);
  SweepIn(1000 * kDay);
  EXPECT_EQ(harness_.StateOf(ids[2]), LiveState::CANCELLED) << "kept for ever";
  harness_.Crash();
  SweepIn(kDay);
  EXPECT_EQ(harness_.StateOf(ids[2]), LiveState::CANCELLED);
}

TEST_F(RetentionAgesTest, WorkflowThatWasKeptForEverGoesWhenItsRootHasEndedOtherwise) {  // B243
  harness_.StartAt(kPageIds - 1);
  TestWorker& worker = harness_.Connect({.types = {"parent", "child"}});
  const TaskId root = harness_.Submit(kParent);
  worker.Spawn(root, {kChild, kChild});
  worker.Succeed(root + 1);
  worker.FailFinally(root + 2);
  harness_.Cancel(root);
  SweepIn(kDay);
  for (TaskId id = root; id < root + 3; ++id) EXPECT_NE(harness_.StateOf(id), LiveState::REMOVED) << id;
  EXPECT_THAT(harness_.Retry(root, true), NoError());
  SweepIn(kMinute);
  EXPECT_THAT(worker.Succeed(root), NoError());
  SweepIn(kMinute);
  for (TaskId id = root; id < root + 3; ++id) EXPECT_EQ(harness_.StateOf(id), LiveState::REMOVED) << id;
}

}  // namespace
}  // namespace baton::engine::testing
