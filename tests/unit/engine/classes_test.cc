// How many types there may be, each with the capabilities that it asks for: what is known goes on, what is new is
// refused.
#include <memory>
#include <string>
#include <vector>

#include "tests/unit/engine/schedules_fixture.h"

namespace baton::engine::testing {
namespace {

using ::testing::HasSubstr;

MATCHER(HasTooManyTypes, "is refused because there are too many types") {
  return ::testing::ExplainMatchResult(ErrorIs(absl::StatusCode::kInvalidArgument, "TOO_MANY_TYPES"), arg,
                                       result_listener);
}

// One more class is taken; "work" is known.
class ClassesTest : public SchedulesTest {
 protected:
  ClassesTest() {
    // With so many classes it takes long.
    harness_.check_every_commit = false;
    known_ = harness_.Submit();
    harness_.Stop();
    // Classes may be missing, but their numbers are used up.
    records::v1::ClassRow row;
    row.set_type("the last but one");
    storage::WriteBatch batch;
    batch.Put(storage::Family::kMeta, ClassMetaKey(static_cast<uint32_t>(kMaxClasses) - 1), row.SerializeAsString());
    storage::Store& store = harness_.stopped_store();
    std::string error;
    EXPECT_EQ(store.Commit(batch, store.number() + 1, &error), storage::CommitResult::kDone) << error;
    harness_.Start();
  }
  void TakeTheLastClass() {
    EXPECT_THAT(harness_.SubmitCall({TaskSpec{.type = "last"}})->results.at(0).error, NoError());
  }

  // The same type may be known with other capabilities.
  const Options capable_ = {.required_capabilities = Capabilities{"GPU"}};
  TaskId known_ = 0;
};

TEST_F(ClassesTest, SubmitRefusesEachTaskOfANewOneAndTakesTheOthers) {
  TakeTheLastClass();
  const std::vector<TaskSpec> specs = {{}, {.type = "new"}, {.options = capable_}, {.type = "last"}};
  for (const bool restarted : {false, true}) {
    if (restarted) harness_.Crash();
    const TaskId next = harness_.next_id();
    const auto reply = harness_.SubmitCall(specs);
    EXPECT_THAT(reply->error, NoError());
    ASSERT_EQ(reply->results.size(), 4u);
    EXPECT_THAT(reply->results[0].error, NoError());
    EXPECT_EQ(reply->results[0].id, next);
    EXPECT_THAT(reply->results[1].error, HasTooManyTypes());
    EXPECT_THAT(reply->results[1].error.message, HasSubstr("type 'new'"));
    EXPECT_THAT(reply->results[2].error, HasTooManyTypes());
    EXPECT_THAT(reply->results[3].error, NoError());
    EXPECT_EQ(reply->results[3].id, next + 1);
    EXPECT_EQ(harness_.next_id(), next + 2);
  }
}

TEST_F(ClassesTest, ARepeatOfARefusedTaskWithAUniqueKeyTellsTheSame) {
  TakeTheLastClass();
  const std::vector<TaskSpec> specs = {{.type = "new", .unique_key = "key"}};
  EXPECT_THAT(harness_.SubmitCall(specs, "request")->results.at(0).error, HasTooManyTypes());
  EXPECT_THAT(harness_.SubmitCall(specs, "request")->results.at(0).error, HasTooManyTypes());
}

TEST_F(ClassesTest, PartOfChildrenIsRefusedAsAWhole) {
  TestWorker& worker = harness_.Connect();
  ASSERT_TRUE(worker.Runs(known_));
  const TaskId next = harness_.next_id();
  const auto refused = worker.SpawnPart(known_, 1, {{}, {.type = "last"}, {.type = "new"}});
  EXPECT_THAT(refused->error, HasTooManyTypes());
  EXPECT_EQ(refused->staged, 0u);
  EXPECT_EQ(harness_.next_id(), next);
  const auto taken = worker.SpawnPart(known_, 1, {{}, {.type = "last"}});
  EXPECT_THAT(taken->error, NoError());
  EXPECT_EQ(taken->staged, 2u);
  EXPECT_THAT(worker.Succeed(known_), NoError());
}

TEST_F(ClassesTest, OutcomeWithChildrenIsRefusedAsAWholeAndItsAttemptGoesOn) {
  TakeTheLastClass();
  TestWorker& worker = harness_.Connect();
  ASSERT_TRUE(worker.Runs(known_));
  const TaskId next = harness_.next_id();
  Outcome spawned = worker.MakeOutcome(known_, Outcome::Kind::kSpawned);
  for (const char* type : {"work", "last", "new"}) {
    spawned.children.push_back(MakeTask({.type = type}, harness_.store()));
  }
  EXPECT_THAT(worker.Send(spawned), HasTooManyTypes());
  EXPECT_EQ(harness_.next_id(), next);
  EXPECT_EQ(harness_.StateOf(known_), LiveState::RUNNING);
  spawned.children.pop_back();
  EXPECT_THAT(worker.Send(spawned), NoError());
  EXPECT_EQ(harness_.StateOf(known_), LiveState::WAITING);
  EXPECT_EQ(harness_.EntryOf(known_).remaining, 2u);
}

TEST_F(ClassesTest, ScheduleOfANewOneIsRefused) {
  TakeTheLastClass();
  EXPECT_THAT(Create({.name = "new", .options = capable_}).error(), HasTooManyTypes());
  std::string row;
  EXPECT_TRUE(absl::IsNotFound(harness_.store().Get(storage::Family::kMeta, ScheduleMetaKey("new"), &row)));
  EXPECT_THAT(Create({.name = "known"}).error(), NoError());
  EXPECT_THAT(Change(Verb::kTrigger, "known").error(), NoError());
}

TEST_F(ClassesTest, ScheduleWhoseTypeHasBecomeANewOneMissesItsFirings) {
  ASSERT_THAT(Create({.overlap = ScheduleRow::ALLOW}).error(), NoError());
  TakeTheLastClass();
  harness_.Connect({.handler_options = capable_});
  const TaskId next = harness_.next_id();
  EXPECT_THAT(Change(Verb::kTrigger).error(), HasTooManyTypes());
  harness_.Pause(kFirstMinute - kStart);
  harness_.Settle();
  EXPECT_EQ(State().missed(), 1u);
  EXPECT_EQ(State().fired(), 0u);
  EXPECT_GT(State().next_us(), kFirstMinute);
  EXPECT_EQ(harness_.next_id(), next);
}

}  // namespace
}  // namespace baton::engine::testing
