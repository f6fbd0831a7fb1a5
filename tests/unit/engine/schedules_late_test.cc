// Schedules that are late, crash, or are too many.
#include "tests/unit/engine/schedules_fixture.h"

namespace baton::engine::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Verb = ChangeScheduleCommand::Verb;

TEST_F(SchedulesTest, AfterTimeWithoutABrokerOneLateFiringStandsForAll) {  // B136
  ASSERT_THAT(Create({}).error(), NoError());
  harness_.Stop();
  harness_.clock().AdvanceBoth(10 * kMinute);
  harness_.Start();
  harness_.Settle();
  EXPECT_EQ(tasks(), 1u);
  EXPECT_EQ(harness_.RowOf(1).scheduled_us(), kFirstMinute);
  EXPECT_EQ(State().next_us(), kFirstMinute + 10 * kMinute);
}

TEST_F(SchedulesTest, OneThatMakesUpForNothingGoesOnAsPlanned) {  // B136
  ASSERT_THAT(Create({.cron = "*/5 * * * *", .catch_up = ScheduleRow::NONE}).error(), NoError());
  harness_.Stop();
  harness_.clock().AdvanceBoth(10 * kMinute);
  harness_.Start();
  harness_.Settle();
  EXPECT_EQ(tasks(), 0u);
  EXPECT_EQ(State().missed(), 1u) << "22:15 and 22:20, at 22:23";
  EXPECT_EQ(State().next_us(), kFirstMinute + 11 * kMinute);
  // A little late is not missed.
  harness_.Stop();
  harness_.clock().AdvanceBoth(2 * kMinute);
  harness_.Start();
  harness_.Settle();
  EXPECT_EQ(tasks(), 1u);
}

TEST_F(SchedulesTest, WhatIsLessThanAMinuteOldIsNotLeftOut) {
  ASSERT_THAT(Create({.catch_up = ScheduleRow::NONE}).error(), NoError());
  harness_.Stop();
  // Three instants have gone by, the newest of them five seconds ago.
  harness_.clock().AdvanceBoth(40 * kSecond + 2 * kMinute + 5 * kSecond);
  harness_.Start();
  harness_.Settle();
  EXPECT_EQ(tasks(), 1u);
  EXPECT_EQ(harness_.RowOf(1).scheduled_us(), kFirstMinute + 2 * kMinute);
  EXPECT_EQ(State().missed(), 1u);
}

TEST_F(SchedulesTest, OneThatIsDueFiresBeforeItIsReplaced) {
  ASSERT_THAT(Create({}).error(), NoError());
  harness_.clock().AdvanceBoth(40 * kSecond);
  ASSERT_THAT(Create({.cron = "0 * * * *", .replace = true}).error(), NoError());
  EXPECT_EQ(tasks(), 1u);
  EXPECT_EQ(harness_.RowOf(1).scheduled_us(), kFirstMinute);
  EXPECT_EQ(State().fired(), 1u);
}

TEST_F(SchedulesTest, AnEndThatIsOverIsRefusedUnlessTheScheduleIsThere) {
  const WallMicros end = harness_.now() + kMinute;
  ASSERT_THAT(Create({.end = end}).error(), NoError());
  harness_.Advance(kHour);
  EXPECT_TRUE(Create({.end = end})->existing) << "every process may say it when it starts";
  EXPECT_THAT(Create({.cron = "@daily", .end = end, .replace = true}).error(),
              ErrorIs(absl::StatusCode::kInvalidArgument, "OUT_OF_RANGE"));
}

TEST_F(SchedulesTest, LargeOnesFireNoFasterThanTheyAreWritten) {
  const std::string payload(1 << 20, 'x');
  for (int i = 0; i < 20; ++i) {
    ASSERT_THAT(Create({.name = absl::StrCat("s", i), .payload = payload}).error(), NoError());
  }
  harness_.clock().AdvanceBoth(kMinute);
  harness_.Round(/*commit=*/false);
  EXPECT_LE(tasks(), kWorkBounds.open_batch_bytes / payload.size());
  harness_.Settle();
  EXPECT_EQ(tasks(), 20u);
}

TEST_F(SchedulesTest, OneThatMakesUpForAllDoesSoUpToItsLimit) {  // B136
  ASSERT_THAT(
      Create({.overlap = ScheduleRow::ALLOW, .catch_up = ScheduleRow::ALL, .catch_up_limit = 4}).error(), NoError());
  harness_.Stop();
  harness_.clock().AdvanceBoth(3 * kMinute);
  harness_.Start();
  harness_.Settle();
  EXPECT_EQ(tasks(), 3u) << "every one of three";
  harness_.Stop();
  harness_.clock().AdvanceBoth(kHour);
  harness_.Start();
  harness_.Settle();
  EXPECT_EQ(tasks(), 7u) << "the four oldest";
  EXPECT_EQ(harness_.RowOf(7).scheduled_us(), kFirstMinute + 6 * kMinute);
  EXPECT_GT(State().next_us(), harness_.now());
}

TEST_F(SchedulesTest, WhatWasCommittedHasFiredAndWhatWasNotFiresAgainWithTheSameId) {
  ASSERT_THAT(Create({}).error(), NoError());
  harness_.clock().AdvanceBoth(kMinute);
  harness_.Round(/*commit=*/false);
  EXPECT_EQ(tasks(), 1u);
  harness_.Crash();
  harness_.Settle();
  EXPECT_EQ(tasks(), 1u);
  EXPECT_EQ(State().fired(), 1u);
  harness_.Crash();
  harness_.Settle();
  EXPECT_EQ(tasks(), 1u);
}

TEST_F(SchedulesTest, ClockThatIsSetBackFiresNothingTwice) {
  ASSERT_THAT(Create({.overlap = ScheduleRow::ALLOW}).error(), NoError());
  harness_.Advance(2 * kMinute);
  EXPECT_EQ(tasks(), 2u);
  harness_.clock().AdvanceWall(-kHour);
  harness_.Advance(30 * kMinute);
  EXPECT_EQ(tasks(), 2u);
  harness_.clock().AdvanceWall(5 * kHour);
  harness_.Settle();
  EXPECT_EQ(tasks(), 3u) << "set forward: one late firing";
}

TEST_F(SchedulesTest, FollowsTheClocksOfItsZone) {  // B133, S20
  // 14 November 2023 in New York: 17:13:20.
  const auto created = Create({.cron = "0 18 * * *", .zone = "America/New_York"});
  ASSERT_THAT(created.error(), NoError());
  EXPECT_EQ(created->next, 1'700'002'800 * kSecond);
}

TEST_F(SchedulesTest, ManyThatAreDueAtOnceAllFireRoundByRound) {
  constexpr size_t kMany = kWorkBounds.round_timers * 2 + 10;
  for (size_t i = 0; i < kMany; ++i) ASSERT_THAT(Create({.name = absl::StrCat("schedule-", i)}).error(), NoError());
  harness_.clock().AdvanceBoth(kMinute);
  harness_.Round();
  EXPECT_EQ(tasks(), kWorkBounds.round_timers);
  harness_.Settle();
  EXPECT_EQ(tasks(), kMany);
}

TEST_F(SchedulesTest, TasksOfAScheduleSurviveTheirWorkerAndEndItsFiringOnce) {
  ASSERT_THAT(Create({}).error(), NoError());
  TestWorker& worker = harness_.Connect();
  harness_.Advance(kMinute);
  ASSERT_TRUE(worker.Runs(1));
  harness_.Crash();
  EXPECT_TRUE(State().last_lives());
  EXPECT_THAT(worker.Hello(), NoError());
  EXPECT_THAT(worker.Succeed(1), NoError());
  EXPECT_FALSE(State().last_lives());
}

TEST(ScheduleLimitsTest, TooManyOrTooLargeOnesAreRefused) {
  EngineSettings settings;
  settings.max_schedules = 2;
  settings.schedule_bytes = 3000;
  EngineHarness harness(settings);
  const auto create = [&](const std::string& name, size_t bytes, bool replace = false) {
    auto command = std::make_unique<Tracked<CreateScheduleCommand>>();
    command->schedule = std::make_unique<Schedule>();
    command->schedule->name = name;
    command->schedule->row.set_cron("@daily");
    command->schedule->row.set_time_zone("UTC");
    command->schedule->row.set_type("work");
    command->schedule->row.set_task_row(MakeTask({.payload = std::string(bytes, 'x')}, harness.store()).row);
    command->schedule->row.set_definition_hash(absl::StrCat(name, bytes));
    EXPECT_TRUE(Prepare(command->schedule.get()).ok());
    command->replace = replace;
    return harness.Call(std::move(command)).error();
  };
  EXPECT_THAT(create("a", 1000), NoError());
  EXPECT_THAT(create("b", 2000), ErrorIs(absl::StatusCode::kResourceExhausted, "TOO_MANY_SCHEDULES"));
  EXPECT_THAT(create("b", 500), NoError());
  const Error third = create("c", 0);
  EXPECT_THAT(third, ErrorIs(absl::StatusCode::kResourceExhausted, "TOO_MANY_SCHEDULES"));
  EXPECT_THAT(third.message, HasSubstr("limits.schedules"));
  EXPECT_THAT(create("b", 700, /*replace=*/true), NoError()) << "it takes the place of one";
}

TEST(ScheduleRecoveryTest, OneWhoseZoneOrStateIsGoneIsHeldBackAndTheOthersGoOn) {
  EngineHarness harness;
  harness.Stop();
  ScheduleRow row;
  row.set_cron("* * * * *");
  row.set_type("work");
  const auto store = harness.stopped_store().TakeSnapshot();
  row.set_task_row(MakeTask({.tag = "nightly", .options = {.priority = 7}}, *store).row);
  storage::WriteBatch batch;
  ScheduleStateRow state;
  state.set_next_us(kStart);
  for (const std::string name : {"here", "lost", "odd"}) {
    row.set_number(row.number() + 1);
    row.set_time_zone(name == "lost" ? "Mars/Olympus" : "UTC");
    batch.Put(storage::Family::kMeta, ScheduleMetaKey(name), row.SerializeAsString());
    if (name == "odd") continue;
    batch.Put(storage::Family::kMeta, ScheduleStateMetaKey(name), state.SerializeAsString());
  }
  std::string error;
  ASSERT_EQ(harness.stopped_store().Commit(batch, harness.stopped_store().number() + 1, &error),
            storage::CommitResult::kDone);
  harness.Start();
  harness.Settle();
  EXPECT_EQ(harness.next_id(), 2u) << "one has fired";
  const std::vector<std::string> all = harness.engine().SchedulesForTest();
  EXPECT_THAT(all, ElementsAre(HasSubstr("here: "), HasSubstr("is not a time zone that this machine knows"),
                               HasSubstr("how far it was is lost")));
  // It may be triggered all the same, and creates what it should.
  auto trigger = std::make_unique<Tracked<ChangeScheduleCommand>>();
  trigger->verb = Verb::kTrigger;
  trigger->name = "lost";
  const TaskId id = harness.Call(std::move(trigger))->task;
  EXPECT_EQ(harness.RowOf(id).priority(), 7);
  EXPECT_EQ(harness.EntryOf(id).priority, 7);
  auto unpause = std::make_unique<Tracked<ChangeScheduleCommand>>();
  unpause->verb = Verb::kUnpause;
  unpause->name = "lost";
  EXPECT_THAT(harness.Call(std::move(unpause)).error(),
              ErrorIs(absl::StatusCode::kFailedPrecondition, "BAD_SCHEDULE"));
}

}  // namespace
}  // namespace baton::engine::testing
