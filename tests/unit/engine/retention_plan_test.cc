// What of a page is no longer retained: planned on stores of the real engine.
#include "broker/engine/retention/plan.h"

#include "broker/engine/retention/workflows.h"
#include "tests/unit/engine/family.h"

namespace baton::engine::testing {
namespace {

using storage::Family;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class RetentionPlanTest : public ::testing::Test {
 protected:
  // As if everything that has ended so far were old.
  Plan PlanAt(TaskId first, uint64_t page_number = 0) {
    Look look = OldBefore(harness_.now() + 1, harness_.now() + 2);
    look.page_number = page_number;
    look.first = first;
    return PlanIn(*harness_.MakeView(), look);
  }
  static Look OldBefore(WallMicros cutoff, WallMicros now) { return {0, 0, now, EvenAges(now - cutoff)}; }
  static Plan PlanIn(const View& view, const Look& look) {
    absl::StatusOr<Plan> plan = PlanRemoval(view, look);
    EXPECT_TRUE(plan.ok()) << plan.status();
    return *std::move(plan);
  }
  // Tasks 1 to `count`, all running.
  TestWorker& RunTasks(uint64_t count) {
    TestWorker& worker = harness_.Connect({.slots = static_cast<uint32_t>(count), .types = {"work", "other"}});
    for (uint64_t left = count; left > 0; left -= std::min<uint64_t>(left, 500)) {
      harness_.SubmitMany(std::min<uint64_t>(left, 500));
    }
    return worker;
  }
  void Complete(TestWorker& worker, TaskId first, TaskId end, TaskId step = 1) {
    for (TaskId id = first; id < end; id += step) worker.Post(worker.MakeOutcome(id, Outcome::Kind::kSucceeded));
    harness_.Settle();
  }
  static size_t Deletes(const Plan& plan, storage::WriteBatch::Op op, Family family) {
    size_t count = 0;
    plan.removal.deletes.ForEach([&](storage::WriteBatch::Op made, Family in, absl::string_view, absl::string_view) {
      count += made == op && in == family ? 1 : 0;
    });
    return count;
  }
  static size_t Ranges(const Plan& plan) { return Deletes(plan, storage::WriteBatch::Op::kDeleteRange, Family::kTask); }
  static size_t Points(const Plan& plan) { return Deletes(plan, storage::WriteBatch::Op::kDelete, Family::kTask); }

  EngineHarness harness_;
};

TEST_F(RetentionPlanTest, NothingIsPlannedWhereNothingEverWas) {
  for (const uint64_t page : {0u, 1u, 77u}) {
    const Plan plan = PlanAt(0, page);
    EXPECT_TRUE(plan.removal.empty());
    EXPECT_EQ(plan.stays_until, kForEver);
    EXPECT_EQ(plan.gone_until, 0u);
  }
}

TEST_F(RetentionPlanTest, PlainTasksGoByRangeAndTheirRowsAreNotRead) {
  TestWorker& worker = RunTasks(300);
  Complete(worker, 1, 301);
  const auto view = harness_.MakeView();
  const auto pages = std::make_shared<View::Pages>();
  (*pages)[0] = *view->GetPage(0);
  const View without_rows(view->number(), view->next_id(), nullptr, pages, nullptr, &view->catalog());
  const Plan plan = PlanIn(without_rows, OldBefore(harness_.now() + 1, harness_.now() + 2));
  EXPECT_THAT(plan.removal.ids, ElementsAre(IdRange{1, 300}));
  EXPECT_THAT(plan.removal.counts, ElementsAre(EndedCounts{harness_.RowOf(1).class_number(), 300, 0, 0}));
  EXPECT_EQ(plan.removal.deletes.count(), 3u);
  EXPECT_EQ(plan.next, 0u);
  EXPECT_EQ(plan.stays_until, kForEver);
  EXPECT_EQ(plan.gone_until, 301u) << "more tasks will get ids of this page";
}

TEST_F(RetentionPlanTest, PageStaysUntilItsNewestEndIsOld) {  // B240
  TestWorker& worker = RunTasks(3);
  worker.Succeed(1);
  harness_.Advance(kSecond);
  worker.Succeed(2);
  const WallMicros newest = harness_.now();
  harness_.Advance(kSecond);
  const Plan young = PlanIn(*harness_.MakeView(), OldBefore(newest, harness_.now()));
  EXPECT_TRUE(young.removal.empty());
  EXPECT_EQ(young.stays_until, newest + kSecond);
  const Plan old = PlanIn(*harness_.MakeView(), OldBefore(newest + 1, harness_.now()));
  EXPECT_THAT(old.removal.ids, ElementsAre(IdRange{1, 2}));
}

TEST_F(RetentionPlanTest, LiveTasksSplitTheRanges) {
  TestWorker& worker = RunTasks(300);
  Complete(worker, 1, 100);
  Complete(worker, 101, 301);
  harness_.Submit({.type = "nobody"});
  const Plan plan = PlanAt(0);
  EXPECT_THAT(plan.removal.ids, ElementsAre(IdRange{1, 99}, IdRange{101, 200}));
  EXPECT_EQ(Ranges(plan), 2u);
  EXPECT_EQ(Points(plan), 0u);
  EXPECT_EQ(plan.stays_until, kForEver) << "what lives is planned for when it has ended";
}

TEST_F(RetentionPlanTest, FewBetweenLiveTasksGoByKeyWithTheirSteps) {
  TestWorker& worker = RunTasks(10);
  worker.Report(2, "checkpoint");
  worker.Report(2, "checkpoint");
  Complete(worker, 2, 11, 2);
  const Plan plan = PlanAt(0);
  EXPECT_EQ(plan.removal.ids.size(), 5u);
  EXPECT_EQ(Ranges(plan), 0u);
  EXPECT_EQ(Points(plan), 5u);
  EXPECT_EQ(Deletes(plan, storage::WriteBatch::Op::kDelete, Family::kEnd), 5u);
  EXPECT_EQ(Deletes(plan, storage::WriteBatch::Op::kDelete, Family::kLog), 2u);
}

TEST_F(RetentionPlanTest, StepsOfATaskThatReportedMuchGoByRange) {
  TestWorker& worker = RunTasks(2);
  for (size_t i = 0; i <= kMostStepDeletes; ++i) worker.Report(1, "checkpoint");
  worker.Succeed(1);
  EXPECT_EQ(Deletes(PlanAt(0), storage::WriteBatch::Op::kDeleteRange, Family::kLog), 1u);
}

TEST_F(RetentionPlanTest, DensePageGoesInPartsThatCountTheirOwn) {
  TestWorker& worker = RunTasks(3000);
  for (TaskId id = 2; id < 3001; id += 4) worker.Post(worker.MakeOutcome(id, Outcome::Kind::kFailed));
  Complete(worker, 4, 3001, 4);
  const Plan first = PlanAt(0);
  EXPECT_EQ(first.next, kPartIds);
  EXPECT_LE(Points(first), kPartIds / 2);
  EXPECT_LE(first.removal.deletes.bytes(), 128u << 10);
  const Plan rest = PlanAt(first.next);
  EXPECT_EQ(rest.next, 0u);
  uint64_t completed = 0;
  for (const Plan* plan : {&first, &rest}) {
    for (const EndedCounts& counts : plan->removal.counts) completed += counts.completed;
  }
  EXPECT_EQ(completed, 750u);
}

TEST_F(RetentionPlanTest, FullPageWithoutLiveTasksIsGoneAfterwards) {
  harness_.StartAt(kPageIds - 3);
  TestWorker& worker = harness_.Connect();
  const std::vector<TaskId> ids = harness_.SubmitMany(3);
  for (const TaskId id : ids) worker.Succeed(id);
  const Plan plan = PlanAt(0);
  EXPECT_THAT(plan.removal.ids, ElementsAre(IdRange{kPageIds - 3, 3}));
  EXPECT_EQ(plan.gone_until, kPageIds);
  harness_.Submit();
  EXPECT_EQ(PlanAt(0, 1).gone_until, 0u) << "it lives";
}

TEST_F(RetentionPlanTest, WhatComesIntoBeingAfterTheViewIsNotMet) {
  TestWorker& worker = RunTasks(100);
  Complete(worker, 1, 101);
  const auto view = harness_.MakeView();
  harness_.SubmitMany(100);
  Complete(worker, 101, 201);
  EXPECT_THAT(PlanIn(*view, OldBefore(harness_.now() + 1, harness_.now() + 2)).removal.ids,
              ElementsAre(IdRange{1, 100}));
}

// ── Workflows ────────────────────────────────────────────────────────────────────────────────────────────────────

// Results were read along with the ends of all tasks of a workflow.
TEST(EndedParentsTest, NothingOfAnEndIsReadButWhetherItHadChildren) {
  const auto store = *storage::OpenMemoryStore(std::make_shared<storage::MemoryDisk>());
  const std::string result = "\x0a\x03\xff\xff\xff";  // There is one, but it says nothing.
  records::v1::Step end;
  end.set_error("lost");
  end.set_ran_us(5);
  end.set_kind(records::v1::Step::FAILED);
  storage::WriteBatch batch;
  batch.Put(Family::kEnd, EndKey(1), result + end.SerializeAsString());
  end.mutable_after()->set_children_total(2);
  batch.Put(Family::kEnd, EndKey(2), result + end.SerializeAsString());
  batch.Put(Family::kEnd, EndKey(7), result + "\x0a\x7f and so on");  // Cut off.
  std::string error;
  ASSERT_EQ(store->Commit(batch, 1, &error), storage::CommitResult::kDone) << error;
  std::vector<TaskId> parents;
  EXPECT_TRUE(FindEndedParents(*store->TakeSnapshot(), 1, 7, &parents).ok());
  EXPECT_THAT(parents, ElementsAre(2u));
  EXPECT_EQ(FindEndedParents(*store->TakeSnapshot(), 7, 8, &parents).code(), absl::StatusCode::kDataLoss);
}

class WorkflowPlanTest : public RetentionPlanTest {
 protected:
  std::vector<TaskId> Going(TaskId first = 0, uint64_t page_number = 0) {
    const Plan plan = PlanAt(first, page_number);
    std::vector<TaskId> ids;
    for (const IdRange& range : plan.removal.ids) {
      for (TaskId id = range.first; id < range.first + range.count; ++id) ids.push_back(id);
    }
    return ids;
  }
  // Its descendants are left as they are until loads are answered again.
  void CancelAlone(TaskId id) {
    auto cancel = std::make_unique<Tracked<CancelCommand>>();
    cancel->task = id;
    harness_.Send(std::move(cancel));
    harness_.Round();
    harness_.Round();
    harness_.hold_loads = true;
    harness_.Settle();
  }
};

TEST_F(WorkflowPlanTest, NoMemberOfAnUnfinishedWorkflowGoes) {  // B243
  TestWorker& worker = harness_.Connect({.types = {"parent", "child", "work"}});
  const TaskId plain = harness_.Submit();
  const TaskId root = harness_.Submit(kParent);
  worker.Succeed(plain);
  worker.Spawn(root, {kChild, kChild});
  worker.Succeed(root + 1);
  const Plan waiting = PlanAt(0);
  EXPECT_THAT(waiting.removal.ids, ElementsAre(IdRange{plain, 1}));
  EXPECT_EQ(waiting.stays_until, kForEver) << "the end of the root is told";
  worker.Succeed(root + 2);
  EXPECT_THAT(Going(), ElementsAre(plain)) << "the root runs again";
  worker.Succeed(root);
  EXPECT_THAT(Going(), ElementsAre(plain, root, root + 1, root + 2));
}

TEST_F(WorkflowPlanTest, RootThatEndedWaitsForItsDescendants) {
  TestWorker& worker = harness_.Connect({.types = {"parent", "child"}});
  const TaskId root = harness_.Submit(kParent);
  worker.Spawn(root, {kParent, kChild});
  worker.Spawn(root + 1, {kChild});
  worker.Succeed(root + 2);
  CancelAlone(root);
  ASSERT_EQ(harness_.StateOf(root), LiveState::CANCELLED);
  ASSERT_EQ(harness_.StateOf(root + 3), LiveState::RUNNING) << "a grandchild goes on";
  EXPECT_THAT(Going(), IsEmpty());
  harness_.hold_loads = false;
  harness_.Settle();
  ASSERT_EQ(harness_.StateOf(root + 3), LiveState::CANCELLED);
  EXPECT_THAT(Going(), ElementsAre(root, root + 1, root + 2, root + 3));
}

TEST_F(WorkflowPlanTest, ChildrenOfEarlierSpawnsBelongToIt) {
  TestWorker& worker = harness_.Connect({.types = {"parent", "child"}});
  const TaskId root = harness_.Submit(kParent);
  for (TaskId child = root + 1; child <= root + 2; ++child) {
    worker.Spawn(root, {kChild});
    worker.Succeed(child);
  }
  worker.Succeed(root);
  EXPECT_THAT(Going(), ElementsAre(root, root + 1, root + 2));
  const auto view = harness_.MakeView();
  for (TaskId child = root + 1; child <= root + 2; ++child) {
    auto page = std::make_shared<Page>(**view->GetPage(0));
    page->Put({.id = child, .state = LiveState::PENDING, .class_number = 1});
    const auto pages = std::make_shared<View::Pages>();
    (*pages)[0] = page;
    const View with_live_child(view->number(), view->next_id(), harness_.stopped_store().TakeSnapshot(), pages, nullptr,
                               &view->catalog());
    const Look look = OldBefore(harness_.now() + 1, harness_.now() + 2);
    EXPECT_TRUE(PlanIn(with_live_child, look).removal.empty()) << "child " << child << " has not ended";
  }
}

TEST_F(WorkflowPlanTest, WorkflowOverTwoPagesIsOldWhenBothAre) {
  harness_.StartAt(kPageIds - 2);
  TestWorker& worker = harness_.Connect({.types = {"parent", "child"}});
  const TaskId root = harness_.Submit(kParent);
  worker.Spawn(root, {kChild, kChild, kChild});
  for (TaskId id = root + 1; id < root + 4; ++id) worker.Succeed(id);
  worker.Succeed(root);
  const WallMicros ended = harness_.now();
  harness_.Advance(kSecond);
  worker.Succeed(harness_.Submit(kChild));
  const Look look = OldBefore(ended + 1, harness_.now() + 1);
  EXPECT_EQ(PlanIn(*harness_.MakeView(), look).stays_until, harness_.now() + kSecond) << "of the other page";
  EXPECT_TRUE(PlanIn(*harness_.MakeView(), look).removal.empty());
  EXPECT_THAT(Going(), ElementsAre(root, root + 1));
  EXPECT_EQ(PlanAt(0).gone_until, kPageIds);
  EXPECT_THAT(Going(0, 1), ElementsAre(root + 2, root + 3, root + 4));
}

TEST_F(WorkflowPlanTest, RestOfAWorkflowFollowsItsRoot) {
  EngineSettings settings;
  settings.retention = kMinute;
  EngineHarness harness(settings);
  harness.StartAt(kPageIds - 1);
  TestWorker& worker = harness.Connect({.types = {"parent", "child"}});
  const TaskId root = harness.Submit(kParent);
  worker.Spawn(root, {kChild});
  worker.Succeed(root + 1);
  worker.Succeed(root);
  harness.Pause(2 * kMinute);
  harness.Sweep();
  EXPECT_EQ(harness.StateOf(root), LiveState::REMOVED);
  EXPECT_EQ(harness.StateOf(root + 1), LiveState::REMOVED);
}

TEST_F(WorkflowPlanTest, MissingRecordKeepsATaskAndItsPageIsLookedAtLater) {
  TestWorker& worker = harness_.Connect({.types = {"parent", "child"}});
  const TaskId root = harness_.Submit(kParent);
  worker.Spawn(root, {kChild});
  worker.Succeed(root + 1);
  worker.Succeed(root);
  const auto view = harness_.MakeView();
  const auto pages = std::make_shared<View::Pages>();
  (*pages)[0] = *view->GetPage(0);
  const auto empty = *storage::OpenMemoryStore(std::make_shared<storage::MemoryDisk>());
  const View without_rows(view->number(), view->next_id(), empty->TakeSnapshot(), pages, nullptr, &view->catalog());
  const Plan plan = PlanIn(without_rows, OldBefore(harness_.now() + 1, harness_.now() + 2));
  EXPECT_TRUE(plan.removal.empty());
  EXPECT_EQ(plan.stays_until, harness_.now() + 3);
  EXPECT_TRUE(PlanPart(without_rows, {{root, 2}}).removal.empty()) << "nor is it deleted by hand";
}

TEST_F(RetentionPlanTest, DamagedPageIsLookedAtAgainOnlyIfSomethingGoesByAge) {
  const auto store = *storage::OpenMemoryStore(std::make_shared<storage::MemoryDisk>());
  storage::WriteBatch batch;
  batch.Put(Family::kPage, PageKey(0), "\xff");
  std::string error;
  ASSERT_EQ(store->Commit(batch, 1, &error), storage::CommitResult::kDone) << error;
  const View view(1, 7, store->TakeSnapshot(), std::make_shared<View::Pages>(), nullptr, nullptr);
  ASSERT_FALSE(view.GetPage(0).ok());
  Look look = OldBefore(harness_.now() - kMinute, harness_.now());
  EXPECT_EQ(LookAt(view, {look}).at(0).plan.stays_until, harness_.now() + kMinute);
  look.ages = {};
  EXPECT_EQ(LookAt(view, {look}).at(0).plan.stays_until, kForEver);
}

}  // namespace
}  // namespace baton::engine::testing
