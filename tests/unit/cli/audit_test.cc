// Histories of tasks and workflows: events and attempts that match, audit, summary.
#include "client_cli/text/json_text.h"
#include "client_cli/text/proto_time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/cli/fake_broker.h"

namespace baton::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Task 42 is a child of task 40, whose workflow has two tasks.
class AuditTest : public CommandTest {
 protected:
  AuditTest() {
    broker.get = [](const v1::GetRequest& request, absl::Duration) -> absl::StatusOr<v1::GetResponse> {
      if (request.task_id() == 9)
        return MakeStatus(absl::StatusCode::kNotFound, "there is no task 9", "TASK_NOT_FOUND");
      v1::GetResponse response;
      *response.mutable_task() = MakeTask(request.task_id(), v1::TASK_STATE_COMPLETED);
      response.mutable_task()->set_root_id(40);
      if (request.task_id() == 40) response.mutable_task()->set_children_total(1);
      return response;
    };
    broker.list_tasks = [](const v1::ListTasksRequest& request, absl::Duration) {
      EXPECT_EQ(request.filter().parent_id(), 40u);
      v1::ListTasksResponse response;
      *response.add_tasks() = MakeTask(42, v1::TASK_STATE_PERMANENTLY_FAILED);
      response.mutable_tasks(0)->set_parent_id(40);
      response.mutable_tasks(0)->set_attempt(1);
      response.mutable_tasks(0)->set_last_error("no paper");
      return absl::StatusOr<v1::ListTasksResponse>(response);
    };
    broker.list_events = [this](const v1::ListEventsRequest& request, absl::Duration) {
      events_request = request;
      v1::ListEventsResponse response;
      if (request.root_id() != 0) AddEvent(&response, 40, 3, v1::EVENT_TYPE_COMPLETED, 1'795'453'209);
      AddEvent(&response, 42, 1, v1::EVENT_TYPE_CREATED, 1'795'453'200);
      AddEvent(&response, 42, 2, v1::EVENT_TYPE_FAILED, 1'795'453'203).set_reason("no paper");
      return absl::StatusOr<v1::ListEventsResponse>(response);
    };
    broker.list_attempts = [this](const v1::ListAttemptsRequest& request, absl::Duration) {
      attempts_request = request;
      v1::ListAttemptsResponse response;
      v1::Attempt& attempt = *response.add_attempts();
      attempt.set_task_id(42);
      attempt.set_number(1);
      attempt.set_outcome(v1::ATTEMPT_OUTCOME_FAILED);
      attempt.mutable_claimed_at()->set_seconds(1'795'453'201);
      attempt.mutable_ended_at()->set_seconds(1'795'453'203);
      return absl::StatusOr<v1::ListAttemptsResponse>(response);
    };
  }

  static v1::Event& AddEvent(v1::ListEventsResponse* response, uint64_t task, uint64_t number, v1::EventType type,
                             int64_t second) {
    v1::Event& event = *response->add_events();
    event.set_task_id(task);
    event.set_number(number);
    event.set_type(type);
    event.mutable_time()->set_seconds(second);
    if (type == v1::EVENT_TYPE_CREATED) return event;
    event.set_attempt(1);
    event.set_worker_id("w1");
    return event;
  }

  v1::ListEventsRequest events_request;
  v1::ListAttemptsRequest attempts_request;
};

TEST_F(AuditTest, EventsArePassedTheirConditions) {  // B224
  EXPECT_EQ(Run({"events", "42", "--type", "failed,TIMED-OUT", "--type", "checkpoint", "--worker", "w1", "--attempt",
                 "2", "--stage", "0", "--since", "10m", "--until", "2027-01-15T08:00:00+01:00"}),
            ExitCode::kOk);
  EXPECT_EQ(events_request.task_id(), 42u);
  EXPECT_THAT(events_request.types(),
              ElementsAre(v1::EVENT_TYPE_FAILED, v1::EVENT_TYPE_TIMED_OUT, v1::EVENT_TYPE_CHECKPOINT));
  EXPECT_EQ(events_request.worker_id(), "w1");
  EXPECT_EQ(events_request.attempt(), 2);
  EXPECT_TRUE(events_request.has_stage());
  EXPECT_EQ(ToTime(events_request.since()), now - absl::Minutes(10));
  EXPECT_EQ(events_request.until().seconds(), 1'799'996'400);
  EXPECT_EQ(Run({"events", "42"}), ExitCode::kOk);
  EXPECT_FALSE(events_request.has_attempt());
  EXPECT_FALSE(events_request.has_since());
}

TEST_F(AuditTest, EventsOfAWorkflowAreThoseOfItsRoot) {  // B224
  EXPECT_EQ(Run({"events", "42", "--workflow"}), ExitCode::kOk);
  EXPECT_EQ(events_request.task_id(), 0u);
  EXPECT_EQ(events_request.root_id(), 40u);
  EXPECT_EQ(out.str(),
            "TASK  #  TIME                     EVENT      ATTEMPT  STAGE  BY  DETAIL\n"
            "40    3  2026-11-23 17:00:09.000  COMPLETED  1        0      w1  -\n"
            "42    1  2026-11-23 17:00:00.000  CREATED    -        0      -   -\n"
            "42    2  2026-11-23 17:00:03.000  FAILED     1        0      w1  no paper\n");
}

// Task 42 as an operator cancelled it while it ran.
v1::ListEventsResponse CancelledWhileRunning() {
  v1::ListEventsResponse response;
  const auto add = [&](v1::EventType type, const std::string& actor) -> v1::Event& {
    v1::Event& event = *response.add_events();
    event.set_task_id(42);
    event.set_number(static_cast<uint64_t>(response.events_size()));
    event.set_type(type);
    event.mutable_time()->set_seconds(1'795'453'200);
    event.set_attempt(1);
    event.set_worker_id("w3");
    event.set_actor(actor);
    return event;
  };
  add(v1::EVENT_TYPE_CLAIMED, "broker").set_to_state(v1::TASK_STATE_RUNNING);
  add(v1::EVENT_TYPE_STARTED, "w3");
  add(v1::EVENT_TYPE_PAUSED, "ann");
  v1::Event& cancelled = add(v1::EVENT_TYPE_CANCELLED, "local");
  cancelled.set_to_state(v1::TASK_STATE_CANCELLED);
  cancelled.set_reason("not needed");
  return response;
}

TEST_F(AuditTest, EventsTellWhoDidItAndWhoseAttemptItWas) {  // B203
  broker.list_events = [](const v1::ListEventsRequest&, absl::Duration) {
    return absl::StatusOr<v1::ListEventsResponse>(CancelledWhileRunning());
  };
  EXPECT_EQ(Run({"events", "42"}), ExitCode::kOk);
  EXPECT_EQ(out.str(),
            "#  TIME                     EVENT      ATTEMPT  STAGE  BY      DETAIL\n"
            "1  2026-11-23 17:00:00.000  CLAIMED    1        0      broker  now RUNNING; worker w3\n"
            "2  2026-11-23 17:00:00.000  STARTED    1        0      w3      -\n"
            "3  2026-11-23 17:00:00.000  PAUSED     1        0      ann     worker w3\n"
            "4  2026-11-23 17:00:00.000  CANCELLED  1        0      local   now CANCELLED; not needed; worker w3\n");
  EXPECT_EQ(Run({"audit", "42"}), ExitCode::kOk);
  EXPECT_THAT(out.str(), HasSubstr("CANCELLED  1        local   now CANCELLED; not needed; worker w3\n"));
}

TEST_F(AuditTest, AttemptsArePassedTheirConditions) {  // B225
  EXPECT_EQ(Run({"attempts", "42", "--workflow", "--outcome", "failed,timed-out", "--worker", "w1", "--since", "1h",
                 "--until", "1m", "--ended-since", "30m", "--ended-until", "0"}),
            ExitCode::kOk);
  EXPECT_EQ(attempts_request.root_id(), 40u);
  EXPECT_THAT(attempts_request.outcomes(), ElementsAre(v1::ATTEMPT_OUTCOME_FAILED, v1::ATTEMPT_OUTCOME_TIMED_OUT));
  EXPECT_EQ(ToTime(attempts_request.claimed_since()), now - absl::Hours(1));
  EXPECT_EQ(ToTime(attempts_request.claimed_until()), now - absl::Minutes(1));
  EXPECT_EQ(ToTime(attempts_request.ended_since()), now - absl::Minutes(30));
  EXPECT_EQ(ToTime(attempts_request.ended_until()), now);
  EXPECT_THAT(out.str(), HasSubstr("TASK  #  STAGE  OUTCOME"));
  EXPECT_EQ(Run({"attempts", "42", "--open"}), ExitCode::kOk);
  EXPECT_TRUE(attempts_request.open_only());
}

TEST_F(AuditTest, AnAttemptThatNobodyMeasuredRanForAsLongAsItWasOut) {
  broker.list_attempts = [this](const v1::ListAttemptsRequest&, absl::Duration) {
    v1::ListAttemptsResponse response;
    v1::Attempt* lost = response.add_attempts();
    lost->set_number(1);
    lost->set_outcome(v1::ATTEMPT_OUTCOME_INTERRUPTED);
    *lost->mutable_claimed_at() = FromMicroseconds(absl::ToUnixMicros(now - absl::Minutes(5)));
    *lost->mutable_ended_at() = FromMicroseconds(absl::ToUnixMicros(now - absl::Minutes(5)) + 4'250'000);
    v1::Attempt* running = response.add_attempts();
    running->set_number(2);
    *running->mutable_claimed_at() = FromMicroseconds(absl::ToUnixMicros(now - absl::Minutes(4)));
    return absl::StatusOr<v1::ListAttemptsResponse>(response);
  };
  EXPECT_EQ(Run({"attempts", "42"}), ExitCode::kOk);
  EXPECT_EQ(out.str(),
            "#  STAGE  OUTCOME      WORKER  CLAIMED                       IN WORKER  RAN    ERROR\n"
            "1  0      INTERRUPTED  -       2027-01-15 07:55:00 (5m ago)  -          4.25s  -\n"
            "2  0      (running)    -       2027-01-15 07:56:00 (4m ago)  -          -      -\n");
}

TEST_F(AuditTest, MistakesAreFoundBeforeTheBrokerIsAsked) {
  struct Case {
    std::vector<std::string> arguments;
    const char* message;
  };
  for (const Case& c :
       {Case{{"events", "42", "--type", "broken"}, "--type: unknown value \"broken\"; it is one of CREATED"},
        {{"events", "42", "--attempt", "-1"}, "--attempt: \"-1\" is not a whole number"},
        {{"events", "42", "--stage", "4294967296"}, "--stage: \"4294967296\""},
        {{"events", "42", "--since", "soon"}, "--since: \"soon\" is not a time; write how long ago it was"},
        {{"events", "42", "--until", "17:00"}, "--until: \"17:00\" is not a time; write it with its zone"},
        {{"attempts", "42", "--outcome", "good"}, "--outcome: unknown value \"good\""},
        {{"audit", "x"}, "task id: \"x\""},
        {{"audit", "42", "--limit", "-1"}, "--limit"},
        {{"events", "42", "--worker", ""}, "--worker: it is empty"},
        {{"events", "42", "--since", ""}, "--since: it is empty"},
        {{"attempts", "42", "--worker", ""}, "--worker: it is empty"},
        {{"attempts", "42", "--outcome", ""}, "--outcome: it is empty"},
        {{"summary", "x"}, "task id: \"x\""}}) {
    EXPECT_EQ(Run(c.arguments), ExitCode::kBadInput) << c.message;
    EXPECT_THAT(err.str(), HasSubstr(c.message));
  }
  EXPECT_EQ(connected_to, "");
}

TEST_F(AuditTest, AnAuditIsOneStory) {  // B226
  EXPECT_EQ(Run({"audit", "42"}), ExitCode::kOk);
  EXPECT_EQ(events_request.task_id(), 42u);
  EXPECT_EQ(attempts_request.task_id(), 42u);
  EXPECT_EQ(out.str(),
            "task      42\n"
            "type      resize\n"
            "state     COMPLETED\n"
            "attempts  1\n"
            "\n"
            "TIME                     EVENT    ATTEMPT  BY  DETAIL\n"
            "2026-11-23 17:00:00.000  CREATED  -        -   -\n"
            "2026-11-23 17:00:03.000  FAILED   1        w1  after 2s; no paper\n");
}

TEST_F(AuditTest, AnAuditOfAWorkflowIsInOrderOfTime) {  // B227
  EXPECT_EQ(Run({"audit", "42", "--workflow"}), ExitCode::kOk);
  EXPECT_EQ(events_request.root_id(), 40u);
  EXPECT_THAT(out.str(), HasSubstr("workflow  40\n"));
  EXPECT_THAT(out.str(), HasSubstr("2026-11-23 17:00:03.000  42    FAILED     1        w1  after 2s; no paper\n"
                                   "2026-11-23 17:00:09.000  40    COMPLETED  1        w1  -\n"));
}

TEST_F(AuditTest, AnAuditOfAWorkflowListsItsTasks) {  // B227
  EXPECT_EQ(Run({"audit", "42", "--workflow"}), ExitCode::kOk);
  EXPECT_THAT(out.str(), HasSubstr("tasks     2\n"));
  EXPECT_THAT(out.str(), HasSubstr("\n"
                                   "TASK  PARENT  TYPE    STATE               ATTEMPT  NOTE\n"
                                   "40    -       resize  COMPLETED           0        -\n"
                                   "42    40      resize  PERMANENTLY_FAILED  1        no paper\n"
                                   "\n"
                                   "TIME "));
  EXPECT_EQ(Run({"audit", "42", "--workflow", "-o", "json"}), ExitCode::kOk);
  const Json audit = Json::parse(out.str());
  ASSERT_EQ(audit["tasks"].size(), 2u);
  EXPECT_EQ(audit["tasks"][1]["id"], 42);
  EXPECT_EQ(audit["tasks"][1]["last_error"], "no paper");
  EXPECT_EQ(audit["events"].size(), 3u);
  EXPECT_EQ(Run({"audit", "42", "-o", "json"}), ExitCode::kOk);
  EXPECT_FALSE(Json::parse(out.str()).contains("tasks")) << "of one task there is no list";
}

TEST_F(AuditTest, AnAuditTellsThatTasksAreLeftOut) {
  broker.list_events = [](const v1::ListEventsRequest&, absl::Duration) {
    return absl::StatusOr<v1::ListEventsResponse>(v1::ListEventsResponse());
  };
  EXPECT_EQ(Run({"audit", "42", "--workflow", "--limit", "1", "-o", "json"}), ExitCode::kOk);
  EXPECT_EQ(Json::parse(out.str())["tasks"].size(), 1u);
  EXPECT_THAT(err.str(), HasSubstr("more than 1 tasks: not all are shown (--limit)"));
  broker.list_tasks = [](const v1::ListTasksRequest&, absl::Duration) -> absl::StatusOr<v1::ListTasksResponse> {
    return absl::UnavailableError("Connection refused");
  };
  EXPECT_EQ(Run({"audit", "42", "--workflow"}), ExitCode::kUnavailable);
  EXPECT_EQ(out.str(), "");
}

TEST_F(AuditTest, AnAuditDoesNotTakeWhatItHasReadForAll) {
  broker.get = [](const v1::GetRequest& request, absl::Duration) {
    v1::GetResponse response;
    *response.mutable_task() = MakeTask(request.task_id(), v1::TASK_STATE_COMPLETED);
    response.mutable_task()->set_root_id(request.task_id());
    response.mutable_task()->set_children_total(1);
    response.mutable_task()->set_attempt(3);
    return absl::StatusOr<v1::GetResponse>(response);
  };
  broker.list_attempts = [](const v1::ListAttemptsRequest&, absl::Duration) {
    v1::ListAttemptsResponse response;
    for (int number = 1; number <= 3; ++number) response.add_attempts()->set_number(number);
    return absl::StatusOr<v1::ListAttemptsResponse>(response);
  };
  EXPECT_EQ(Run({"audit", "40", "--limit", "1"}), ExitCode::kOk);
  EXPECT_THAT(out.str(), HasSubstr("attempts  3\n"));
  EXPECT_EQ(Run({"audit", "40", "--workflow", "--limit", "1"}), ExitCode::kOk);
  EXPECT_THAT(out.str(), HasSubstr("tasks     more than 1\nattempts  more than 1\n"));
  EXPECT_EQ(Run({"audit", "40", "--workflow"}), ExitCode::kOk);
  EXPECT_THAT(out.str(), HasSubstr("tasks     2\nattempts  3\n"));
}

TEST_F(AuditTest, AnAuditAsJsonHasAllThree) {  // B226
  EXPECT_EQ(Run({"audit", "42", "-o", "json"}), ExitCode::kOk);
  const Json audit = Json::parse(out.str());
  EXPECT_EQ(audit["task"]["id"], 42);
  EXPECT_EQ(audit["attempts"][0]["outcome"], "FAILED");
  EXPECT_EQ(audit["events"][1]["reason"], "no paper");
  EXPECT_EQ(Run({"audit", "42", "-o", "json", "--limit", "1"}), ExitCode::kOk);
  EXPECT_EQ(Json::parse(out.str())["events"].size(), 1u);
  EXPECT_THAT(err.str(), HasSubstr("more than 1 events: not all are shown (--limit)"));
  EXPECT_EQ(Run({"audit", "9"}), ExitCode::kNotFound);
}

class SummaryTest : public CommandTest {
 protected:
  SummaryTest() {
    *summary.mutable_root() = MakeTask(40, v1::TASK_STATE_COMPLETED);
    summary.set_tasks(3);
    AddState(v1::TASK_STATE_COMPLETED, 2);
    AddState(v1::TASK_STATE_PERMANENTLY_FAILED, 1);
    summary.add_types()->set_type("resize");
    summary.mutable_types(0)->set_tasks(3);
    summary.add_stages()->set_tasks(3);
    summary.set_attempts(4);
    summary.add_outcomes()->set_outcome(v1::ATTEMPT_OUTCOME_SUCCEEDED);
    summary.mutable_outcomes(0)->set_attempts(3);
    summary.set_highest_attempt(2);
    summary.set_events(20);
    summary.set_checkpoints(1);
    summary.add_workers("w1");
    summary.set_worker_count(7);
    summary.mutable_created_at()->set_seconds(1'795'453'200);
    summary.mutable_duration()->set_seconds(8);
    v1::AttemptSpan& span = *summary.add_stages_of_root();
    span.set_task_id(40);
    span.set_type("resize");
    span.set_attempt(1);
    span.set_worker_id("w1");
    span.mutable_claimed_at()->set_seconds(1'795'453'202);
    span.mutable_duration()->set_seconds(6);
    AddSegment(v1::SEGMENT_KIND_QUEUED, 0, 2);
    AddSegment(v1::SEGMENT_KIND_RUNNING, 2, 6);
    v1::FailedTask& failed = *summary.add_failed_tasks();
    failed.set_task_id(41);
    failed.set_type("resize");
    failed.set_state(v1::TASK_STATE_PERMANENTLY_FAILED);
    failed.set_error("no\npaper");
    broker.summary = [this](const v1::GetWorkflowSummaryRequest& request, absl::Duration) {
      EXPECT_EQ(request.task_id(), 42u);
      return absl::StatusOr<v1::GetWorkflowSummaryResponse>(summary);
    };
  }
  void AddState(v1::TaskState state, uint64_t tasks) {
    v1::StateCount& count = *summary.add_states();
    count.set_state(state);
    count.set_tasks(tasks);
  }
  void AddSegment(v1::SegmentKind kind, int64_t begin, int64_t seconds) {
    v1::PathSegment& segment = *summary.add_critical_path();
    segment.set_task_id(40);
    segment.set_type("resize");
    segment.set_kind(kind);
    segment.mutable_begin()->set_seconds(1'795'453'200 + begin);
    segment.mutable_duration()->set_seconds(seconds);
    if (kind != v1::SEGMENT_KIND_RUNNING) return;
    segment.set_attempt(1);
    segment.set_worker_id("w1");
  }

  v1::GetWorkflowSummaryResponse summary;
};

TEST_F(SummaryTest, TellsWhereTheTimeWent) {  // B230, B231, B232, B233, B234, B235, B236, S82
  EXPECT_EQ(Run({"summary", "42"}), ExitCode::kOk);
  EXPECT_EQ(out.str(),
            "workflow  40\n"
            "type      resize\n"
            "state     COMPLETED\n"
            "takes     8s\n"
            "created   2026-11-23 17:00:00 (52d15h ago)\n"
            "tasks     3: 2 COMPLETED, 1 PERMANENTLY_FAILED\n"
            "types     3 resize\n"
            "stages    3 at stage 0\n"
            "attempts  4: 3 SUCCEEDED, 1 running; at most 2 of a task\n"
            "events    20, 1 of them checkpoints\n"
            "workers   w1, … 6 more\n"
            "\n"
            "Attempts of the root:\n"
            "TASK  TYPE    STAGE  ATTEMPT  OUTCOME    WORKER  CLAIMED                           TOOK\n"
            "40    resize  0      1        (running)  w1      2026-11-23 17:00:02 (52d14h ago)  6s\n"
            "\n"
            "Critical path:\n"
            "AT    TOOK  SHARE  TASK  TYPE    WHAT     ATTEMPT  WORKER\n"
            "+0ms  2s    25.0%  40    resize  QUEUED   -        -\n"
            "+2s   6s    75.0%  40    resize  RUNNING  1        w1\n"
            "\n"
            "Failed or paused:\n"
            "TASK  TYPE    STATE               ERROR\n"
            "41    resize  PERMANENTLY_FAILED  no\\npaper\n");
  EXPECT_EQ(err.str(), "");
}

TEST_F(SummaryTest, IsOneJsonObject) {  // B229
  summary.set_truncated(true);
  EXPECT_EQ(Run({"summary", "42", "-o", "json"}), ExitCode::kOk);
  const Json json = Json::parse(out.str());
  EXPECT_EQ(json["critical_path"][1]["kind"], "RUNNING");
  EXPECT_EQ(json["critical_path"][1]["duration_us"], 6'000'000);
  EXPECT_EQ(json["workers"][0], "w1");
  EXPECT_THAT(err.str(), HasSubstr("more than 3 tasks: the others were not looked at"));
}

}  // namespace
}  // namespace baton::cli
