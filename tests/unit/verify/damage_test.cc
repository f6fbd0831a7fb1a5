// Each kind of damage: made on a store of the real engine, found by its name, and mended, or said to be a loss.
#include <algorithm>

#include "tests/unit/verify/scene.h"

namespace baton::engine::testing {
namespace {

using records::v1::CheckpointRow;
using records::v1::Step;
using storage::Family;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

const std::string kJunk = "\xff\xff\xff";

struct Damage {
  const char* name;
  std::function<void(Scene&)> make;
  std::set<std::string> found;
  // Part of a sentence that says where.
  std::string says;
};

std::string NameOfDamage(const ::testing::TestParamInfo<Damage>& info) { return info.param.name; }

Key UniqueKeyOf(const std::string& key) { return UniqueKey(UniqueHash("later", key)); }

const std::vector<Damage>& Records() {
  static const auto* const kDamages = new std::vector<Damage>{
      {"TaskUnreadable", [](Scene& s) { s.Put(Family::kTask, TaskKey(s.pending), kJunk); }, {"unreadable-task"}, ""},
      {"EndUnreadable", [](Scene& s) { s.Put(Family::kEnd, EndKey(s.done), kJunk); }, {"unreadable-end"}, "task 1:"},
      {"StepUnreadable", [](Scene& s) { s.Put(Family::kLog, LogKey(s.retried, 1), kJunk); }, {"unreadable-step"}, ""},
      {"LiveTaskWithoutRecords",
       [](Scene& s) { s.Delete(Family::kTask, TaskKey(s.pending)); },
       {"missing-task"},
       "PENDING, and it has no records"},
      {"EndedTaskWithoutRecords",
       [](Scene& s) {
         s.Delete(Family::kTask, TaskKey(s.done));
         s.Delete(Family::kEnd, EndKey(s.done));
       },
       {"missing-task"},
       "COMPLETED, and it has no records"},
      {"StepsOfNoTask", [](Scene& s) { s.Delete(Family::kTask, TaskKey(s.suspended)); }, {"missing-task"}, ""},
      {"EndOfNoTask", [](Scene& s) { s.Delete(Family::kTask, TaskKey(s.child_done)); }, {"missing-task"}, ""},
      {"EndMissing", [](Scene& s) { s.Delete(Family::kEnd, EndKey(s.done)); }, {"missing-end"}, "COMPLETED"},
      {"StepMissing", [](Scene& s) { s.Delete(Family::kLog, LogKey(s.suspended, 1)); }, {"missing-step"}, "step 1"},
      {"StepMissingThatTheEndRefersTo",
       [](Scene& s) { s.Delete(Family::kLog, LogKey(s.retried_done, 1)); },
       {"missing-step"},
       "refers to step 1"},
      {"EndThatIsNone",
       [](Scene& s) {
         s.Edit<Step>(Family::kEnd, EndKey(s.done), [](Step& step) { step.set_state(LiveState::PENDING); });
       },
       {"impossible-record"},
       ""},
      {"StepThatIsAnEnd",
       [](Scene& s) {
         s.Edit<Step>(Family::kLog, LogKey(s.retried, 1), [](Step& step) { step.set_state(LiveState::FAILED); });
       },
       {"impossible-record"},
       ""},
      // A fuzzer found that nothing came after the last page but the first one, again and again.
      {"RecordOfTheLastTask",
       [](Scene& s) { s.Put(Family::kTask, TaskKey(UINT64_MAX), kJunk); },
       {"unreadable-task"},
       ""},
      {"ChildOfAnotherSpawn",
       [](Scene& s) {
         s.Edit<records::v1::TaskRow>(Family::kTask, TaskKey(s.child_waiting),
                                      [](auto& row) { row.set_generation(7); });
       },
       {"impossible-record", "staged"},
       "which is another's"},
      {"ClassMissing",
       [](Scene& s) { s.Delete(Family::kMeta, ClassMetaKey(s.ClassOf(s.child_waiting))); },
       {"unique-key", "unknown-class"},  // One of them holds a key.
       ""},
      {"OptionsMissing",
       [](Scene& s) { s.Delete(Family::kMeta, OptionsMetaKey(1)); },
       {"attempt", "unknown-options"},
       ""},
      {"ScheduleUnreadable",
       [](Scene& s) {
         s.Put(Family::kMeta, ScheduleMetaKey("nightly"), kJunk);
         s.Put(Family::kMeta, ScheduleStateMetaKey("nightly"), "");
       },
       {"unreadable-schedule"},
       "schedule 'nightly'"},
      {"RequestUnreadable",
       [](Scene& s) { s.Put(Family::kKey, s.FirstKey(Family::kKey, "r"), kJunk); },
       {"unreadable-request"},
       ""},
  };
  return *kDamages;
}

const std::vector<Damage>& Sides() {
  static const auto* const kDamages = new std::vector<Damage>{
      {"ClassUnreadable", [](Scene& s) { s.Put(Family::kMeta, ClassMetaKey(99), kJunk); }, {"unreadable-class"}, "99"},
      {"OptionsUnreadable",
       [](Scene& s) { s.Put(Family::kMeta, OptionsMetaKey(99), kJunk); },
       {"unreadable-options"},
       ""},
      {"TypeUnreadable",
       [](Scene& s) { s.Put(Family::kMeta, TypeMetaKey("work"), kJunk); },
       {"unreadable-type"},
       "work"},
      {"SessionUnreadable",
       [](Scene& s) { s.Put(Family::kMeta, SessionMetaKey(9), kJunk); },
       {"unreadable-session"},
       ""},
      {"SessionMissing",
       [](Scene& s) { s.Delete(Family::kMeta, s.FirstKey(Family::kMeta, "s")); },
       {"session"},
       "which nothing tells"},
      {"JobUnreadable", [](Scene& s) { s.Put(Family::kMeta, JobMetaKey(7), kJunk); }, {"unreadable-job"}, "job 7"},
      {"ScheduleStateUnreadable",
       [](Scene& s) {
         s.Put(Family::kMeta, ScheduleMetaKey("nightly"), "");
         s.Put(Family::kMeta, ScheduleStateMetaKey("nightly"), kJunk);
       },
       {"schedule-state"},
       "how far schedule 'nightly' is is not readable"},
      {"ScheduleStateOfNoSchedule",
       [](Scene& s) { s.Put(Family::kMeta, ScheduleStateMetaKey("nightly"), ""); },
       {"schedule-state"},
       "is told, but not what it is"},
      {"StrayTaskKey", [](Scene& s) { s.Put(Family::kTask, TaskKey(s.done).str() + "x", ""); }, {"stray-key"}, ""},
      // Ids begin at 1. A fuzzer found that a record of task 0 which could not be read survived every repair.
      {"RecordOfTaskZero", [](Scene& s) { s.Put(Family::kTask, TaskKey(0), kJunk); }, {"stray-key"}, "of its family"},
      {"StepOfTaskZero", [](Scene& s) { s.Put(Family::kLog, LogKey(0, 1), kJunk); }, {"stray-key"}, "of its family"},
      {"EndOfTaskZero", [](Scene& s) { s.Put(Family::kEnd, EndKey(0), kJunk); }, {"stray-key"}, "of its family"},
      {"StrayMetaKey", [](Scene& s) { s.Put(Family::kMeta, "x", ""); }, {"stray-key"}, "family meta"},
      {"ClassZero", [](Scene& s) { s.Put(Family::kMeta, ClassMetaKey(0), ""); }, {"stray-key"}, "family meta"},
      {"ClassFarAbove", [](Scene& s) { s.Put(Family::kMeta, ClassMetaKey(~0u), ""); }, {"stray-key"}, "family meta"},
      {"OptionsZero", [](Scene& s) { s.Put(Family::kMeta, OptionsMetaKey(0), ""); }, {"stray-key"}, "family meta"},
      {"OptionsFarAbove",
       [](Scene& s) { s.Put(Family::kMeta, OptionsMetaKey(~0u), ""); },
       {"stray-key"},
       "family meta"},
      {"StrayKeyKey", [](Scene& s) { s.Put(Family::kKey, "x", ""); }, {"stray-key"}, "family key"},
      {"StrayPageKey", [](Scene& s) { s.Put(Family::kPage, "x", ""); }, {"stray-key"}, "family page"},
      {"JournalKeyAboveAll",
       [](Scene& s) { s.Put(Family::kJournal, std::string(40, '\xff'), ""); },
       {"stray-key"},
       "family journal"},
      {"StrayJournalKey", [](Scene& s) { s.Put(Family::kJournal, "x", ""); }, {"stray-key"}, "family journal"},
      {"RepairInterrupted",
       [](Scene& s) {
         s.Edit<records::v1::StoreRow>(Family::kMeta, StoreMetaKey(), [](auto& row) { row.set_repairing(true); });
       },
       {"interrupted-repair"},
       ""},
      {"UniqueKeyUnreadable",
       [](Scene& s) { s.Put(Family::kKey, UniqueKeyOf("key"), kJunk); },
       {"unreadable-unique-key"},
       ""},
      {"UniqueKeyOfAnEndedTask",
       [](Scene& s) {
         s.Edit<records::v1::KeyRow>(Family::kKey, UniqueKeyOf("key"), [&](auto& row) { row.set_task(s.done); });
       },
       {"unique-key"},
       "names task 1, which does not hold it"},
      {"UniqueKeyOfNobody",
       [](Scene& s) { s.Put(Family::kKey, UniqueKeyOf("other"), s.Get(Family::kKey, UniqueKeyOf("key"))); },
       {"unique-key"},
       ""},
      {"UniqueKeyMissing", [](Scene& s) { s.Delete(Family::kKey, UniqueKeyOf("key")); }, {"missing-unique-key"}, ""},
  };
  return *kDamages;
}

// NOLINTNEXTLINE(readability-function-size): a table.
const std::vector<Damage>& LiveTables() {
  static const auto* const kDamages = new std::vector<Damage>{
      {"CheckpointUnreadable",
       [](Scene& s) { s.Put(Family::kMeta, CheckpointMetaKey(), kJunk); },
       {"unreadable-checkpoint"},
       ""},
      {"PageUnreadable", [](Scene& s) { s.Put(Family::kPage, PageKey(0), kJunk); }, {"unreadable-page"}, "page 0"},
      {"OldJournalUnreadable",
       [](Scene& s) { s.Put(Family::kJournal, s.EntryThatCreated(s.running), kJunk); },
       {"unreadable-journal"},
       ""},
      {"NeededJournalUnreadable",
       [](Scene& s) {
         s.ForgetPages();
         s.Put(Family::kJournal, s.EntryThatCreated(s.running), kJunk);
       },
       {"unreadable-journal"},
       ""},
      {"CheckpointAhead",
       [](Scene& s) {
         s.Edit<CheckpointRow>(Family::kMeta, CheckpointMetaKey(), [](auto& row) { row.set_number(1'000'000); });
       },
       {"number-ahead"},
       "1000000"},
      {"PageAhead", [](Scene& s) { s.EditPage([](Page& page) { page.set_folded(1'000'000); }); }, {"number-ahead"}, ""},
      {"JournalAhead",
       [](Scene& s) { s.Put(Family::kJournal, JournalKey(1'000'000), ""); },
       {"number-ahead"},
       "1000000"},
      {"JournalGap",
       [](Scene& s) { s.Delete(Family::kJournal, s.EntryThatCreated(s.pending)); },
       {"journal-gap"},
       "entries between them are missing"},
      {"JournalGapOfWhatCreatedNothing",
       [](Scene& s) { s.Delete(Family::kJournal, s.EntryThatCreatedNothing()); },
       {"journal-gap"},
       "entries between them are missing"},
      {"JournalGapAboveTheCheckpoint",
       [](Scene& s) {
         s.ForgetPages();
         s.Delete(Family::kJournal, s.EntryThatCreated(s.done));
       },
       {"journal-contradiction", "journal-gap"},
       "entries between them are missing"},
      {"JournalContradiction",
       [](Scene& s) {
         s.ForgetPages();
         s.Delete(Family::kJournal, s.EntryThatCreated(s.suspended));
       },
       {"journal-contradiction", "journal-gap"},
       "which is not live"},
      {"PageNotListed",
       [](Scene& s) {
         s.Edit<CheckpointRow>(Family::kMeta, CheckpointMetaKey(), [](auto& row) { row.clear_live_pages(); });
       },
       {"live-pages"},
       "does not list"},
      {"PageMissing", [](Scene& s) { s.Delete(Family::kPage, PageKey(0)); }, {"live-pages", "state"}, "not there"},
      {"Counters",
       [](Scene& s) {
         s.Edit<CheckpointRow>(Family::kMeta, CheckpointMetaKey(),
                               [](auto& row) { row.mutable_counts(0)->set_counts(LiveState::PENDING, 77); });
       },
       {"counters"},
       "77 PENDING tasks"},
      {"NextId",
       [](Scene& s) {
         s.Edit<CheckpointRow>(Family::kMeta, CheckpointMetaKey(), [](auto& row) { row.set_next_id(3); });
       },
       {"next-id"},
       "would get id 3"},
      {"EndedTaskLive",
       [](Scene& s) {
         s.EditPage([&](Page& page) {
           page.Put({.id = s.done, .state = LiveState::PENDING, .class_number = s.ClassOf(s.done)});
         });
       },
       {"counters", "state"},
       "task 1: the live table says PENDING, its records COMPLETED"},
      {"LiveTaskUnknown",
       [](Scene& s) { s.EditPage([&](Page& page) { page.End(SlotOf(s.pending), LiveState::NONE); }); },
       {"counters", "state"},
       ""},
      {"Priority",
       [](Scene& s) { s.EditEntry(s.pending, [](LiveEntry& e) { e.priority = 9; }); },
       {"facts"},
       "priority 9 not 0"},
      {"Due", [](Scene& s) { s.EditEntry(s.pending, [](LiveEntry& e) { e.due += 5; }); }, {"facts"}, "due"},
      {"DueOfARetry", [](Scene& s) { s.EditEntry(s.retried, [](LiveEntry& e) { e.due += 5; }); }, {"facts"}, "due"},
      {"AttemptTooLow",
       [](Scene& s) { s.EditEntry(s.suspended, [](LiveEntry& e) { e.attempt = 0; }); },
       {"attempt"},
       "says attempt 0, its records attempt 1"},
      {"VoidAttemptRuns",
       [](Scene& s) {
         s.EditEntry(s.retried, [](LiveEntry& e) {
           e.state = LiveState::RUNNING;
           e.options_number = 1;
         });
       },
       {"attempt", "counters"},
       "RUNNING in attempt 1"},
      {"RemainingChildren",
       [](Scene& s) { s.EditEntry(s.parent, [](LiveEntry& e) { e.remaining = 5; }); },
       {"children"},
       "counts 5 remaining and 1 failed"},
      {"FailedChildren", [](Scene& s) { s.EditEntry(s.parent, [](LiveEntry& e) { e.failed = 0; }); }, {"children"}, ""},
      {"RemovedTaskWithRecords",
       [](Scene& s) { s.EditPage([&](Page& page) { page.End(SlotOf(s.done), LiveState::REMOVED); }); },
       {"state"},
       "task 1: the live table says REMOVED, its records COMPLETED"},
      {"CountsOfEndedTasks",
       [](Scene& s) { s.EditPage([&](Page& page) { page.CountEnded(s.ClassOf(s.done), LiveState::FAILED); }); },
       {"counters", "ended"},
       "page 0: it counts 5 ended tasks, its records are 4"},
      {"NewestEnd",
       [](Scene& s) {
         s.Edit<records::v1::PageRow>(Family::kPage, PageKey(0), [](auto& row) { row.set_newest_end_us(7); });
       },
       {"ended"},
       "its newest end is said to be at 7"},
      {"ChildrenUnknown",
       [](Scene& s) {
         s.Edit<records::v1::PageRow>(Family::kPage, PageKey(0), [](auto& row) { row.clear_has_children(); });
       },
       {"family"},
       "that it has children"},
      {"ParentsUnknown",
       [](Scene& s) {
         s.Edit<records::v1::PageRow>(Family::kPage, PageKey(0), [](auto& row) { row.clear_has_parents(); });
       },
       {"family"},
       "that it has parents"},
      {"TagOfATask",  // Others in index_damage_test.cc.
       [](Scene& s) {
         s.Edit<records::v1::PageRow>(Family::kPage, PageKey(0), [](auto& row) { row.set_run_tag_hashes(0, 5); });
       },
       {"index"},
       "task 1: page 0 says class 1 and a tag 5, its record class 1 and no tag"},
      {"StagedForNobody",
       [](Scene& s) {
         s.Edit<Step>(Family::kLog, LogKey(s.stager, 1), [](Step& step) { step.mutable_after()->clear_staged(); });
       },
       {"staged"},
       "in an attempt that is over"},
  };
  return *kDamages;
}

class DerivedDamageTest : public ::testing::TestWithParam<Damage> {};

TEST_P(DerivedDamageTest, IsFoundAndMended) {
  Scene scene;
  ASSERT_EQ(scene.Sentences(), "");
  GetParam().make(scene);
  EXPECT_THAT(scene.Found(), ElementsAreArray(GetParam().found)) << scene.Sentences();
  EXPECT_THAT(scene.Sentences(), HasSubstr(GetParam().says));
  ASSERT_TRUE(scene.Repair().ok());
  EXPECT_EQ(scene.Sentences(), "");
  scene.FinishEverything();
}

INSTANTIATE_TEST_SUITE_P(Sides, DerivedDamageTest, ::testing::ValuesIn(Sides()), NameOfDamage);
INSTANTIATE_TEST_SUITE_P(LiveTables, DerivedDamageTest, ::testing::ValuesIn(LiveTables()), NameOfDamage);

class LossTest : public ::testing::TestWithParam<Damage> {};

TEST_P(LossTest, IsFoundAndRefusedAndGivenUpOnlyOnDemand) {
  Scene scene;
  GetParam().make(scene);
  EXPECT_THAT(scene.Found(), ElementsAreArray(GetParam().found)) << scene.Sentences();
  EXPECT_THAT(scene.Sentences(), HasSubstr(GetParam().says));
  const uint64_t number = scene.store().number();
  EXPECT_EQ(scene.Repair().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(scene.store().number(), number) << "a refused repair writes nothing";
  const absl::Status dropped = scene.Repair(/*drop_lost=*/true);
  ASSERT_TRUE(dropped.ok()) << dropped;
  EXPECT_EQ(scene.Sentences(), "");
  scene.FinishEverything();
}

INSTANTIATE_TEST_SUITE_P(Records, LossTest, ::testing::ValuesIn(Records()), NameOfDamage);

TEST(DamageTest, EveryKindIsMadeAndFoundByATest) {
  std::set<std::string> tested;
  std::set<std::string> all;
  for (const auto* damages : {&Records(), &Sides(), &LiveTables()}) {
    for (const Damage& damage : *damages) tested.insert(damage.found.begin(), damage.found.end());
  }
  for (int check = 0; check < kCheckCount; ++check) all.insert(std::string(NameOf(static_cast<Check>(check))));
  EXPECT_EQ(all.size(), static_cast<size_t>(kCheckCount));
  EXPECT_EQ(tested, all);
}

}  // namespace
}  // namespace baton::engine::testing
