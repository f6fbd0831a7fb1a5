// Deleting, and bulk jobs, over gRPC and across restarts.
#include "tests/integration/broker_fixture.h"

namespace baton {
namespace {

using grpc::StatusCode;

class JobsTest : public BrokerTest {
 protected:
  uint64_t SubmitTagged(const std::string& type, const std::string& tag) {
    v1::NewTask task;
    task.set_type(type);
    task.set_tag(tag);
    return Submit(task);
  }
  v1::Job StartJob(v1::JobVerb verb, const std::string& tag, bool dry_run = false) {
    v1::StartJobRequest request;
    request.set_verb(verb);
    request.mutable_filter()->set_tag(tag);
    request.set_reason("tidying");
    request.set_dry_run(dry_run);
    v1::StartJobResponse response;
    TestContext context;
    EXPECT_THAT(admin().StartJob(&context, request, &response), IsOk());
    return response.job();
  }
  // Asks until the job has ended.
  v1::Job WaitForJob(uint64_t id) {
    v1::GetJobRequest request;
    request.set_job_id(id);
    v1::GetJobResponse response;
    for (int i = 0; i < 10'000 && !response.job().has_ended_at(); ++i) {
      TestContext context;
      const grpc::Status status = admin().GetJob(&context, request, &response);
      EXPECT_THAT(status, IsOk());
      if (!status.ok()) break;
    }
    EXPECT_TRUE(response.job().has_ended_at());
    return response.job();
  }
  grpc::Status StatusOf(uint64_t id) {
    v1::GetRequest request;
    request.set_task_id(id);
    v1::GetResponse response;
    TestContext context;
    return tasks().Get(&context, request, &response);
  }
};

TEST_F(JobsTest, AWorkflowIsDeletedAsAWhole) {
  const uint64_t root = Submit("parent");
  auto parents = Connect("p", "parent");
  auto children = Connect("c", "child");
  const auto delivery = parents->NextDelivery();
  ASSERT_TRUE(delivery.has_value());
  v1::Outcome spawn;
  spawn.set_attempt_token(delivery->attempt_token());
  spawn.mutable_spawned()->add_children()->set_type("child");
  ASSERT_EQ(Complete(*parents, spawn).code(), 0);
  const auto child = children->NextDelivery();
  ASSERT_TRUE(child.has_value());
  v1::DeleteTaskRequest request;
  request.set_task_id(child->task_id());
  v1::DeleteTaskResponse response;
  {
    TestContext context;
    EXPECT_THAT(admin().DeleteTask(&context, request, &response),
                FailsWith(StatusCode::FAILED_PRECONDITION, "WORKFLOW_LIVE", "RUNNING"));
  }
  ASSERT_EQ(Succeed(*children, *child).code(), 0);
  const auto again = parents->NextDelivery();
  ASSERT_TRUE(again.has_value());
  ASSERT_EQ(Succeed(*parents, *again).code(), 0);
  TestContext context;
  ASSERT_THAT(admin().DeleteTask(&context, request, &response), IsOk());
  EXPECT_EQ(response.root_id(), root);
  EXPECT_EQ(response.tasks(), 2u);
  for (int i = 0; i < 10'000 && StatusOf(root).ok(); ++i) continue;
  EXPECT_THAT(StatusOf(root), FailsWith(StatusCode::NOT_FOUND, "TASK_EXPIRED", "removed"));
  EXPECT_THAT(StatusOf(child->task_id()), FailsWith(StatusCode::NOT_FOUND, "TASK_EXPIRED", "removed"));
  Restart();
  EXPECT_THAT(StatusOf(root), FailsWith(StatusCode::NOT_FOUND, "TASK_EXPIRED", "removed"));
}

TEST_F(JobsTest, AJobFindsItsTasksAndIsToldOfAfterARestart) {  // B241, S64, S116
  std::vector<uint64_t> wanted;
  for (int i = 0; i < 30; ++i) {
    wanted.push_back(SubmitTagged("order", "batch"));
    SubmitTagged("order", "other");
  }
  EXPECT_EQ(WaitForJob(StartJob(v1::JOB_VERB_CANCEL, "batch", /*dry_run=*/true).id()).matched(), 30u);
  const v1::Job started = StartJob(v1::JOB_VERB_CANCEL, "batch");
  EXPECT_EQ(started.actor(), "local");
  EXPECT_EQ(started.ids(), 60u);
  const v1::Job cancelled = WaitForJob(started.id());
  EXPECT_EQ(cancelled.state(), v1::JOB_STATE_DONE);
  EXPECT_EQ(cancelled.matched(), 30u);
  EXPECT_EQ(cancelled.changed(), 30u);
  EXPECT_EQ(cancelled.ids_left(), 0u);
  for (const uint64_t id : wanted) EXPECT_EQ(WaitForEnd(id).cancel_reason(), "cancelled by local: tidying");
  EXPECT_EQ(WaitForJob(StartJob(v1::JOB_VERB_DELETE, "batch").id()).changed(), 30u);
  EXPECT_FALSE(StatusOf(wanted[0]).ok());
  EXPECT_EQ(WaitForJob(StartJob(v1::JOB_VERB_PAUSE, "other").id()).changed(), 30u);
  Restart();
  v1::ListJobsResponse jobs;
  TestContext context;
  ASSERT_THAT(admin().ListJobs(&context, v1::ListJobsRequest(), &jobs), IsOk());
  ASSERT_EQ(jobs.jobs_size(), 4);
  EXPECT_EQ(jobs.jobs(0).verb(), v1::JOB_VERB_PAUSE);
  EXPECT_EQ(jobs.jobs(3).dry_run(), true);
  EXPECT_EQ(jobs.jobs(2).filter().tag(), "batch");
  v1::StopJobRequest stop;
  stop.set_job_id(started.id());
  v1::StopJobResponse stopped;
  TestContext stopping;
  EXPECT_THAT(admin().StopJob(&stopping, stop, &stopped),
              FailsWith(StatusCode::FAILED_PRECONDITION, "JOB_ENDED", "has ended"));
}

}  // namespace
}  // namespace baton
