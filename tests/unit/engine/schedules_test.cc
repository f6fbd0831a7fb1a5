// Schedules: when they fire, and what holds them back.
#include "tests/unit/engine/schedules_fixture.h"

namespace baton::engine::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(SchedulesTest, FiresAtItsInstantsAndCreatesOrdinaryTasks) {  // B11, B55, B73, B139, B140, B246, S24, S122
  const auto created = Create({.options = {.priority = 7}});
  ASSERT_THAT(created.error(), NoError());
  EXPECT_EQ(created->next, kFirstMinute);
  TestWorker& worker = harness_.Connect();
  harness_.Advance(40 * kSecond - 1);
  EXPECT_EQ(tasks(), 0u);
  harness_.Advance(1);
  ASSERT_THAT(worker.running(), ElementsAre(1));
  EXPECT_EQ(PayloadOf(worker.DeliveryOf(1)), "monthly");
  const records::v1::TaskRow row = harness_.RowOf(1);
  EXPECT_EQ(row.priority(), 7);
  EXPECT_EQ(row.tag(), "nightly");
  EXPECT_EQ(row.scheduled_us(), kFirstMinute);
  EXPECT_THAT(worker.Succeed(1), NoError());
  harness_.Advance(kMinute);
  EXPECT_THAT(worker.running(), ElementsAre(2));
  EXPECT_EQ(State().fired(), 2u);
  EXPECT_EQ(State().last_task(), 2u);
  EXPECT_EQ(State().last_us(), kFirstMinute + kMinute);
}

TEST_F(SchedulesTest, AFiringIsOneBatchOfTwoRows) {
  ASSERT_THAT(Create({}).error(), NoError());
  harness_.TakeWrites();
  harness_.Advance(kMinute);
  const auto writes = harness_.TakeWrites();
  EXPECT_EQ(writes[static_cast<size_t>(storage::Family::kTask)], 1u);
  EXPECT_EQ(writes[static_cast<size_t>(storage::Family::kMeta)], 1u) << "how far the schedule is";
  EXPECT_EQ(writes[static_cast<size_t>(storage::Family::kJournal)], 1u);
}

TEST_F(SchedulesTest, InstantsWhileTheLastFiringLivesAreSkippedAndCounted) {  // B135, B141
  ASSERT_THAT(Create({}).error(), NoError());
  harness_.Advance(5 * kMinute);
  EXPECT_EQ(tasks(), 1u);
  EXPECT_EQ(State().skipped(), 4u);
  EXPECT_THAT(harness_.Cancel(1), NoError());
  harness_.Advance(kMinute);
  EXPECT_EQ(tasks(), 2u);
  EXPECT_FALSE(State().has_pause()) << "a cancel is no failure";
}

TEST_F(SchedulesTest, AFiringThatWaitsForItsChildrenOrForADecisionStillLives) {  // B159, S88
  ASSERT_THAT(Create({}).error(), NoError());
  TestWorker& worker = harness_.Connect();
  harness_.Advance(kMinute);
  ASSERT_THAT(worker.Spawn(1, {{.type = "child"}}), NoError());
  harness_.Advance(kMinute);
  EXPECT_EQ(tasks(), 2u) << "it and its child";
  TestWorker& children = harness_.Connect({.worker_id = "children", .types = {"child"}});
  ASSERT_THAT(children.FailFinally(2), NoError());
  EXPECT_FALSE(State().has_pause()) << "a child is not the firing";
  ASSERT_THAT(worker.Suspend(1, "approval"), NoError());
  harness_.Advance(kMinute);
  EXPECT_EQ(tasks(), 2u);
  EXPECT_EQ(State().skipped(), 2u);
  ASSERT_THAT(harness_.Resume(1), NoError());
  ASSERT_THAT(worker.Succeed(1), NoError());
  harness_.Advance(kMinute);
  EXPECT_EQ(tasks(), 3u);
}

TEST_F(SchedulesTest, FiringsMayOverlapIfAllowed) {  // B135
  ASSERT_THAT(Create({.overlap = ScheduleRow::ALLOW}).error(), NoError());
  harness_.Advance(5 * kMinute);
  EXPECT_EQ(tasks(), 5u);
  EXPECT_EQ(State().skipped(), 0u);
}

TEST_F(SchedulesTest, AFiringThatFailsForGoodPausesIt) {  // B85, B126, B137, B138, S23
  ASSERT_THAT(Create({.options = {.max_retries = 2}}).error(), NoError());
  TestWorker& worker = harness_.Connect();
  harness_.Advance(kMinute);
  EXPECT_THAT(worker.Fail(1), NoError());
  EXPECT_FALSE(State().has_pause()) << "it is tried again";
  harness_.Settle();
  EXPECT_THAT(worker.Fail(1), NoError());
  EXPECT_EQ(State().pause().actor(), "broker");
  EXPECT_EQ(State().pause().reason(), "task 1 has failed for good");
  harness_.Advance(kHour);
  EXPECT_EQ(tasks(), 1u);

  const auto unpaused = Change(Verb::kUnpause);
  ASSERT_THAT(unpaused.error(), NoError());
  EXPECT_EQ(unpaused->next % kMinute, 0);
  EXPECT_GT(unpaused->next, harness_.now());
  EXPECT_EQ(tasks(), 1u) << "what went by is not made up for";
  harness_.Advance(kMinute);
  EXPECT_EQ(tasks(), 2u);
}

TEST_F(SchedulesTest, OneThatKeepsGoingIsNotPausedByFailures) {  // B85, B139
  ASSERT_THAT(Create({.keep_going = true, .options = {.max_retries = 1}}).error(), NoError());
  TestWorker& worker = harness_.Connect();
  for (TaskId id = 1; id <= 3; ++id) {
    harness_.Advance(kMinute);
    EXPECT_THAT(worker.Fail(id), NoError());
  }
  EXPECT_EQ(State().fired(), 3u);
}

TEST_F(SchedulesTest, PausedScheduleDoesNotFireAndCanBeTriggered) {  // B138, S22
  ASSERT_THAT(Create({}).error(), NoError());
  EXPECT_THAT(Change(Verb::kPause).error(), NoError());
  EXPECT_THAT(Change(Verb::kPause).error(), NoError()) << "again";
  EXPECT_EQ(State().pause().reason(), "holidays");
  harness_.Crash();
  harness_.Advance(5 * kMinute);
  EXPECT_EQ(tasks(), 0u);
  const auto triggered = Change(Verb::kTrigger);
  ASSERT_THAT(triggered.error(), NoError());
  EXPECT_EQ(triggered->task, 1u);
  EXPECT_EQ(harness_.RowOf(1).scheduled_us(), 0);
  EXPECT_THAT(Change(Verb::kTrigger).error(), ErrorIs(absl::StatusCode::kFailedPrecondition, "SCHEDULE_BUSY"));
  EXPECT_THAT(Change(Verb::kUnpause).error(), NoError());
  EXPECT_THAT(Change(Verb::kUnpause).error(), ErrorIs(absl::StatusCode::kFailedPrecondition, "NOT_PAUSED"));
}

TEST_F(SchedulesTest, TriggeringDoesNotMoveWhatIsPlanned) {
  ASSERT_THAT(Create({.overlap = ScheduleRow::ALLOW}).error(), NoError());
  ASSERT_THAT(Change(Verb::kTrigger).error(), NoError());
  EXPECT_EQ(State().next_us(), kFirstMinute);
  harness_.Advance(kMinute);
  EXPECT_EQ(tasks(), 2u);
}

TEST_F(SchedulesTest, DeletedScheduleIsGoneAndItsTasksGoOn) {
  ASSERT_THAT(Create({}).error(), NoError());
  harness_.Advance(kMinute);
  EXPECT_THAT(Change(Verb::kDelete).error(), NoError());
  for (const Verb verb : {Verb::kDelete, Verb::kPause, Verb::kUnpause, Verb::kTrigger}) {
    const Error error = Change(verb).error();
    EXPECT_THAT(error, ErrorIs(absl::StatusCode::kNotFound, "SCHEDULE_NOT_FOUND"));
    EXPECT_THAT(error.message, HasSubstr("there is no schedule 'report'"));
  }
  // A new one of the same name does not mistake the old one's task for its own.
  ASSERT_THAT(Create({}).error(), NoError());
  harness_.Advance(kMinute);
  EXPECT_EQ(tasks(), 2u);
  EXPECT_THAT(harness_.Cancel(1), NoError());
  EXPECT_TRUE(State().last_lives());
  harness_.Crash();
  EXPECT_TRUE(State().last_lives());
}

TEST_F(SchedulesTest, CreatingItTwiceIsOneScheduleAndAnotherDefinitionIsRefusedUnlessItReplaces) {  // B59
  ASSERT_THAT(Create({}).error(), NoError());
  const auto again = Create({});
  ASSERT_THAT(again.error(), NoError());
  EXPECT_TRUE(again->existing);
  EXPECT_EQ(again->next, kFirstMinute);
  const Error refused = Create({.cron = "0 * * * *"}).error();
  EXPECT_THAT(refused, ErrorIs(absl::StatusCode::kAlreadyExists, "SCHEDULE_EXISTS"));
  EXPECT_THAT(refused.message, HasSubstr("set replace"));
  harness_.Advance(kMinute);
  const auto replaced = Create({.cron = "0 * * * *", .payload = "hourly", .replace = true});
  ASSERT_THAT(replaced.error(), NoError());
  EXPECT_EQ(replaced->next % kHour, 0);
  EXPECT_EQ(State().fired(), 1u) << "its counters go on";
  EXPECT_TRUE(State().last_lives());
  EXPECT_THAT(harness_.Cancel(1), NoError());
  EXPECT_FALSE(State().last_lives());
  harness_.Advance(kHour);
  EXPECT_EQ(tasks(), 2u);
}

TEST_F(SchedulesTest, EndsAfterItsLastFiringOrItsLastInstant) {  // B55, S22
  ASSERT_THAT(Create({.name = "thrice", .overlap = ScheduleRow::ALLOW, .max_firings = 3}).error(), NoError());
  const WallMicros end = kFirstMinute + kMinute;
  ASSERT_THAT(Create({.name = "till", .overlap = ScheduleRow::ALLOW, .end = end}).error(), NoError());
  harness_.Advance(kHour);
  EXPECT_EQ(State("thrice").fired(), 3u);
  EXPECT_EQ(State("thrice").next_us(), 0);
  EXPECT_EQ(State("till").fired(), 2u) << "its last instant counts";
  EXPECT_EQ(State("till").next_us(), 0);
  EXPECT_THAT(Change(Verb::kTrigger, "thrice").error(), NoError());
  EXPECT_THAT(Change(Verb::kPause, "till").error(), NoError());
  EXPECT_EQ(Change(Verb::kUnpause, "till")->next, 0);
}

}  // namespace
}  // namespace baton::engine::testing
