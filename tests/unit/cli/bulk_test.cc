// Deleting, and bulk jobs.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/cli/fake_broker.h"

namespace baton::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class BulkCommandTest : public CommandTest {
 protected:
  BulkCommandTest() {
    broker.start_job = [this](const v1::StartJobRequest& request, absl::Duration) {
      started = request;
      v1::StartJobResponse response;
      v1::Job& job = *response.mutable_job();
      job.set_id(3);
      job.set_verb(request.verb());
      *job.mutable_filter() = request.filter();
      job.set_state(v1::JOB_STATE_RUNNING);
      job.set_actor("local");
      job.set_reason(request.reason());
      job.mutable_started_at()->set_seconds(1'799'999'990);
      job.set_ids(100);
      job.set_ids_left(100);
      current = job;
      return absl::StatusOr<v1::StartJobResponse>(response);
    };
    // Each look finds half of it done.
    broker.get_job = [this](const v1::GetJobRequest& request, absl::Duration) -> absl::StatusOr<v1::GetJobResponse> {
      if (request.job_id() != 3) return MakeStatus(absl::StatusCode::kNotFound, "no job 4", "JOB_NOT_FOUND");
      if (outages > 0) {
        --outages;
        return absl::UnavailableError("restarting");
      }
      current.set_ids_left(current.ids_left() / 2);
      current.set_matched(current.matched() + 5);
      current.set_changed(current.changed() + 4);
      current.set_refused(current.refused() + 1);
      if (current.ids_left() == 0) {
        current.set_state(v1::JOB_STATE_DONE);
        current.mutable_ended_at()->set_seconds(1'800'000'000);
      }
      v1::GetJobResponse response;
      *response.mutable_job() = current;
      return response;
    };
  }

  v1::StartJobRequest started;
  v1::Job current;
  int outages = 0;
};

TEST_F(CommandTest, DeleteGoesOnAfterARefusal) {
  std::vector<v1::DeleteTaskRequest> sent;
  broker.delete_task = [&](const v1::DeleteTaskRequest& request,
                           absl::Duration) -> absl::StatusOr<v1::DeleteTaskResponse> {
    sent.push_back(request);
    if (request.task_id() == 7) {
      return MakeStatus(absl::StatusCode::kFailedPrecondition, "task 7 is RUNNING", "WORKFLOW_LIVE");
    }
    v1::DeleteTaskResponse response;
    response.set_root_id(6);
    response.set_tasks(12);
    return response;
  };
  EXPECT_EQ(Run({"delete", "7", "8", "--reason", "tidy"}), ExitCode::kRefused);
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(sent[1].reason(), "tidy");
  EXPECT_EQ(out.str(), "ID  ROOT  DELETED\n8   6     12\n");
  EXPECT_THAT(err.str(), HasSubstr("task 7 is RUNNING (WORKFLOW_LIVE)"));
  EXPECT_EQ(Run({"delete", "8", "-o", "jsonl"}), ExitCode::kOk);
  EXPECT_EQ(out.str(), "{\"task_id\":8,\"root_id\":6,\"tasks\":12}\n");
}

TEST_F(BulkCommandTest, OptionsSayWhichTasksAreMeant) {
  EXPECT_EQ(Run({"bulk", "retry", "--state", "cancelled,permanently-failed", "--type", "mail", "--tag", "x", "--parent",
                 "4", "--root", "2", "--awaits-decision", "--dry-run", "--from-start", "--reason", "back"}),
            ExitCode::kOk);
  EXPECT_EQ(started.verb(), v1::JOB_VERB_RETRY);
  EXPECT_THAT(started.filter().states(), ElementsAre(v1::TASK_STATE_CANCELLED, v1::TASK_STATE_PERMANENTLY_FAILED));
  EXPECT_EQ(started.filter().type(), "mail");
  EXPECT_EQ(started.filter().tag(), "x");
  EXPECT_EQ(started.filter().parent_id(), 4u);
  EXPECT_EQ(started.filter().root_id(), 2u);
  EXPECT_TRUE(started.filter().awaits_decision());
  EXPECT_TRUE(started.dry_run());
  EXPECT_TRUE(started.from_start());
  EXPECT_FALSE(started.all());
  EXPECT_EQ(started.reason(), "back");
  EXPECT_EQ(out.str(), "Started job 3: baton bulk show 3\n");
  EXPECT_EQ(Run({"bulk", "cancel", "--all"}), ExitCode::kOk);
  EXPECT_TRUE(started.all());
}

TEST_F(BulkCommandTest, RetentionRunDeletesWhatIsOldEnough) {  // B241
  EXPECT_EQ(Run({"retention", "run", "--older-than", "1h", "--state", "completed", "--type", "mail", "--dry-run"}),
            ExitCode::kOk);
  EXPECT_EQ(started.verb(), v1::JOB_VERB_DELETE);
  EXPECT_EQ(started.filter().ended_before().seconds(), absl::ToUnixSeconds(now) - 3600);
  EXPECT_THAT(started.filter().states(), ElementsAre(v1::TASK_STATE_COMPLETED));
  EXPECT_EQ(started.filter().type(), "mail");
  EXPECT_TRUE(started.dry_run());
  EXPECT_FALSE(started.all());
  EXPECT_EQ(started.reason(), "retention run by hand");
  started.Clear();
  EXPECT_EQ(Run({"retention", "run"}), ExitCode::kBadInput);
  EXPECT_THAT(err.str(), HasSubstr("--older-than is required"));
  EXPECT_EQ(started.verb(), v1::JOB_VERB_UNSPECIFIED);
}

TEST_F(BulkCommandTest, RetentionRunIsAboutStatesInWhichTasksHaveEnded) {  // B239, B241, S118
  EXPECT_EQ(Run({"retention", "run", "--older-than", "30m", "--state", "completed", "--state", "cancelled"}),
            ExitCode::kOk);
  EXPECT_EQ(started.filter().ended_before().seconds(), absl::ToUnixSeconds(now) - 1800);
  EXPECT_THAT(started.filter().states(), ElementsAre(v1::TASK_STATE_COMPLETED, v1::TASK_STATE_CANCELLED));
  started.Clear();
  EXPECT_EQ(Run({"retention", "run", "--older-than", "1h", "--state", "completed,running"}), ExitCode::kBadInput);
  EXPECT_THAT(err.str(), HasSubstr("--state: in RUNNING nothing has ended"));
  EXPECT_THAT(err.str(), HasSubstr("COMPLETED, PERMANENTLY_FAILED or CANCELLED"));
  EXPECT_EQ(Run({"retention", "run", "--older-than", "1h", "--state", "done"}), ExitCode::kBadInput);
  EXPECT_THAT(err.str(), HasSubstr("--state: unknown value \"done\""));
  EXPECT_EQ(Run({"retention", "run", "--older-than", "-1h"}), ExitCode::kBadInput);
  EXPECT_THAT(err.str(), HasSubstr("--older-than: "));
  EXPECT_EQ(started.verb(), v1::JOB_VERB_UNSPECIFIED);
}

// As scripts do whose variable is not set.
TEST_F(BulkCommandTest, EmptyValuesDoNotWidenWhatIsMeant) {
  struct Case {
    std::vector<std::string> arguments;
    const char* option;
  };
  for (const Case& c : {Case{{"retention", "run", "--older-than", "", "--state", "completed"}, "--older-than"},
                        {{"retention", "run", "--older-than", "1h", "--type", ""}, "--type"},
                        {{"bulk", "cancel", "--type", "mail", "--tag", ""}, "--tag"},
                        {{"bulk", "cancel", "--type", "mail", "--state", ""}, "--state"},
                        {{"bulk", "delete", "--tag", "b7", "--ended-before", ""}, "--ended-before"},
                        {{"bulk", "delete", "--tag", "b7", "--reason=", "--dry-run"}, "--reason"},
                        {{"list", "--worker", ""}, "--worker"}}) {
    EXPECT_EQ(Run(c.arguments), ExitCode::kBadInput) << c.option;
    EXPECT_THAT(err.str(), HasSubstr(c.option));
    EXPECT_THAT(err.str(), HasSubstr("leave it out"));
    EXPECT_EQ(started.verb(), v1::JOB_VERB_UNSPECIFIED) << c.option;
  }
  EXPECT_EQ(Run({"bulk", "delete", "--tag", "b7", "--reason", "", "--dry-run"}), ExitCode::kOk) << err.str();
  EXPECT_TRUE(started.dry_run());
}

TEST_F(BulkCommandTest, RetentionShowsTheAgeOfEachState) {
  v1::GetServerInfoResponse info;
  info.mutable_retention()->set_seconds(86'400);
  info.mutable_retention_ages()->mutable_completed()->set_seconds(3600);
  info.mutable_retention_ages()->mutable_cancelled()->set_seconds(86'400);
  broker.info = [&] { return absl::StatusOr<v1::GetServerInfoResponse>(info); };
  broker.statistics = [] { return absl::StatusOr<v1::GetStatisticsResponse>(v1::GetStatisticsResponse{}); };
  EXPECT_EQ(Run({"retention"}), ExitCode::kOk);
  EXPECT_THAT(out.str(), HasSubstr("completed ones are kept for  1h\n"
                                   "failed ones are kept for     never removed\n"
                                   "cancelled ones are kept for  1d\n"));
  EXPECT_EQ(Run({"retention", "-o", "json"}), ExitCode::kOk);
  EXPECT_THAT(out.str(), HasSubstr("kept_for_by_state"));
}

TEST_F(BulkCommandTest, RetentionShowsHowLongEndedTasksAreKept) {
  v1::GetServerInfoResponse info;
  info.mutable_retention()->set_seconds(86'400);
  info.set_store_bytes(3 << 19);
  broker.info = [&] { return absl::StatusOr<v1::GetServerInfoResponse>(info); };
  broker.statistics = [] {
    v1::GetStatisticsResponse response;
    response.mutable_counts()->set_completed(7);
    return absl::StatusOr<v1::GetStatisticsResponse>(response);
  };
  EXPECT_EQ(Run({"retention"}), ExitCode::kOk);
  EXPECT_EQ(out.str(),
            "ended tasks are kept for  1d\n"
            "completed                 7\n"
            "failed                    0\n"
            "cancelled                 0\n"
            "store                     1.5 MiB\n");
  info.clear_retention();
  EXPECT_EQ(Run({"retention", "-o", "json"}), ExitCode::kOk);
  EXPECT_THAT(out.str(), HasSubstr("never removed"));
}

TEST_F(BulkCommandTest, EachVerbHasItsCommand) {
  const std::pair<const char*, v1::JobVerb> kVerbs[] = {{"cancel", v1::JOB_VERB_CANCEL},
                                                        {"pause", v1::JOB_VERB_PAUSE},
                                                        {"unpause", v1::JOB_VERB_UNPAUSE},
                                                        {"retry", v1::JOB_VERB_RETRY},
                                                        {"delete", v1::JOB_VERB_DELETE}};
  for (const auto& [name, verb] : kVerbs) {
    EXPECT_EQ(Run({"bulk", name, "--tag", "x"}), ExitCode::kOk) << name;
    EXPECT_EQ(started.verb(), verb) << name;
    EXPECT_EQ(Run({"bulk", name, "--help"}), ExitCode::kOk) << name;
    EXPECT_THAT(out.str(), HasSubstr(absl::StrCat("Examples:\n  baton bulk ", name))) << name;
  }
  EXPECT_EQ(Run({"bulk", "pause", "--tag", "x", "--from-start"}), ExitCode::kBadInput) << "only a retry has a start";
}

TEST_F(BulkCommandTest, WrongArgumentsAskNoBroker) {
  broker.start_job = nullptr;
  EXPECT_EQ(Run({"bulk", "cancel", "--state", "sleeping"}), ExitCode::kBadInput);
  EXPECT_THAT(err.str(), HasSubstr("--state"));
  EXPECT_EQ(Run({"bulk", "cancel", "--parent", "x"}), ExitCode::kBadInput);
  EXPECT_EQ(Run({"bulk", "show", "0"}), ExitCode::kBadInput);
  EXPECT_EQ(Run({"bulk", "stop"}), ExitCode::kBadInput);
  EXPECT_EQ(Run({"bulk", "explode"}), ExitCode::kBadInput);
}

TEST_F(BulkCommandTest, ARefusalIsTold) {
  broker.start_job = [](const v1::StartJobRequest&, absl::Duration) -> absl::StatusOr<v1::StartJobResponse> {
    return MakeStatus(absl::StatusCode::kInvalidArgument, "filter has no condition", "EMPTY_FILTER");
  };
  EXPECT_EQ(Run({"bulk", "cancel"}), ExitCode::kBadInput);
  EXPECT_THAT(err.str(), HasSubstr("filter has no condition (EMPTY_FILTER)"));
}

TEST_F(BulkCommandTest, WaitEndsWhenTheJobHasEnded) {
  outages = 3;
  EXPECT_EQ(Run({"bulk", "cancel", "--tag", "x", "--wait"}), ExitCode::kOk);
  EXPECT_EQ(err.str(), "") << "progress is for a terminal";
  EXPECT_THAT(out.str(), HasSubstr("DONE"));
  EXPECT_THAT(out.str(), HasSubstr("looked at  100 of 100 ids"));
  EXPECT_THAT(out.str(), HasSubstr("matched    35"));
  EXPECT_THAT(out.str(), HasSubstr("refused    7"));
  EXPECT_EQ(Run({"bulk", "cancel", "--tag", "x", "--wait", "-o", "json"}), ExitCode::kOk);
  EXPECT_THAT(out.str(), HasSubstr("\"state\": \"DONE\""));
}

TEST_F(BulkCommandTest, WaitShowsProgressOnATerminal) {
  terminal = true;
  EXPECT_EQ(Run({"bulk", "cancel", "--tag", "x", "--wait"}), ExitCode::kOk);
  EXPECT_THAT(err.str(), HasSubstr(" 50% job 3: 5 matched"));
}

TEST_F(BulkCommandTest, WaitGivesUpInTheEnd) {
  outages = 1'000'000;
  EXPECT_EQ(Run({"bulk", "cancel", "--tag", "x", "--wait"}), ExitCode::kUnavailable);
  outages = 0;
  EXPECT_EQ(Run({"bulk", "cancel", "--tag", "x", "--wait", "--timeout", "500ms"}), ExitCode::kTimedOut);
  EXPECT_THAT(err.str(), HasSubstr("baton bulk show 3"));
}

TEST_F(BulkCommandTest, ListsShowsAndStops) {
  ASSERT_EQ(Run({"bulk", "delete", "--tag", "x", "--reason", "tidy"}), ExitCode::kOk);
  broker.list_jobs = [this]() -> absl::StatusOr<v1::ListJobsResponse> {
    v1::ListJobsResponse response;
    *response.add_jobs() = current;
    return response;
  };
  EXPECT_EQ(Run({"bulk", "list"}), ExitCode::kOk);
  EXPECT_THAT(out.str(), HasSubstr("ID  VERB    STATE    MATCHED"));
  EXPECT_THAT(out.str(), HasSubstr("3   DELETE  RUNNING  0"));
  EXPECT_THAT(out.str(), HasSubstr("--tag x"));
  const std::string listed = out.str();
  EXPECT_EQ(Run({"bulk"}), ExitCode::kOk);
  EXPECT_EQ(out.str(), listed);
  EXPECT_EQ(Run({"bulk", "list", "-o", "jsonl"}), ExitCode::kOk);
  EXPECT_THAT(out.str(), HasSubstr("\"id\":3,\"verb\":\"DELETE\""));
  EXPECT_EQ(Run({"bulk", "show", "3"}), ExitCode::kOk);
  EXPECT_THAT(out.str(), HasSubstr("reason     tidy"));
  EXPECT_THAT(out.str(), Not(HasSubstr("dry run")));
  EXPECT_EQ(Run({"bulk", "show", "4"}), ExitCode::kNotFound);
  broker.stop_job = [this](const v1::StopJobRequest& request, absl::Duration) {
    EXPECT_EQ(request.job_id(), 3u);
    current.set_state(v1::JOB_STATE_STOPPED);
    v1::StopJobResponse response;
    *response.mutable_job() = current;
    return absl::StatusOr<v1::StopJobResponse>(response);
  };
  EXPECT_EQ(Run({"bulk", "stop", "3"}), ExitCode::kOk);
  EXPECT_THAT(out.str(), HasSubstr("STOPPED"));
}

TEST_F(BulkCommandTest, NoJobs) {
  broker.list_jobs = []() -> absl::StatusOr<v1::ListJobsResponse> { return v1::ListJobsResponse(); };
  EXPECT_EQ(Run({"bulk", "list"}), ExitCode::kOk);
  EXPECT_EQ(err.str(), "no jobs\n");
}

}  // namespace
}  // namespace baton::cli
