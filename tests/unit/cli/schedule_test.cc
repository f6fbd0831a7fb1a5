// baton schedule
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/cli/fake_broker.h"

namespace baton::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

v1::Schedule Nightly() {
  v1::Schedule schedule;
  schedule.mutable_definition()->set_name("nightly");
  schedule.mutable_definition()->set_cron("@daily");
  schedule.mutable_definition()->set_time_zone("UTC");
  schedule.mutable_definition()->mutable_task()->set_type("report");
  schedule.mutable_definition()->mutable_task()->mutable_payload()->set_json("{\"kind\": 1}");
  schedule.set_state(v1::SCHEDULE_STATE_ACTIVE);
  schedule.set_fired(3);
  schedule.set_skipped(1);
  schedule.set_missed(2);
  schedule.set_last_task_id(17);
  schedule.set_actor("local");
  schedule.mutable_next_at()->set_seconds(1'800'003'600);
  return schedule;
}

TEST_F(CommandTest, ScheduleCreateSendsEverythingThatIsGiven) {
  v1::CreateScheduleRequest sent;
  broker.create_schedule = [&](const v1::CreateScheduleRequest& request) {
    sent = request;
    return absl::StatusOr<v1::CreateScheduleResponse>(v1::CreateScheduleResponse());
  };
  EXPECT_EQ(Run({"schedule", "create", "nightly", "30 2 * * *", "report", "--json", "{}", "--tag", "books",
                 "--priority", "3", "--time-zone", "Europe/Berlin", "--overlap", "allow", "--catch-up", "all",
                 "--catch-up-limit", "7", "--keep-going", "--max-firings", "9", "--end", "2027-01-01T00:00:00Z",
                 "--replace"}),
            ExitCode::kOk);
  const v1::ScheduleDefinition& schedule = sent.schedule();
  EXPECT_EQ(schedule.name(), "nightly");
  EXPECT_EQ(schedule.cron(), "30 2 * * *");
  EXPECT_EQ(schedule.time_zone(), "Europe/Berlin");
  EXPECT_EQ(schedule.task().type(), "report");
  EXPECT_EQ(schedule.task().payload().json(), "{}");
  EXPECT_EQ(schedule.task().tag(), "books");
  EXPECT_EQ(schedule.task().options().priority(), 3);
  EXPECT_EQ(schedule.overlap(), v1::OVERLAP_POLICY_ALLOW);
  EXPECT_EQ(schedule.catch_up(), v1::CATCH_UP_POLICY_ALL);
  EXPECT_EQ(schedule.catch_up_limit(), 7);
  EXPECT_TRUE(schedule.keep_going());
  EXPECT_EQ(schedule.max_firings(), 9u);
  EXPECT_EQ(schedule.end_at().seconds(), 1'798'761'600);
  EXPECT_TRUE(sent.replace());
  EXPECT_EQ(out.str(), "Schedule nightly is stored. It does not fire: it is paused, or over.\n");
  EXPECT_EQ(Run({"schedule", "create", "nightly", "@daily", "report"}), ExitCode::kOk);
  EXPECT_FALSE(sent.schedule().task().has_payload());
}

TEST_F(CommandTest, ScheduleCreateFindsMistakesBeforeItAsks) {
  EXPECT_EQ(Run({"schedule", "create", "nightly", "@daily"}), ExitCode::kBadInput);
  EXPECT_EQ(Run({"schedule", "create", "n", "@daily", "report", "--json", "{"}), ExitCode::kBadInput);
  EXPECT_EQ(Run({"schedule", "create", "n", "@daily", "report", "--overlap", "maybe"}), ExitCode::kBadInput);
  EXPECT_THAT(err.str(), HasSubstr("it is one of SKIP, ALLOW"));
  EXPECT_EQ(Run({"schedule", "create", "n", "@daily", "report", "--end", "soon"}), ExitCode::kBadInput);
  EXPECT_EQ(Run({"schedule", "create", "n", "@daily", "report", "--max-firings", "0"}), ExitCode::kBadInput);
}

TEST_F(CommandTest, ScheduleCreateSpeaksOfNoOptionThatItDoesNotHave) {
  EXPECT_EQ(Run({"submit", "--help"}), ExitCode::kOk);
  EXPECT_THAT(out.str(), HasSubstr("is --wait-timeout"));
  EXPECT_EQ(Run({"schedule", "create", "--help"}), ExitCode::kOk);
  EXPECT_THAT(out.str(), HasSubstr("--total-timeout"));
  EXPECT_THAT(out.str(), Not(HasSubstr("--wait-timeout")));
}

TEST_F(CommandTest, ScheduleMayBeNamedLikeAVerb) {
  broker.pause_schedule = [](const v1::PauseScheduleRequest& request) {
    EXPECT_EQ(request.name(), "list");
    return absl::OkStatus();
  };
  EXPECT_EQ(Run({"schedule", "pause", "list"}), ExitCode::kOk);
}

TEST_F(CommandTest, ScheduleListFollowsPages) {
  broker.list_schedules = [](const v1::ListSchedulesRequest& request) {
    v1::ListSchedulesResponse page;
    *page.add_schedules() = Nightly();
    if (request.page_token().empty()) page.set_next_page_token("more");
    return absl::StatusOr<v1::ListSchedulesResponse>(page);
  };
  EXPECT_EQ(Run({"schedule", "list"}), ExitCode::kOk);
  EXPECT_EQ(out.str(),
            "NAME     STATE   NEXT                         CRON    ZONE  TYPE    FIRED  SKIPPED  MISSED  LAST TASK\n"
            "nightly  ACTIVE  2027-01-15 09:00:00 (in 1h)  @daily  UTC   report  3      1        2       17\n"
            "nightly  ACTIVE  2027-01-15 09:00:00 (in 1h)  @daily  UTC   report  3      1        2       17\n");
  EXPECT_EQ(Run({"schedule"}), ExitCode::kOk) << "the same";
  EXPECT_EQ(Run({"schedule", "list", "--limit", "1", "-o", "jsonl"}), ExitCode::kOk);
  EXPECT_THAT(out.str(), HasSubstr("\"state\":\"ACTIVE\""));
}

TEST_F(CommandTest, ScheduleShowTellsWhatComes) {
  v1::PreviewScheduleRequest asked;
  broker.get_schedule = [](const v1::GetScheduleRequest& request) -> absl::StatusOr<v1::GetScheduleResponse> {
    if (request.name() != "nightly") {
      return MakeStatus(absl::StatusCode::kNotFound, "there is no schedule 'x'", "SCHEDULE_NOT_FOUND");
    }
    v1::GetScheduleResponse response;
    *response.mutable_schedule() = Nightly();
    return response;
  };
  broker.preview_schedule = [&](const v1::PreviewScheduleRequest& request) {
    asked = request;
    v1::PreviewScheduleResponse response;
    response.add_instants()->set_seconds(1'700'006'400);
    return absl::StatusOr<v1::PreviewScheduleResponse>(response);
  };
  EXPECT_EQ(Run({"schedule", "show", "nightly"}), ExitCode::kOk);
  EXPECT_EQ(asked.cron(), "@daily");
  EXPECT_THAT(out.str(), HasSubstr("cron"));
  EXPECT_THAT(out.str(), HasSubstr("2023-11-15 00:00:00"));
  EXPECT_THAT(out.str(), HasSubstr("{\"kind\":1}"));
  EXPECT_THAT(out.str(), HasSubstr("pauses"));
  EXPECT_EQ(Run({"schedule", "show", "x"}), ExitCode::kNotFound);
  EXPECT_THAT(err.str(), HasSubstr("there is no schedule 'x' (SCHEDULE_NOT_FOUND)"));
}

TEST_F(CommandTest, ScheduleShowTellsEverySetting) {
  v1::Schedule schedule = Nightly();
  schedule.clear_next_at();
  v1::ScheduleDefinition& definition = *schedule.mutable_definition();
  definition.set_catch_up(v1::CATCH_UP_POLICY_ALL);
  definition.set_catch_up_limit(7);
  v1::NewTask& task = *definition.mutable_task();
  task.mutable_options()->set_max_retries(1);
  task.mutable_options()->set_priority(5);
  task.mutable_options()->mutable_required_capabilities()->add_names("GPU");
  task.mutable_options()->mutable_required_capabilities()->add_names("SSD");
  task.set_start_timeout_us(3'600'000'000);
  task.set_total_timeout_us(86'400'000'000);
  task.set_trace_parent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  task.set_trace_state("rojo=1");
  broker.get_schedule = [&](const v1::GetScheduleRequest&) {
    v1::GetScheduleResponse response;
    *response.mutable_schedule() = schedule;
    return absl::StatusOr<v1::GetScheduleResponse>(response);
  };
  EXPECT_EQ(Run({"schedule", "show", "nightly"}), ExitCode::kOk);
  for (const char* line :
       {"catch up           ALL, at most 7\n", "options            attempts 1, priority 5, requires GPU+SSD\n",
        "start timeout      1h\n", "total timeout      1d\n", "trace state        rojo=1\n",
        "trace parent       00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\n", "skipped            1\n",
        "missed             2\n"}) {
    EXPECT_THAT(out.str(), HasSubstr(line));
  }
  task.clear_options();
  task.mutable_options()->mutable_required_capabilities();
  EXPECT_EQ(Run({"schedule", "show", "nightly"}), ExitCode::kOk);
  EXPECT_THAT(out.str(), HasSubstr("options            requires nothing\n")) << "as --require-none has it";
}

TEST_F(CommandTest, ScheduleVerbsSayWhatTheyDid) {
  v1::PauseScheduleRequest paused;
  broker.pause_schedule = [&](const v1::PauseScheduleRequest& request) {
    paused = request;
    return absl::OkStatus();
  };
  broker.unpause_schedule = [](const v1::UnpauseScheduleRequest&) {
    return absl::StatusOr<v1::UnpauseScheduleResponse>(v1::UnpauseScheduleResponse());
  };
  broker.trigger_schedule = [](const v1::TriggerScheduleRequest&) {
    v1::TriggerScheduleResponse response;
    response.set_task_id(42);
    return absl::StatusOr<v1::TriggerScheduleResponse>(response);
  };
  broker.delete_schedule = [](const v1::DeleteScheduleRequest& request) {
    EXPECT_EQ(request.name(), "nightly");
    return absl::OkStatus();
  };
  EXPECT_EQ(Run({"schedule", "pause", "nightly", "--reason", "holidays"}), ExitCode::kOk);
  EXPECT_EQ(paused.reason(), "holidays");
  EXPECT_EQ(out.str(), "Paused schedule nightly.\n");
  EXPECT_EQ(Run({"schedule", "unpause", "nightly"}), ExitCode::kOk);
  EXPECT_EQ(Run({"schedule", "resume", "nightly", "-o", "jsonl"}), ExitCode::kOk);
  EXPECT_EQ(out.str(), "{\"paused\":false,\"next_at\":null,\"name\":\"nightly\"}\n");
  EXPECT_EQ(Run({"schedule", "trigger", "nightly"}), ExitCode::kOk);
  EXPECT_EQ(out.str(), "Triggered schedule nightly: task 42.\n");
  EXPECT_EQ(Run({"schedule", "delete", "nightly"}), ExitCode::kOk);
  EXPECT_EQ(out.str(), "Deleted schedule nightly.\n");
  EXPECT_EQ(Run({"schedule", "delete"}), ExitCode::kBadInput);
}

TEST_F(CommandTest, SchedulePreviewShowsTheClocksOfTheZone) {
  broker.preview_schedule = [](const v1::PreviewScheduleRequest& request) {
    EXPECT_EQ(request.count(), 1);
    EXPECT_EQ(request.after().seconds(), 1'774'652'400);
    v1::PreviewScheduleResponse response;
    response.add_instants()->set_seconds(1'774'661'400);
    return absl::StatusOr<v1::PreviewScheduleResponse>(response);
  };
  EXPECT_EQ(Run({"schedule", "preview", "30 2 * * *", "--time-zone", "Europe/Berlin", "--count", "1", "--after",
                 "2026-03-27T23:00:00Z"}),
            ExitCode::kOk);
  EXPECT_THAT(out.str(), HasSubstr("Sat 2026-03-28 02:30:00 +01:00  2026-03-28T01:30:00Z"));
  EXPECT_EQ(Run({"schedule", "preview", "@daily", "--count", "0"}), ExitCode::kBadInput);
}

}  // namespace
}  // namespace baton::cli
