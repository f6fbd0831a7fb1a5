// Cancel in every state, and of whole workflows.
#include "tests/unit/engine/family.h"
#include "tests/unit/engine/harness.h"

namespace baton::engine::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST(CancelTest, PendingTaskIsNeverHandedOut) {  // B97, B167
  EngineHarness harness;
  const TaskId resident = harness.Submit();
  const TaskId delayed = harness.Submit({.delay = kMinute});
  for (const TaskId id : {resident, delayed}) {
    EXPECT_THAT(harness.Cancel(id, "changed my mind"), NoError());
    EXPECT_EQ(harness.StateOf(id), LiveState::CANCELLED);
    EXPECT_EQ(harness.EndOf(id).reason(), "changed my mind");
    EXPECT_EQ(harness.EndOf(id).actor(), "local");
    EXPECT_FALSE(harness.EndOf(id).has_attempt());
  }
  TestWorker& worker = harness.Connect();
  harness.Advance(kMinute);
  EXPECT_THAT(worker.running(), IsEmpty());
}

TEST(CancelTest, RunningTaskIsCancelledAtOnceAndItsWorkerTold) {  // B51, B112
  EngineHarness harness;
  TestWorker& worker = harness.Connect({.slots = 1});
  const TaskId id = harness.Submit();
  EXPECT_THAT(harness.Cancel(id, "stop"), NoError());
  EXPECT_EQ(harness.StateOf(id), LiveState::CANCELLED);
  EXPECT_EQ(harness.EndOf(id).attempt().number(), 1u);
  ASSERT_EQ(worker.orders.size(), 1u);
  EXPECT_EQ(worker.orders[0].kind, Order::Kind::kCancel);
  EXPECT_EQ(worker.orders[0].text, "stop");
  EXPECT_THAT(worker.orders[0].attempts, ElementsAre(AttemptId{id, 1}));
  worker.Beat();
  EXPECT_THAT(worker.told_cancelled, ElementsAre(AttemptId{id, 1}));
  const TaskId next = harness.Submit();
  EXPECT_FALSE(worker.Runs(next)) << "the slot is taken until the handler has returned";
  EXPECT_THAT(worker.Send(worker.MakeOutcome(id, Outcome::Kind::kCancelled)), NoError());
  EXPECT_TRUE(worker.Runs(next));
}

TEST(CancelTest, LateResultOfACancelledTaskIsRefused) {  // B98
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit();
  harness.Cancel(id);
  EXPECT_THAT(worker.Succeed(id), ErrorIs(absl::StatusCode::kAborted, "ATTEMPT_OVER"));
  EXPECT_EQ(harness.StateOf(id), LiveState::CANCELLED);
}

TEST(CancelTest, WorkerThatReconnectsLearnsThatItsTaskWasCancelled) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const std::vector<TaskId> ids = harness.SubmitMany(2);
  worker.CloseStream();
  harness.Cancel(ids[0]);
  EXPECT_THAT(worker.Hello(), NoError());
  EXPECT_THAT(worker.verdicts, ElementsAre(Pair(AttemptId{ids[0], 1}, Verdict::kCancelled),
                                           Pair(AttemptId{ids[1], 1}, Verdict::kValid)));
}

TEST(CancelTest, RepeatIsFineAndEndedOrUnknownTasksAreRefused) {  // B94, B97
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId cancelled = harness.Submit({.delay = kHour});
  const TaskId completed = harness.Submit();
  const TaskId failed = harness.Submit();
  harness.Cancel(cancelled);
  worker.Succeed(completed);
  worker.FailFinally(failed);
  EXPECT_THAT(harness.Cancel(cancelled), NoError());
  EXPECT_THAT(harness.Cancel(completed), ErrorIs(absl::StatusCode::kFailedPrecondition, "TASK_TERMINAL"));
  EXPECT_THAT(harness.Cancel(failed), ErrorIs(absl::StatusCode::kFailedPrecondition, "TASK_TERMINAL"));
  EXPECT_THAT(harness.Cancel(0), ErrorIs(absl::StatusCode::kNotFound, "TASK_NOT_FOUND"));
  EXPECT_THAT(harness.Cancel(4711), ErrorIs(absl::StatusCode::kNotFound, "TASK_NOT_FOUND"));
}

TEST(CancelTest, TwoCancelsAtOnceOfATaskThatIsNotInMemoryAreBothFine) {
  EngineHarness harness;
  const TaskId id = harness.Submit({.delay = kHour});
  std::vector<Reply<CancelCommand>> replies;
  for (int i = 0; i < 2; ++i) {
    auto cancel = std::make_unique<Tracked<CancelCommand>>();
    cancel->task = id;
    replies.push_back(harness.Send(std::move(cancel)));
  }
  harness.Settle();
  for (const auto& reply : replies) {
    ASSERT_TRUE(reply.answered());
    EXPECT_THAT(reply->error, NoError());
  }
}

TEST(CancelTest, SuspendedTaskIsCancelled) {  // B82, B167, S96
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit();
  worker.Suspend(id, "approval");
  EXPECT_THAT(harness.Cancel(id), NoError());
  EXPECT_THAT(harness.KindsOf(id), ElementsAre(Step::SUSPENDED, Step::CANCELLED));
  EXPECT_THAT(harness.Resume(id), ErrorIs(absl::StatusCode::kFailedPrecondition, "NOT_SUSPENDED"));
}

TEST(CancelTest, CancelledParentTakesAllItsDescendantsWithIt) {  // B161
  EngineHarness harness;
  TestWorker& parents = harness.Connect({.worker_id = "parents", .types = {"parent"}});
  TestWorker& children = harness.Connect({.worker_id = "children", .slots = 2, .types = {"child"}});
  const TaskId root = harness.Submit(kParent);
  parents.Spawn(root, {kParent, kChild, kChild, kChild, kChild});
  const TaskId middle = root + 1;
  const std::vector<TaskId> first = children.running();
  children.Succeed(first[0]);
  parents.Spawn(middle, {kChild, {.type = "child", .delay = kHour}, {.type = "nobody"}});
  EXPECT_THAT(harness.Cancel(root, "all of it"), NoError());
  for (TaskId id = root; id < harness.next_id(); ++id) {
    EXPECT_EQ(harness.StateOf(id), id == first[0] ? LiveState::COMPLETED : LiveState::CANCELLED) << "task " << id;
  }
  EXPECT_EQ(harness.EndOf(root + 7).reason(), "all of it");
  EXPECT_EQ(harness.EndOf(root + 7).actor(), "local");
  EXPECT_THAT(children.orders, ::testing::Not(IsEmpty()));
}

TEST(CancelTest, CascadeOverManyChildrenSurvivesCrashesInTheMiddle) {  // B161
  EngineHarness harness;
  TestWorker& parents = harness.Connect({.worker_id = "parents", .types = {"parent"}});
  const TaskId root = harness.Submit(kParent);
  for (uint32_t part = 1; part <= 2; ++part) {
    std::vector<TaskSpec> specs(999, kChild);
    specs.push_back(kParent);
    parents.SpawnPart(root, part, specs);
  }
  parents.Spawn(root, {}, "", 2);
  for (const TaskId middle : {root + 1000, root + 2000}) parents.Spawn(middle, {kChild, kChild});
  auto cancel = std::make_unique<Tracked<CancelCommand>>();
  cancel->task = root;
  harness.Send(std::move(cancel));
  for (int i = 0; i < 20; ++i) {
    harness.Round();
    if (i % 3 == 2) harness.Crash();
  }
  harness.Settle();
  for (TaskId id = root; id < harness.next_id(); ++id) ASSERT_EQ(harness.StateOf(id), LiveState::CANCELLED) << id;
  std::string job;
  EXPECT_TRUE(absl::IsNotFound(harness.store().Get(storage::Family::kMeta, JobMetaKey(1), &job)));
}

TEST(CancelTest, CascadeTakesChildrenInManyPlacesInFewSteps) {
  EngineHarness harness;
  TestWorker& parents = harness.Connect({.worker_id = "parents", .slots = 300, .types = {"parent"}});
  const TaskId root = harness.Submit(kParent);
  parents.Spawn(root, std::vector<TaskSpec>(200, kParent));
  for (const TaskId parent : parents.running()) {
    parents.Spawn(parent, {kChild});
    harness.Submit({.type = "other"});
  }
  const TaskId last = harness.next_id() - 2;
  auto cancel = std::make_unique<Tracked<CancelCommand>>();
  cancel->task = root;
  harness.Send(std::move(cancel));
  int rounds = 0;
  while (harness.StateOf(last) != LiveState::CANCELLED && rounds < 100) {
    harness.Round();
    ++rounds;
  }
  EXPECT_LE(rounds, 20);
}

TEST(CancelTest, CascadeKnowsItsGrandchildrenAfterACrashInTheMiddleOfWhatItFound) {
  EngineHarness harness;
  TestWorker& parents = harness.Connect({.worker_id = "parents", .types = {"parent"}});
  const std::vector<TaskId> roots = harness.SubmitMany(2, kParent);
  const TaskSpec far = {.type = "child", .delay = kHour};
  parents.Spawn(roots[0], std::vector<TaskSpec>(300, far));
  const TaskId middle = harness.next_id();
  std::vector<TaskSpec> children(300, far);
  children[0] = kParent;
  parents.Spawn(roots[1], children);
  const TaskId grandchild = harness.next_id();
  parents.Spawn(middle, {far, far});
  for (const TaskId root : roots) {
    auto cancel = std::make_unique<Tracked<CancelCommand>>();
    cancel->task = root;
    harness.Send(std::move(cancel));
  }
  for (int i = 0; i < 3; ++i) harness.Round();  // Roots asked for; cancelled, children searched; children asked for.
  harness.loads_per_round = 1;                  // They come in two parts.
  harness.Round();
  ASSERT_EQ(harness.StateOf(middle), LiveState::CANCELLED);
  ASSERT_EQ(harness.StateOf(grandchild), LiveState::PENDING);
  ASSERT_EQ(harness.StateOf(grandchild - 1), LiveState::PENDING);
  harness.Crash();
  harness.Settle();
  for (TaskId id = roots[0]; id < harness.next_id(); ++id) ASSERT_EQ(harness.StateOf(id), LiveState::CANCELLED) << id;
}

TEST(CancelTest, ChildOfACancelledParentIsNotHandedOutBeforeTheJobReachesIt) {
  EngineHarness harness;
  TestWorker& parents = harness.Connect({.worker_id = "parents", .types = {"parent"}});
  const TaskId root = harness.Submit(kParent);
  parents.Spawn(root, {kChild});
  auto cancel = std::make_unique<Tracked<CancelCommand>>();
  cancel->task = root;
  const auto reply = harness.Send(std::move(cancel));
  harness.Round();            // Asks for the parent,
  harness.Round();            // cancels it, and asks for its children,
  harness.hold_loads = true;  // which the job does not get.
  ASSERT_TRUE(reply.answered());
  ASSERT_EQ(harness.StateOf(root), LiveState::CANCELLED);
  ASSERT_EQ(harness.StateOf(root + 1), LiveState::PENDING);
  TestWorker& children = harness.Connect({.worker_id = "children", .types = {"child"}});
  EXPECT_THAT(children.TakeDelivered(), IsEmpty());
  harness.hold_loads = false;
  harness.Settle();
  EXPECT_THAT(children.TakeDelivered(), IsEmpty());
  EXPECT_EQ(harness.StateOf(root + 1), LiveState::CANCELLED);
}

}  // namespace
}  // namespace baton::engine::testing
