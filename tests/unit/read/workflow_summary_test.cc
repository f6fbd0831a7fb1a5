// What a workflow is summed up to, and the path through it that took its time.
#include "absl/strings/str_cat.h"
#include "broker/service/read/convert.h"
#include "tests/unit/read/scene.h"

namespace baton::service::testing {
namespace {

using absl::StatusCode;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class WorkflowSummaryTest : public ::testing::Test {
 protected:
  v1::GetWorkflowSummaryResponse Summary(TaskId task) {
    v1::GetWorkflowSummaryRequest request;
    request.set_task_id(task);
    auto [error, response] = scene_.Ask(&ReadService::GetWorkflowSummary, request);
    EXPECT_TRUE(error.ok()) << error.reason << ": " << error.message;
    return response;
  }
  Error ErrorOf(TaskId task) {
    v1::GetWorkflowSummaryRequest request;
    request.set_task_id(task);
    return scene_.Ask(&ReadService::GetWorkflowSummary, request).first;
  }
  void Pass(int64_t seconds) { scene_.Pass(seconds * kSecond); }

  static int64_t Second(const google::protobuf::Timestamp& time) { return time.seconds() - kStart / kSecond; }
  // "3 RUNNING 5-7 2@w1": task, kind, seconds since the start, attempt and worker.
  static std::vector<std::string> Path(const v1::GetWorkflowSummaryResponse& summary) {
    std::vector<std::string> texts;
    int64_t sum = 0;
    for (const v1::PathSegment& segment : summary.critical_path()) {
      texts.push_back(absl::StrCat(segment.task_id(), " ", v1::SegmentKind_Name(segment.kind()).substr(13), " ",
                                   Second(segment.begin()), "-", Second(segment.end())));
      if (segment.attempt() != 0) absl::StrAppend(&texts.back(), " ", segment.attempt(), "@", segment.worker_id());
      sum += segment.duration().seconds();
    }
    EXPECT_EQ(sum, summary.duration().seconds()) << "the segments cover the whole time";
    return texts;
  }
  // "3:2 5s": task, number and duration.
  static std::vector<std::string> Spans(const google::protobuf::RepeatedPtrField<v1::AttemptSpan>& spans) {
    std::vector<std::string> texts;
    for (const v1::AttemptSpan& span : spans) {
      texts.push_back(absl::StrCat(span.task_id(), ":", span.attempt(), " ", span.duration().seconds(), "s"));
    }
    return texts;
  }

  // A root with children, a retry and a decision; ends at second 24.
  TaskId RunWorkflow() {
    const TaskId root = scene_.Submit();
    Pass(1);
    scene_.Claim(root, "w1");
    Pass(2);
    const std::vector<TaskId> children = scene_.Spawn(root, 2);
    scene_.Submit({.type = "stranger"});
    Pass(1);
    scene_.Claim(children[0], "w2");
    Pass(1);
    scene_.Claim(children[1], "w1");
    scene_.Log(children[1], Step::REPORTED, LiveState::RUNNING,
               [](Step& step) { step.add_checkpoints()->set_code("half"); });
    Pass(1);
    scene_.Complete(children[0]);
    Pass(1);
    scene_.Fail(children[1], "no paper", 2 * kSecond);
    Pass(3);
    scene_.Claim(children[1], "w3");
    Pass(2);
    scene_.Complete(children[1]);
    // What the live table says of the time is of no use, as with a real parent.
    scene_.ChildrenEnded(root, kStart);
    Pass(1);
    scene_.Claim(root, "w1");
    Pass(2);
    scene_.Suspend(root, "approval");
    Pass(5);
    scene_.Resume(root, "ann", "fine");
    Pass(1);
    scene_.Claim(root, "w1");
    Pass(3);
    scene_.Complete(root, "7");
    return root;
  }

  Scene scene_;
};

TEST_F(WorkflowSummaryTest, CountsEverything) {  // B229, B230, B231, B232, B233
  const TaskId root = RunWorkflow();
  Pass(100);
  const v1::GetWorkflowSummaryResponse summary = Summary(root);
  EXPECT_EQ(summary.root().id(), root);
  EXPECT_EQ(summary.root().state(), v1::TASK_STATE_COMPLETED);
  EXPECT_FALSE(summary.root().has_result());
  EXPECT_FALSE(summary.truncated());
  EXPECT_EQ(summary.tasks(), 3u);
  EXPECT_EQ(summary.attempts(), 6u);
  EXPECT_EQ(summary.events(), 12u + 4u + 9u);
  EXPECT_EQ(summary.checkpoints(), 1u);
  EXPECT_EQ(summary.highest_attempt(), 3);
  ASSERT_EQ(summary.states_size(), 1);
  EXPECT_EQ(summary.states(0).state(), v1::TASK_STATE_COMPLETED);
  EXPECT_EQ(summary.states(0).tasks(), 3u);
  ASSERT_EQ(summary.types_size(), 2);
  EXPECT_EQ(summary.types(0).type(), "chunk");
  EXPECT_EQ(summary.types(0).tasks(), 2u);
  EXPECT_EQ(summary.types(1).type(), "render");
  ASSERT_EQ(summary.stages_size(), 2);
  EXPECT_EQ(summary.stages(0).stage(), 0);
  EXPECT_EQ(summary.stages(0).tasks(), 2u);
  EXPECT_EQ(summary.stages(1).stage(), 2);
  ASSERT_EQ(summary.outcomes_size(), 4);
  EXPECT_EQ(summary.outcomes(0).outcome(), v1::ATTEMPT_OUTCOME_SUCCEEDED);
  EXPECT_EQ(summary.outcomes(0).attempts(), 3u);
  EXPECT_EQ(summary.outcomes(1).outcome(), v1::ATTEMPT_OUTCOME_FAILED);
  EXPECT_THAT(summary.workers(), ElementsAre("w1", "w2", "w3"));
  EXPECT_EQ(summary.worker_count(), 3u);
  EXPECT_EQ(Second(summary.as_of()), 124);
  EXPECT_EQ(Second(summary.created_at()), 0);
  EXPECT_EQ(Second(summary.first_claimed_at()), 1);
  EXPECT_EQ(Second(summary.last_ended_at()), 24);
  EXPECT_EQ(Second(summary.last_event_at()), 24);
  EXPECT_EQ(summary.duration().seconds(), 24);
  EXPECT_THAT(summary.failed_tasks(), IsEmpty());
}

TEST_F(WorkflowSummaryTest, ThePathGoesThroughTheChildThatEndedLast) {  // B234, B236, B237
  const v1::GetWorkflowSummaryResponse summary = Summary(RunWorkflow());
  EXPECT_THAT(Path(summary), ElementsAre("1 QUEUED 0-1", "1 RUNNING 1-3 1@w1",                          //
                                         "3 QUEUED 3-5", "3 RUNNING 5-7 1@w1", "3 RETRY_DELAY 7-9",     //
                                         "3 QUEUED 9-10", "3 RUNNING 10-12 2@w3", "1 QUEUED 12-13",     //
                                         "1 RUNNING 13-15 2@w1", "1 DECISION 15-20", "1 QUEUED 20-21",  //
                                         "1 RUNNING 21-24 3@w1"));
  EXPECT_FALSE(summary.critical_path_truncated());
  EXPECT_THAT(Spans(summary.stages_of_root()), ElementsAre("1:1 2s", "1:2 2s", "1:3 3s"));
  EXPECT_EQ(summary.stages_of_root(0).outcome(), v1::ATTEMPT_OUTCOME_SPAWNED);
  EXPECT_EQ(summary.stages_of_root(1).stage(), 1);
  EXPECT_EQ(summary.stages_of_root(2).worker_id(), "w1");
  EXPECT_THAT(Spans(summary.slowest_attempts()), ElementsAre("1:3 3s", "1:1 2s", "2:1 2s", "3:1 2s", "3:2 2s"));
}

TEST_F(WorkflowSummaryTest, AnyTaskOfItMayBeNamed) {  // B229
  const TaskId root = RunWorkflow();
  EXPECT_EQ(Summary(root + 2).root().id(), root);
  EXPECT_EQ(Summary(root + 2).tasks(), 3u);
  EXPECT_EQ(Summary(root + 3).tasks(), 1u) << "a stranger is a workflow of its own";
}

TEST_F(WorkflowSummaryTest, ATaskThatNeverBeganIsInTheQueue) {  // B230, B233, B236, S83
  const TaskId root = scene_.Submit({.delay = 3 * kSecond});
  Pass(5);
  const v1::GetWorkflowSummaryResponse summary = Summary(root);
  EXPECT_EQ(summary.tasks(), 1u);
  EXPECT_EQ(summary.attempts(), 0u);
  EXPECT_EQ(summary.events(), 1u);
  EXPECT_FALSE(summary.has_first_claimed_at());
  EXPECT_FALSE(summary.has_last_ended_at());
  EXPECT_THAT(summary.stages_of_root(), IsEmpty());
  EXPECT_THAT(Path(summary), ElementsAre("1 DELAYED 0-3", "1 QUEUED 3-5"));
}

TEST_F(WorkflowSummaryTest, ALiveWorkflowIsCountedUntilNow) {  // B234, B236, B237
  const TaskId root = scene_.Submit();
  scene_.Claim(root, "w1");
  Pass(1);
  const std::vector<TaskId> children = scene_.Spawn(root, 3);
  scene_.Claim(children[1], "w2");
  Pass(1);
  scene_.Claim(children[0], "w1");
  Pass(1);
  scene_.Complete(children[0]);
  Pass(4);
  const v1::GetWorkflowSummaryResponse summary = Summary(root);
  EXPECT_EQ(summary.attempts(), 3u);
  EXPECT_EQ(summary.duration().seconds(), 7);
  // Of those that have not ended, the lowest id.
  EXPECT_THAT(Path(summary), ElementsAre("1 RUNNING 0-1 1@w1", "3 RUNNING 1-7 1@w2"));
  EXPECT_THAT(Spans(summary.slowest_attempts()), ElementsAre("3:1 6s", "1:1 1s", "2:1 1s"));
  EXPECT_FALSE(summary.slowest_attempts(0).has_ended_at());
  ASSERT_EQ(summary.states_size(), 4);
  EXPECT_EQ(summary.states(0).state(), v1::TASK_STATE_PENDING);
  EXPECT_EQ(summary.states(3).state(), v1::TASK_STATE_COMPLETED);
}

TEST_F(WorkflowSummaryTest, AWaitThatWasBrokenOffIsCountedForWhatHadNotEnded) {  // B236
  const TaskId root = scene_.Submit();
  scene_.Claim(root, "w1");
  const std::vector<TaskId> children = scene_.Spawn(root, 2);
  scene_.Claim(children[0], "w1");
  Pass(2);
  scene_.Complete(children[0]);
  Pass(3);
  scene_.Cancel(root, "ann", "obsolete");
  Pass(1);
  scene_.Cancel(children[1], "broker", "its parent was cancelled");
  EXPECT_THAT(Path(Summary(root)), ElementsAre("3 QUEUED 0-5"));
}

TEST_F(WorkflowSummaryTest, FailingFastIsBecauseOfTheChildThatFailed) {  // B235, B236
  const TaskId root = scene_.Submit();
  scene_.Claim(root, "w1");
  const std::vector<TaskId> children = scene_.Spawn(root, 3);
  for (const TaskId child : children) scene_.Claim(child, "w2");
  Pass(1);
  scene_.Complete(children[2]);
  Pass(1);
  scene_.FailForGood(children[1], std::string(1023, 'x') + "ü");
  scene_.End(root, Step::CHILD_FAILED, LiveState::FAILED, [](Step& step) { step.set_error("task 3 has failed"); });
  Pass(1);
  scene_.Cancel(children[0], "broker", "its parent has failed");
  const v1::GetWorkflowSummaryResponse summary = Summary(root);
  EXPECT_THAT(Path(summary), ElementsAre("3 RUNNING 0-2 1@w2"));
  ASSERT_EQ(summary.failed_tasks_size(), 2);
  EXPECT_EQ(summary.failed_tasks(0).task_id(), root);
  EXPECT_EQ(summary.failed_tasks(0).type(), "render");
  EXPECT_EQ(summary.failed_tasks(0).error(), "task 3 has failed");
  EXPECT_EQ(summary.failed_tasks(1).task_id(), children[1]);
  EXPECT_EQ(summary.failed_tasks(1).state(), v1::TASK_STATE_PERMANENTLY_FAILED);
  EXPECT_EQ(summary.failed_tasks(1).error(), std::string(1023, 'x')) << "cut between code points";
}

TEST_F(WorkflowSummaryTest, PausesAndSecondLivesAreToldApart) {  // B235, B236
  const TaskId root = scene_.Submit();
  scene_.Claim(root, "w1");
  Pass(1);
  scene_.Log(root, Step::FAILED, LiveState::PENDING, [](Step& step) {
    step.set_state(LiveState::FAILED);
    step.set_error("no ink");
  });
  Pass(2);
  scene_.Log(root, Step::RETRIED, LiveState::PENDING, [this](Step& step) { step.set_due_us(scene_.now()); });
  Pass(1);
  scene_.Log(root, Step::PAUSED, LiveState::PENDING);
  scene_.Pause(root);
  Pass(4);
  const v1::GetWorkflowSummaryResponse summary = Summary(root);
  EXPECT_THAT(Path(summary), ElementsAre("1 RUNNING 0-1 1@w1", "1 ENDED 1-3", "1 QUEUED 3-4", "1 PAUSED 4-8"));
  ASSERT_EQ(summary.failed_tasks_size(), 1);
  EXPECT_EQ(summary.failed_tasks(0).state(), v1::TASK_STATE_PAUSED);
  EXPECT_EQ(summary.failed_tasks(0).error(), "no ink");
}

TEST_F(WorkflowSummaryTest, ThePathGoesDownToGrandchildren) {  // B236
  const TaskId root = scene_.Submit();
  scene_.Claim(root, "w1");
  const TaskId child = scene_.Spawn(root, 1)[0];
  scene_.Submit();
  Pass(1);
  scene_.Claim(child, "w1");
  Pass(1);
  const TaskId grandchild = scene_.Spawn(child, 1)[0];
  scene_.Claim(grandchild, "w2");
  Pass(3);
  scene_.Complete(grandchild);
  scene_.ChildrenEnded(child, kStart);
  Pass(1);
  scene_.Claim(child, "w1");
  Pass(1);
  scene_.Complete(child);
  scene_.ChildrenEnded(root, kStart);
  Pass(1);
  scene_.Cancel(root, "ann", "");
  EXPECT_THAT(Path(Summary(root)), ElementsAre("2 QUEUED 0-1", "2 RUNNING 1-2 1@w1", "4 RUNNING 2-5 1@w2",
                                               "2 QUEUED 5-6", "2 RUNNING 6-7 2@w1", "1 QUEUED 7-8"));
}

TEST_F(WorkflowSummaryTest, TooLargeOneIsTruncated) {  // B229
  scene_.settings().summary_tasks = 3;
  const TaskId root = scene_.Submit();
  scene_.Claim(root, "w1");
  const std::vector<TaskId> children = scene_.Spawn(root, 5);
  for (const TaskId child : children) {
    scene_.Claim(child, "w1");
    Pass(1);
    scene_.Complete(child);
  }
  const v1::GetWorkflowSummaryResponse summary = Summary(root);
  EXPECT_TRUE(summary.truncated());
  EXPECT_EQ(summary.tasks(), 3u);
  EXPECT_EQ(summary.attempts(), 3u);
  EXPECT_EQ(summary.root().children_total(), 5u);
  EXPECT_EQ(summary.duration().seconds(), 5);
}

TEST_F(WorkflowSummaryTest, ManyChildrenInManyRangesAreAllFound) {  // B229, B230
  // Every read is cut short, so that it goes on many times.
  scene_.settings().page_budget = 0;
  scene_.SkipTo(engine::kPageIds - 700);
  const TaskId root = scene_.Submit();
  scene_.Claim(root, "w1");
  const std::vector<TaskId> children = scene_.Spawn(root, 1500);
  uint64_t tasks = 1 + children.size();
  for (size_t i = 0; i < children.size(); i += 50) {
    scene_.Claim(children[i], "w1");
    tasks += scene_.Spawn(children[i], 2).size();
    if (i % 100 == 0) scene_.Submit();
  }
  const v1::GetWorkflowSummaryResponse summary = Summary(children[7]);
  EXPECT_EQ(summary.tasks(), tasks);
  EXPECT_EQ(summary.events(), tasks + 3 + 30 * 3);
  ASSERT_EQ(summary.types_size(), 2);
  EXPECT_EQ(summary.types(0).tasks(), tasks - 1);
}

TEST_F(WorkflowSummaryTest, APathOfManySegmentsKeepsTheLastOnes) {  // B236
  const TaskId root = scene_.Submit();
  for (int i = 0; i < 600; ++i) {
    scene_.Claim(root, "w1");
    Pass(1);
    scene_.Fail(root, "again", kSecond);
    Pass(1);
  }
  const v1::GetWorkflowSummaryResponse summary = Summary(root);
  EXPECT_TRUE(summary.critical_path_truncated());
  ASSERT_EQ(summary.critical_path_size(), 1000);
  EXPECT_EQ(Second(summary.critical_path(999).end()), 1200);
  EXPECT_EQ(Second(summary.critical_path(0).begin()), 200);
  EXPECT_EQ(summary.stages_of_root_size(), 600);
}

TEST_F(WorkflowSummaryTest, TellsWhatIsNotThere) {  // B229
  EXPECT_THAT(ErrorOf(0), ErrorIs(StatusCode::kInvalidArgument, "FIELD_REQUIRED"));
  EXPECT_THAT(ErrorOf(99), ErrorIs(StatusCode::kNotFound, "TASK_NOT_FOUND"));
  const TaskId root = RunWorkflow();
  scene_.Remove(root + 1);
  EXPECT_EQ(Summary(root).tasks(), 2u);
  scene_.PutRow(storage::Family::kEnd, engine::EndKey(root + 2), "\xff\xff");
  EXPECT_THAT(ErrorOf(root), ErrorIs(StatusCode::kDataLoss, "STORE_DAMAGED"));
  scene_.Remove(root);
  EXPECT_THAT(ErrorOf(root + 2), ErrorIs(StatusCode::kNotFound, "TASK_EXPIRED"));
}

}  // namespace
}  // namespace baton::service::testing
