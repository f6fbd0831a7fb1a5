// The checks of the kill loop are shown runs that are not as they must be: each has to be noticed.
#include "tests/process/kill_loop/check.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace baton::kill_loop {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr int64_t kCreated = 1'000'000;

void AddEvent(v1::EventType type, int attempt, v1::TaskState to, History* history) {
  const v1::TaskState from = history->events.empty() ? v1::TASK_STATE_UNSPECIFIED : history->events.back().to_state();
  v1::Event& event = history->events.emplace_back();
  event.set_number(history->events.size());
  event.set_type(type);
  event.set_attempt(attempt);
  event.set_from_state(from);
  event.set_to_state(to);
}

// An attempt of worker `w` with the events that it leaves.
void AddAttempt(v1::AttemptOutcome outcome, v1::EventType end, int stage, v1::TaskState to, History* history) {
  v1::Attempt& attempt = history->attempts.emplace_back();
  const int number = static_cast<int>(history->attempts.size());
  attempt.set_number(number);
  attempt.set_stage(stage);
  attempt.set_worker_id("w");
  attempt.set_outcome(outcome);
  attempt.mutable_claimed_at()->set_seconds(1 + number);
  attempt.mutable_options()->set_max_retries(3);
  AddEvent(v1::EVENT_TYPE_CLAIMED, number, v1::TASK_STATE_RUNNING, history);
  AddEvent(end, number, to, history);
  history->task.set_attempt(number);
  history->task.set_state(to);
}

History NewHistory(const std::string& type, const Plan& plan) {
  History history;
  history.task.set_id(7);
  history.task.set_root_id(7);
  history.task.set_type(type);
  history.task.set_created_at_us(kCreated);
  history.task.mutable_payload()->set_json(ToJson(plan));
  AddEvent(v1::EVENT_TYPE_CREATED, 0, v1::TASK_STATE_PENDING, &history);
  return history;
}

// Interrupted, then completed.
History GoodHistory() {
  History history = NewHistory(kWorkType, {.name = "r0-1/0"});
  AddAttempt(v1::ATTEMPT_OUTCOME_INTERRUPTED, v1::EVENT_TYPE_INTERRUPTED, 0, v1::TASK_STATE_PENDING, &history);
  AddAttempt(v1::ATTEMPT_OUTCOME_SUCCEEDED, v1::EVENT_TYPE_COMPLETED, 0, v1::TASK_STATE_COMPLETED, &history);
  history.task.mutable_result()->set_json(R"({"task": 7, "attempt": 2})");
  return history;
}

TaskPromises GoodPromises() {
  TaskPromises promises;
  promises.deliveries = {{1, "w", "i1"}, {2, "w", "i2"}};
  promises.outcomes = {{1, "SUCCEEDED", "ATTEMPT_OVER"}, {2, "SUCCEEDED", "OK"}};
  return promises;
}

Findings Check(const History& history, const TaskPromises& promises) {
  Findings findings;
  CheckTask(history, promises, &findings);
  return findings;
}

TEST(CheckTaskTest, AGoodTaskHasNoFindings) { EXPECT_THAT(Check(GoodHistory(), GoodPromises()), IsEmpty()); }

TEST(CheckTaskTest, ATaskThatHasNotEnded) {
  History history = GoodHistory();
  history.task.set_state(v1::TASK_STATE_RUNNING);
  EXPECT_THAT(Check(history, GoodPromises()), Contains(HasSubstr("has not ended: TASK_STATE_RUNNING")));
}

TEST(CheckTaskTest, ASecondEnd) {
  History history = GoodHistory();
  AddEvent(v1::EVENT_TYPE_COMPLETED, 2, v1::TASK_STATE_COMPLETED, &history);
  EXPECT_THAT(Check(history, GoodPromises()), Contains(HasSubstr("has event 6 after its end")));
}

TEST(CheckTaskTest, AnAcknowledgedOutcomeThatIsGone) {
  TaskPromises promises = GoodPromises();
  promises.outcomes.push_back({1, "FAILED", "OK"});
  EXPECT_THAT(Check(GoodHistory(), promises),
              Contains(HasSubstr("attempt 1 is INTERRUPTED, but FAILED was acknowledged")));
}

TEST(CheckTaskTest, AnAcknowledgedOutcomeOfAnAttemptThatIsGone) {
  TaskPromises promises = GoodPromises();
  promises.outcomes.push_back({3, "SUCCEEDED", "OK"});
  EXPECT_THAT(Check(GoodHistory(), promises), Contains(HasSubstr("attempt 3 is unknown, but SUCCEEDED")));
}

TEST(CheckTaskTest, ARefusedOutcomeThatStands) {
  TaskPromises promises = GoodPromises();
  promises.outcomes.push_back({2, "SUCCEEDED", "ATTEMPT_OVER"});
  EXPECT_THAT(Check(GoodHistory(), promises), Contains(HasSubstr("is SUCCEEDED, but that outcome was refused")));
}

TEST(CheckTaskTest, AForgeryThatIsTaken) {
  TaskPromises promises = GoodPromises();
  promises.outcomes.push_back({1, "SUCCEEDED", "OK", /*is_forgery=*/true});
  EXPECT_THAT(Check(GoodHistory(), promises), Contains(HasSubstr("was acknowledged of an attempt that was over")));
  History history = GoodHistory();
  history.task.mutable_result()->set_json("\"forged\"");
  EXPECT_THAT(Check(history, GoodPromises()), Contains(HasSubstr("a result that its last attempt did not give")));
}

TEST(CheckTaskTest, AResultOfAnotherTask) {
  History history = GoodHistory();
  history.task.mutable_result()->set_json(R"({"task": 8, "attempt": 2})");
  EXPECT_THAT(Check(history, GoodPromises()), Contains(HasSubstr("has the result of another task")));
}

// Failed for good in attempt 1, with this text.
History Failed(const std::string& type, const std::string& error) {
  History history = NewHistory(type, {.name = "r0-1/0", .for_good = true});
  AddAttempt(v1::ATTEMPT_OUTCOME_FAILED, v1::EVENT_TYPE_FAILED, 0, v1::TASK_STATE_PERMANENTLY_FAILED, &history);
  history.attempts[0].set_error(error);
  history.task.set_last_error(error);
  return history;
}

TEST(CheckTaskTest, AnErrorOfAnotherTaskOrAttempt) {
  EXPECT_THAT(Check(Failed(kWorkType, "task 7, attempt 1: no"), {}), IsEmpty());
  const auto is_found = Contains(HasSubstr("attempt 1 has an error that is not its own"));
  EXPECT_THAT(Check(Failed(kWorkType, "task 8, attempt 1: no"), {}), is_found);
  EXPECT_THAT(Check(Failed(kWorkType, "task 7, attempt 2: no"), {}), is_found);
  EXPECT_THAT(Check(Failed(kWorkType, ""), {}), is_found);
}

TEST(CheckTaskTest, ATimeoutOfATaskThatHasNone) {
  const std::string late = "timed out: attempt 1 took longer than 150ms";
  EXPECT_THAT(Check(Failed(kSlowType, late), {}), IsEmpty());
  EXPECT_THAT(Check(Failed(kWorkType, late), {}), Contains(HasSubstr("an error that is not its own: timed out")));
}

TEST(CheckTaskTest, ALastErrorThatIsNotThatOfTheLastAttempt) {
  History history = Failed(kWorkType, "task 7, attempt 1: no");
  history.task.set_last_error("task 8, attempt 1: no");
  EXPECT_THAT(Check(history, {}), Contains(HasSubstr("has the last error 'task 8, attempt 1: no'")));
}

// Reports of attempt 1.
History Reporting(const std::string& text) {
  History history = NewHistory(kWorkType, {.name = "r0-1/0", .for_good = true});
  AddEvent(v1::EVENT_TYPE_CHECKPOINT, 1, v1::TASK_STATE_RUNNING, &history);
  history.events.back().mutable_checkpoint()->set_code("began");
  history.events.back().mutable_checkpoint()->set_message(text);
  AddEvent(v1::EVENT_TYPE_PROGRESS, 1, v1::TASK_STATE_RUNNING, &history);
  history.events.back().mutable_progress()->set_stage_name("ran");
  history.events.back().mutable_progress()->set_text(text);
  AddAttempt(v1::ATTEMPT_OUTCOME_FAILED, v1::EVENT_TYPE_FAILED, 0, v1::TASK_STATE_PERMANENTLY_FAILED, &history);
  history.attempts[0].set_error("task 7, attempt 1: no");
  history.task.set_last_error("task 7, attempt 1: no");
  return history;
}

TEST(CheckTaskTest, AnAcknowledgedReportThatIsGone) {
  const History history = Reporting("task 7, attempt 1");
  TaskPromises promises;
  promises.reports = {{1, /*is_progress=*/false, "began"}, {1, /*is_progress=*/true, "ran"}};
  EXPECT_THAT(Check(history, promises), IsEmpty());
  promises.reports = {{1, /*is_progress=*/false, "ran"}, {1, /*is_progress=*/true, "began"}, {2, false, "began"}};
  EXPECT_THAT(Check(history, promises),
              UnorderedElementsAre(HasSubstr("the checkpoint ran of attempt 1 was acknowledged, but"),
                                   HasSubstr("the progress began of attempt 1 was acknowledged, but"),
                                   HasSubstr("the checkpoint began of attempt 2 was acknowledged, but")));
}

TEST(CheckTaskTest, AReportOfAnotherTask) {
  EXPECT_THAT(Check(Reporting("task 8, attempt 1"), {}),
              UnorderedElementsAre(HasSubstr("attempt 1 has a checkpoint that is not its own: task 8"),
                                   HasSubstr("attempt 1 has a progress that is not its own: task 8")));
}

TEST(CheckTaskTest, StagedChildrenThatAreGone) {
  History history = NewHistory(kParentType, {.name = "r0-1/0", .waits = 1, .children = 2});
  AddAttempt(v1::ATTEMPT_OUTCOME_SPAWNED, v1::EVENT_TYPE_SPAWNED, 0, v1::TASK_STATE_SUSPENDED, &history);
  history.events.back().set_children(2);
  AddEvent(v1::EVENT_TYPE_CANCELLED, 0, v1::TASK_STATE_CANCELLED, &history);
  history.task.set_state(v1::TASK_STATE_CANCELLED);
  TaskPromises promises;
  promises.staged = {{1, 2}};
  EXPECT_THAT(Check(history, promises), IsEmpty());
  promises.staged = {{1, 3}};
  EXPECT_THAT(Check(history, promises), Contains(HasSubstr("attempt 1 spawned 2 children, but 3 were staged")));
}

TEST(CheckTaskTest, AnAttemptThatTwoWorkersHad) {
  TaskPromises promises = GoodPromises();
  promises.deliveries.push_back({2, "other", "i3"});
  EXPECT_THAT(Check(GoodHistory(), promises), Contains(HasSubstr("attempt 2 was delivered twice")));
}

TEST(CheckTaskTest, AnAttemptThatIsMissing) {
  History history = GoodHistory();
  history.attempts.erase(history.attempts.begin());
  EXPECT_THAT(Check(history, GoodPromises()), Contains(HasSubstr("attempt 1 was delivered, but the history lacks it")));
}

TEST(CheckTaskTest, AnAttemptThatWasTakenFromALivingWorker) {
  History history = GoodHistory();
  history.attempts[0].set_worker_id(kSteadyWorker);
  TaskPromises promises = GoodPromises();
  promises.deliveries[0].worker = kSteadyWorker;
  EXPECT_THAT(Check(history, promises), Contains(HasSubstr("was taken from a worker that lived")));
}

TEST(CheckTaskTest, AStateThatDoesNotFollow) {
  History history = GoodHistory();
  history.attempts[1].set_outcome(v1::ATTEMPT_OUTCOME_FAILED);
  EXPECT_THAT(Check(history, {}), Contains(HasSubstr("but its attempts make it TASK_STATE_CANCELLED")));
}

TEST(CheckTaskTest, ACancellationThatWasAcknowledgedAndForgotten) {
  TaskPromises promises = GoodPromises();
  promises.cancelled = true;
  EXPECT_THAT(Check(GoodHistory(), promises), Contains(HasSubstr("its cancellation was acknowledged")));
}

TEST(CheckTaskTest, ARetryThatWasAcknowledged) {
  History history = Failed(kWorkType, "task 7, attempt 1: no");
  TaskPromises promises;
  promises.retried = promises.kept = true;
  EXPECT_THAT(Check(history, promises), Contains(HasSubstr("was not tried again, but that was acknowledged")));
  AddEvent(v1::EVENT_TYPE_RETRIED, 0, v1::TASK_STATE_PENDING, &history);
  AddEvent(v1::EVENT_TYPE_CANCELLED, 0, v1::TASK_STATE_CANCELLED, &history);
  history.task.set_state(v1::TASK_STATE_CANCELLED);
  EXPECT_THAT(Check(history, promises), IsEmpty());
  history.events[3].set_to_state(v1::TASK_STATE_PERMANENTLY_FAILED);
  EXPECT_THAT(Check(history, promises), Contains(HasSubstr("has event 5 after its end")));
}

TEST(CheckTaskTest, ARetryBeforeTheEnd) {
  History history = NewHistory(kWorkType, {.name = "r0-1/0"});
  AddEvent(v1::EVENT_TYPE_RETRIED, 0, v1::TASK_STATE_PENDING, &history);
  EXPECT_THAT(Check(history, {}), Contains(HasSubstr("has event 2, a retry, before its end")));
}

TEST(CheckTaskTest, AnAttemptAfterTheEndWithoutARetry) {
  History history = Failed(kWorkType, "task 7, attempt 1: no");
  AddAttempt(v1::ATTEMPT_OUTCOME_CANCELLED, v1::EVENT_TYPE_CANCELLED, 0, v1::TASK_STATE_CANCELLED, &history);
  EXPECT_THAT(Check(history, {}), Contains(HasSubstr("went on after it had ended, with attempt 2")));
}

TEST(CheckTaskTest, ARetryOfACompletedTask) {
  History history = GoodHistory();
  AddEvent(v1::EVENT_TYPE_RETRIED, 0, v1::TASK_STATE_PENDING, &history);
  EXPECT_THAT(Check(history, GoodPromises()), Contains(HasSubstr("was tried again after attempt 2")));
}

History Approval(const std::string& decisions) {
  History history = NewHistory(kApprovalType, {.name = "r0-1/0", .waits = 1});
  AddAttempt(v1::ATTEMPT_OUTCOME_SUSPENDED, v1::EVENT_TYPE_SUSPENDED, 0, v1::TASK_STATE_SUSPENDED, &history);
  AddEvent(v1::EVENT_TYPE_RESUMED, 0, v1::TASK_STATE_PENDING, &history);
  AddAttempt(v1::ATTEMPT_OUTCOME_SUCCEEDED, v1::EVENT_TYPE_COMPLETED, 1, v1::TASK_STATE_COMPLETED, &history);
  history.task.mutable_result()->set_json(absl::StrCat(R"({"task": 7, "attempt": 2, "decisions": )", decisions, "}"));
  return history;
}

TEST(CheckTaskTest, ADecisionThatWasNotHeard) {
  TaskPromises promises;
  promises.decisions = {"d1"};
  EXPECT_THAT(Check(Approval(R"(["d1"])"), promises), IsEmpty());
  EXPECT_THAT(Check(Approval(R"(["d2"])"), promises), Contains(HasSubstr("did not hear the decision d1")));
  promises.decisions = {"d1", "d2"};
  EXPECT_THAT(Check(Approval(R"(["d1"])"), promises), Contains(HasSubstr("was resumed 1 times, but 2 were")));
}

// A parent with two children, and what was acknowledged of it.
class CheckRunTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Summary parent{.id = 1, .type = kParentType, .state = v1::TASK_STATE_COMPLETED, .root = 1, .ended_us = 100};
    parent.plan = {.name = "r0-1/0", .waits = 1, .children = 2};
    parent.attempts = {{1, 0, v1::ATTEMPT_OUTCOME_SPAWNED, 10}, {2, 1, v1::ATTEMPT_OUTCOME_SUCCEEDED, 50}};
    tasks_ = {parent};
    for (int i = 0; i < 2; ++i) {
      Summary child{.id = 2 + static_cast<uint64_t>(i),
                    .type = kWorkType,
                    .state = v1::TASK_STATE_COMPLETED,
                    .parent = 1,
                    .root = 1,
                    .ended_us = 40};
      child.plan = {.parent_attempt = 1, .index = i};
      child.plan.name = ChildName(parent.plan.name, child.plan);
      tasks_.push_back(child);
    }
    Promise({{"submitted", "r0-1", "0", "1", "-", "new"}});
  }

  void Promise(const std::vector<LedgerLine>& lines) {
    Findings findings;
    promises_.Add(lines, &findings);
    ASSERT_THAT(findings, IsEmpty());
  }

  Findings Run() {
    Findings findings;
    CheckRun(tasks_, promises_, &findings);
    return findings;
  }

  std::vector<Summary> tasks_;
  Promises promises_;
};

TEST_F(CheckRunTest, AGoodRunHasNoFindings) { EXPECT_THAT(Run(), IsEmpty()); }

TEST_F(CheckRunTest, AnAcknowledgedTaskThatIsGone) {
  Promise({{"submitted", "r0-2", "0", "9", "-", "new"}});
  EXPECT_THAT(Run(), Contains(HasSubstr("acknowledged as task 9, which is not there")));
}

TEST_F(CheckRunTest, ADeletedTask) {
  Promise({{"submitted", "r0-2", "0", "9", "-", "new"}, {"deleted", "9"}});
  EXPECT_THAT(Run(), IsEmpty());
  tasks_.push_back(Summary{.id = 9, .root = 9, .plan = {.name = "r0-2/0"}});
  EXPECT_THAT(Run(), Contains(HasSubstr("task 9 is there, but its deletion was acknowledged")));
}

TEST_F(CheckRunTest, ASubmissionThatMadeTwoTasks) {
  tasks_.push_back(tasks_[0]);
  tasks_.back().id = tasks_.back().root = 9;
  EXPECT_THAT(Run(), Contains(HasSubstr("r0-1/0 was made twice: tasks 1 and 9")));
}

TEST_F(CheckRunTest, ATaskThatNobodySubmitted) {
  tasks_.push_back(Summary{.id = 9, .root = 9, .plan = {.name = "r7-7/7"}});
  EXPECT_THAT(Run(), Contains(HasSubstr("is r7-7/7, which was never acknowledged")));
}

TEST_F(CheckRunTest, AChildThatIsMissing) {
  tasks_.pop_back();
  EXPECT_THAT(Run(), Contains(HasSubstr("spawned 2 children, but 1 are there")));
}

TEST_F(CheckRunTest, AChildOfAnAttemptThatDidNotSpawn) {
  tasks_.push_back(tasks_[1]);
  tasks_.back().id = 9;
  tasks_.back().plan.parent_attempt = 2;
  tasks_.back().plan.name = ChildName("r0-1/0", tasks_.back().plan);
  EXPECT_THAT(Run(), Contains(HasSubstr("task 9 comes from attempt 2 of task 1, which spawned nothing")));
}

TEST_F(CheckRunTest, AParentThatWentOnTooSoon) {
  tasks_[2].ended_us = 60;
  EXPECT_THAT(Run(), Contains(HasSubstr("went on before its child 3 had ended")));
}

TEST_F(CheckRunTest, ACancellationThatNobodyWanted) {
  tasks_[2].state = v1::TASK_STATE_CANCELLED;
  EXPECT_THAT(Run(), Contains(HasSubstr("was cancelled, but nobody wanted that")));
  Promise({{"cancelled", "3"}});
  EXPECT_THAT(Run(), IsEmpty());
}

TEST_F(CheckRunTest, AKeyThatTwoTasksHeldAtOnce) {
  for (uint64_t id : {11, 12}) {
    Summary task{.id = id, .type = kWorkType, .state = v1::TASK_STATE_COMPLETED, .root = id, .unique_key = "k"};
    task.created_us = static_cast<int64_t>(id);
    task.ended_us = 12;
    task.plan.name = absl::StrCat("r1-", id, "/0");
    Promise({{"submitted", absl::StrCat("r1-", id), "0", absl::StrCat(id), "k", "new"}});
    tasks_.push_back(task);
  }
  EXPECT_THAT(Run(), IsEmpty());
  tasks_[3].ended_us = 13;
  EXPECT_THAT(Run(), Contains(HasSubstr("tasks 11 and 12 held k at the same time")));
}

}  // namespace
}  // namespace baton::kill_loop
