// The trace context of a task goes on to its children.
#include "tests/unit/engine/family.h"
#include "tests/unit/engine/schedules_fixture.h"

namespace baton::engine::testing {
namespace {

const TaskSpec kTracedParent = {.type = "parent", .payload = "of all", .trace = "of the request"};
const TaskSpec kTracedChild = {.type = "child", .trace = "its own"};

std::string TraceIn(const Delivery& delivery) {
  records::v1::TaskRow row;
  EXPECT_TRUE(row.ParseFromString(delivery.body->task_row));
  return row.trace_parent();
}

class TraceTest : public ::testing::Test {
 protected:
  EngineHarness harness_;
  TestWorker& parents_ = harness_.Connect(kParents);
  TestWorker& children_ = harness_.Connect(kChildren);
};

TEST_F(TraceTest, AHandlerIsToldTheTraceOfItsTaskAtEveryAttempt) {
  const TaskId parent = harness_.Submit(kTracedParent);
  EXPECT_EQ(TraceIn(parents_.DeliveryOf(parent)), "of the request");
  EXPECT_THAT(parents_.Fail(parent), NoError());
  EXPECT_EQ(TraceIn(parents_.DeliveryOf(parent)), "of the request");
  EXPECT_EQ(TraceIn(parents_.DeliveryOf(harness_.Submit(kParent))), "");
}

TEST_F(TraceTest, ChildrenHaveThatOfTheirParentUnlessTheyHaveOne) {
  const TaskId parent = harness_.Submit(kTracedParent);
  EXPECT_THAT(parents_.Spawn(parent, {kChild, kTracedChild}), NoError());
  EXPECT_EQ(TraceIn(children_.DeliveryOf(parent + 1)), "of the request");
  EXPECT_EQ(TraceIn(children_.DeliveryOf(parent + 2)), "its own");
  EXPECT_EQ(harness_.RowOf(parent + 1).trace_parent(), "of the request");
  EXPECT_EQ(harness_.RowOf(parent + 2).trace_parent(), "its own");
}

TEST_F(TraceTest, ChildrenOfAParentWithoutOneHaveNone) {
  const TaskId parent = harness_.Submit(kParent);
  EXPECT_THAT(parents_.Spawn(parent, {kChild, kTracedChild}), NoError());
  EXPECT_EQ(harness_.RowOf(parent + 1).trace_parent(), "");
  EXPECT_EQ(harness_.RowOf(parent + 2).trace_parent(), "its own");
}

TEST_F(TraceTest, StagedChildrenHaveItToo) {
  const TaskId parent = harness_.Submit(kTracedParent);
  EXPECT_THAT(parents_.SpawnPart(parent, 1, {kChild, kTracedChild}).error(), NoError());
  EXPECT_THAT(parents_.Spawn(parent, {kChild}, "", 1), NoError());
  EXPECT_EQ(TraceIn(children_.DeliveryOf(parent + 1)), "of the request");
  EXPECT_EQ(TraceIn(children_.DeliveryOf(parent + 2)), "its own");
  EXPECT_EQ(TraceIn(children_.DeliveryOf(parent + 3)), "of the request");
}

TEST_F(TraceTest, ItGoesDownThroughAllLevels) {
  const TaskId parent = harness_.Submit(kTracedParent);
  EXPECT_THAT(parents_.Spawn(parent, {kParent}), NoError());
  EXPECT_THAT(parents_.Spawn(parent + 1, {kChild}), NoError());
  EXPECT_EQ(TraceIn(children_.DeliveryOf(parent + 2)), "of the request");
}

TEST_F(TraceTest, ItIsKnownOfAParentThatWasReadFromTheStore) {
  const TaskId parent = harness_.Submit(kTracedParent);
  harness_.Crash();
  parents_.Hello();
  children_.Hello();
  EXPECT_THAT(parents_.Spawn(parent, {kChild}), NoError());
  EXPECT_THAT(children_.Succeed(parent + 1), NoError());
  ASSERT_TRUE(parents_.Runs(parent));
  EXPECT_THAT(parents_.Spawn(parent, {kChild}), NoError());
  EXPECT_EQ(TraceIn(children_.DeliveryOf(parent + 2)), "of the request");
}

class ScheduleTraceTest : public SchedulesTest {};

TEST_F(ScheduleTraceTest, FiringsHaveThatOfTheirDefinitionAndSoHaveTheirChildren) {
  ASSERT_THAT(Create({.trace = "of the schedule"}).error(), NoError());
  for (const bool crash : {false, true}) {
    if (crash) harness_.Crash();
    const auto fired = Change(Verb::kTrigger);
    ASSERT_THAT(fired.error(), NoError());
    EXPECT_EQ(harness_.RowOf(fired->task).trace_parent(), "of the schedule");
    TestWorker& worker = harness_.Connect({.worker_id = crash ? "after" : "before"});
    ASSERT_TRUE(worker.Runs(fired->task));
    const TaskId child = harness_.next_id();
    EXPECT_THAT(worker.Spawn(fired->task, {{.type = "child"}}), NoError());
    EXPECT_EQ(harness_.RowOf(child).trace_parent(), "of the schedule");
    EXPECT_THAT(harness_.Cancel(fired->task), NoError());
    worker.Kill();
  }
}

}  // namespace
}  // namespace baton::engine::testing
