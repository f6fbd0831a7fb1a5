// Lists by what there is no index for: age, worker, error, reason of a wait.
#include "broker/service/read/convert.h"
#include "tests/unit/read/list_fixture.h"

namespace baton::service::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using ListConditionsTest = ListTest;

TEST_F(ListConditionsTest, FiltersByAge) {
  std::vector<TaskId> ids;
  for (int i = 0; i < 6; ++i) {
    ids.push_back(scene_.Submit());
    scene_.Pass(2 * kHour);
  }
  v1::TaskFilter filter;
  *filter.mutable_created_since() = WireTime(kStart + 4 * kHour);
  EXPECT_THAT(List(filter), ElementsAre(ids[5], ids[4], ids[3], ids[2]));
  *filter.mutable_created_before() = WireTime(kStart + 8 * kHour);
  EXPECT_THAT(List(filter), ElementsAre(ids[3], ids[2]));
  filter.clear_created_since();
  EXPECT_THAT(List(filter, 1), ElementsAre(ids[3], ids[2], ids[1], ids[0]));
  *filter.mutable_created_before() = WireTime(kStart);
  EXPECT_THAT(List(filter), IsEmpty());
}

// It may be of that age, and does not hide the others.
TEST_F(ListConditionsTest, ADamagedTaskIsInTheListsByAge) {
  std::vector<TaskId> ids;
  for (int i = 0; i < 6; ++i) {
    ids.push_back(scene_.Submit());
    scene_.Pass(2 * kHour);
  }
  scene_.PutRow(storage::Family::kTask, engine::TaskKey(ids[2]), "\xff\xff\xff");
  v1::TaskFilter filter;
  *filter.mutable_created_since() = WireTime(kStart + 4 * kHour);
  EXPECT_THAT(List(filter), ElementsAre(ids[5], ids[4], ids[3], ids[2]));
  *filter.mutable_created_before() = WireTime(kStart + 8 * kHour);
  EXPECT_THAT(List(filter), ElementsAre(ids[3], ids[2]));
  filter.clear_created_since();
  EXPECT_THAT(List(filter), ElementsAre(ids[3], ids[2], ids[1], ids[0]));
  scene_.PutRow(storage::Family::kTask, engine::TaskKey(ids[5]), "\xff\xff\xff");
  filter.clear_created_before();
  *filter.mutable_created_since() = WireTime(scene_.now());
  EXPECT_THAT(List(filter), ElementsAre(ids[5])) << "the last one of all";
}

TEST_F(ListConditionsTest, OldTasksAreNotLookedAtForYoungOnes) {
  scene_.Submit();
  scene_.SkipTo(40 * engine::kPageIds);
  scene_.Pass(3 * kHour);
  const TaskId young = scene_.Submit();
  v1::TaskFilter filter;
  *filter.mutable_created_since() = WireTime(scene_.now());
  scene_.settings().page_budget = 0;
  EXPECT_THAT(List(filter), ElementsAre(young));
  EXPECT_EQ(pages_, 2) << "it looks at one page of ids, and then there is nothing left";
}

TEST_F(ListConditionsTest, TasksFromBeforeTheClockWasSetBackAreFound) {
  scene_.Pass(kHour);
  const TaskId early = scene_.Submit();
  scene_.clock().AdvanceWall(-50 * kMinute);
  const TaskId late = scene_.Submit();
  v1::TaskFilter filter;
  *filter.mutable_created_since() = WireTime(kStart + kHour);
  EXPECT_THAT(List(filter), ElementsAre(early));
  *filter.mutable_created_since() = WireTime(kStart + 10 * kMinute);
  *filter.mutable_created_before() = WireTime(kStart + 11 * kMinute);
  EXPECT_THAT(List(filter), ElementsAre(late));
}

TEST_F(ListConditionsTest, FiltersByWhenTheyEnded) {
  const TaskId live = scene_.Submit();
  std::vector<TaskId> ids;
  for (int i = 0; i < 3; ++i) {
    scene_.Pass(kMinute);
    ids.push_back(scene_.Submit());
    scene_.Claim(ids[i], "w1");
    scene_.Complete(ids[i]);
  }
  v1::TaskFilter filter;
  *filter.mutable_ended_since() = WireTime(kStart + 2 * kMinute);
  EXPECT_THAT(List(filter), ElementsAre(ids[2], ids[1]));
  filter.clear_ended_since();
  *filter.mutable_ended_before() = WireTime(kStart + 2 * kMinute);
  EXPECT_THAT(List(filter), ElementsAre(ids[0])) << "nor " << live << ", which has not ended";
}

TEST_F(ListConditionsTest, FiltersByWorker) {  // B221
  const TaskId never = scene_.Submit();
  const TaskId moved = scene_.Submit();
  scene_.Claim(moved, "w1");
  scene_.Fail(moved, "no luck");
  scene_.Claim(moved, "w2");
  const TaskId waits = scene_.Submit();
  scene_.Claim(waits, "w1");
  scene_.Fail(waits, "no luck");
  const TaskId ended = scene_.Submit();
  scene_.Claim(ended, "w1");
  scene_.Complete(ended);
  v1::TaskFilter filter;
  filter.set_worker_id("w1");
  EXPECT_THAT(List(filter), ElementsAre(ended, waits)) << "not " << never << ", nor " << moved;
  filter.set_worker_id("w2");
  EXPECT_THAT(List(filter), ElementsAre(moved));
}

TEST_F(ListConditionsTest, FiltersByWhatWentWrong) {
  const TaskId failed = scene_.Submit();
  scene_.Claim(failed, "w1");
  scene_.FailForGood(failed, "Disk is full");
  const TaskId waits = scene_.Submit();
  scene_.Claim(waits, "w1");
  scene_.Fail(waits, "disk is slow");
  const TaskId cancelled = scene_.Submit();
  scene_.Cancel(cancelled, "ann", "no disk left");
  scene_.Submit();
  v1::TaskFilter filter;
  filter.set_error("dISK");
  EXPECT_THAT(List(filter), ElementsAre(cancelled, waits, failed));
  filter.set_error("disk is");
  EXPECT_THAT(List(filter), ElementsAre(waits, failed));
}

TEST_F(ListConditionsTest, FiltersByTheReasonOfAWait) {  // B168
  std::vector<TaskId> ids;
  for (const char* reason : {"a price", "a date", "a price"}) {
    ids.push_back(scene_.Submit());
    scene_.Claim(ids.back(), "w1");
    scene_.Suspend(ids.back(), reason);
  }
  const TaskId decided = scene_.Submit();
  scene_.Claim(decided, "w1");
  scene_.Suspend(decided, "a price");
  scene_.Resume(decided, "ann", "");
  v1::TaskFilter filter;
  filter.set_suspend_reason("a price");
  EXPECT_THAT(List(filter), ElementsAre(ids[2], ids[0]));
}

}  // namespace
}  // namespace baton::service::testing
