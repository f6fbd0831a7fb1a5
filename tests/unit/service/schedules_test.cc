#include "broker/service/schedules.h"

#include <functional>

#include "tests/unit/service/decoding_fixture.h"

namespace baton::service {
namespace {

class CreateScheduleForTest final : public engine::CreateScheduleCommand {
 public:
  void Answer() override {}
};

class ScheduleDecodingTest : public DecodingTest {
 protected:
  static v1::CreateScheduleRequest Good() {
    v1::CreateScheduleRequest request;
    request.mutable_schedule()->set_name("nightly-report");
    request.mutable_schedule()->set_cron("30 2 * * *");
    request.mutable_schedule()->mutable_task()->set_type("report");
    return request;
  }
  Error Decode(const v1::CreateScheduleRequest& request) {
    command_.actor = "local";
    return DecodeCreateSchedule(decoding_, request, &command_);
  }

  CreateScheduleForTest command_;
};

TEST_F(ScheduleDecodingTest, DecodesADefinition) {  // S68
  v1::CreateScheduleRequest request = Good();
  v1::ScheduleDefinition& wire = *request.mutable_schedule();
  wire.set_time_zone("Europe/Berlin");
  wire.mutable_task()->set_tag("nightly");
  wire.mutable_task()->mutable_payload()->set_json("{}");
  wire.mutable_task()->mutable_options()->set_priority(3);
  wire.mutable_task()->set_trace_parent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  wire.set_overlap(v1::OVERLAP_POLICY_ALLOW);
  wire.set_catch_up(v1::CATCH_UP_POLICY_ALL);
  wire.set_keep_going(true);
  wire.set_max_firings(7);
  wire.mutable_end_at()->set_seconds(decoding_.now / kSecond + 60);
  request.set_replace(true);
  ASSERT_THAT(Decode(request), IsOk());
  EXPECT_TRUE(command_.replace);
  const engine::Schedule& schedule = *command_.schedule;
  EXPECT_EQ(schedule.name, "nightly-report");
  EXPECT_EQ(schedule.options->priority, 3);
  EXPECT_NE(schedule.tag_hash, 0u);
  const records::v1::ScheduleRow& row = schedule.row;
  EXPECT_EQ(row.time_zone(), "Europe/Berlin");
  EXPECT_EQ(row.type(), "report");
  EXPECT_EQ(row.actor(), "local");
  EXPECT_EQ(row.overlap(), records::v1::ScheduleRow::ALLOW);
  EXPECT_EQ(row.catch_up(), records::v1::ScheduleRow::ALL);
  EXPECT_EQ(row.catch_up_limit(), 100u);
  EXPECT_TRUE(row.keep_going());
  EXPECT_EQ(row.max_firings(), 7u);
  EXPECT_EQ(row.end_us() / kSecond, decoding_.now / kSecond + 60);
  records::v1::TaskRow task;
  ASSERT_TRUE(task.ParseFromString(row.task_row()));
  EXPECT_EQ(task.payload().json(), "{}");
  EXPECT_EQ(task.tag(), "nightly");
  EXPECT_EQ(task.schedule(), "nightly-report");
  // What is made of the row on a restart is the same.
  engine::Schedule again;
  again.row = row;
  ASSERT_TRUE(Prepare(&again).ok());
  EXPECT_EQ(*again.options, *schedule.options);
  EXPECT_EQ(again.tag_hash, schedule.tag_hash);
  EXPECT_EQ(schedule.trace->parent, wire.task().trace_parent());
  EXPECT_EQ(again.trace->parent, wire.task().trace_parent());
}

TEST_F(ScheduleDecodingTest, SameDefinitionHasTheSameHashAndAnotherHasNot) {
  ASSERT_THAT(Decode(Good()), IsOk());
  const std::string hash = command_.schedule->row.definition_hash();
  ASSERT_THAT(Decode(Good()), IsOk());
  EXPECT_EQ(command_.schedule->row.definition_hash(), hash);
  v1::CreateScheduleRequest spelt_out = Good();
  spelt_out.mutable_schedule()->set_time_zone("UTC");
  spelt_out.mutable_schedule()->set_overlap(v1::OVERLAP_POLICY_SKIP);
  spelt_out.mutable_schedule()->set_catch_up(v1::CATCH_UP_POLICY_ONE);
  spelt_out.mutable_schedule()->mutable_task()->mutable_options();
  ASSERT_THAT(Decode(spelt_out), IsOk());
  EXPECT_EQ(command_.schedule->row.definition_hash(), hash) << "it means the same";
  v1::CreateScheduleRequest other = Good();
  other.mutable_schedule()->mutable_task()->mutable_payload()->set_data("x");
  ASSERT_THAT(Decode(other), IsOk());
  EXPECT_NE(command_.schedule->row.definition_hash(), hash);
}

TEST_F(ScheduleDecodingTest, RefusesABadDefinitionByName) {  // B59
  const struct {
    const char* reason;
    const char* named;
    std::function<void(v1::ScheduleDefinition*)> change;
  } cases[] = {
      {"FIELD_REQUIRED", "schedule.name", [](auto* wire) { wire->clear_name(); }},
      {"BAD_NAME", "schedule.name", [](auto* wire) { wire->set_name("a b"); }},
      {"FIELD_REQUIRED", "schedule.cron", [](auto* wire) { wire->clear_cron(); }},
      {"BAD_CRON", "schedule.cron is not right: it has 1 fields", [](auto* wire) { wire->set_cron("invalid"); }},
      {"BAD_CRON", "'0 0 31 2 *' is never due", [](auto* wire) { wire->set_cron("0 0 31 2 *"); }},
      {"BAD_TIME_ZONE", "'Mars/Olympus' is not a time zone", [](auto* wire) { wire->set_time_zone("Mars/Olympus"); }},
      {"FIELD_REQUIRED", "schedule.task.type", [](auto* wire) { wire->clear_task(); }},
      {"MALFORMED_JSON", "schedule.task.payload.json",
       [](auto* wire) { wire->mutable_task()->mutable_payload()->set_json("{"); }},
      {"OUT_OF_RANGE", "schedule.task.options.priority",
       [](auto* wire) { wire->mutable_task()->mutable_options()->set_priority(99); }},
      {"FIELDS_EXCLUDE_EACH_OTHER", "schedule.task.delay_us",
       [](auto* wire) { wire->mutable_task()->set_delay_us(1); }},
      {"FIELDS_EXCLUDE_EACH_OTHER", "schedule.task.run_at_us",
       [](auto* wire) { wire->mutable_task()->set_run_at_us(1); }},
      {"FIELDS_EXCLUDE_EACH_OTHER", "schedule.task.unique_key",
       [](auto* wire) { wire->mutable_task()->set_unique_key("k"); }},
      {"FIELDS_EXCLUDE_EACH_OTHER", "schedule.task.unique_policy is set",
       [](auto* wire) { wire->mutable_task()->set_unique_policy(v1::UNIQUE_POLICY_REJECT); }},
      {"OUT_OF_RANGE", "schedule.overlap is 9",
       [](auto* wire) { wire->set_overlap(static_cast<v1::OverlapPolicy>(9)); }},
      {"OUT_OF_RANGE", "schedule.catch_up is -1",
       [](auto* wire) { wire->set_catch_up(static_cast<v1::CatchUpPolicy>(-1)); }},
      {"FIELDS_EXCLUDE_EACH_OTHER", "needs overlap ALLOW",
       [](auto* wire) { wire->set_catch_up(v1::CATCH_UP_POLICY_ALL); }},
      {"FIELDS_EXCLUDE_EACH_OTHER", "schedule.catch_up_limit", [](auto* wire) { wire->set_catch_up_limit(5); }},
      {"OUT_OF_RANGE", "schedule.catch_up_limit",
       [](auto* wire) {
         wire->set_overlap(v1::OVERLAP_POLICY_ALLOW);
         wire->set_catch_up(v1::CATCH_UP_POLICY_ALL);
         wire->set_catch_up_limit(1001);
       }},
      {"OUT_OF_RANGE", "schedule.end_at.seconds", [](auto* wire) { wire->mutable_end_at()->set_seconds(INT64_MAX); }},
      {"OUT_OF_RANGE", "schedule.end_at.nanos", [](auto* wire) { wire->mutable_end_at()->set_nanos(-1); }},
  };
  for (const auto& wrong : cases) {
    v1::CreateScheduleRequest request = Good();
    wrong.change(request.mutable_schedule());
    EXPECT_THAT(Decode(request), Refuses(wrong.reason, wrong.named));
  }
}

TEST_F(ScheduleDecodingTest, VerbsNameASchedule) {
  class NoAnswer final : public engine::ChangeScheduleCommand {
   public:
    void Answer() override {}
  } command;
  EXPECT_THAT(DecodeChangeSchedule("", "", &command), Refuses("FIELD_REQUIRED", "name"));
  EXPECT_THAT(DecodeChangeSchedule("a b", "", &command), Refuses("BAD_NAME", "name"));
  EXPECT_THAT(DecodeChangeSchedule("a", std::string(1025, 'r'), &command), Refuses("FIELD_TOO_LONG", "reason"));
  ASSERT_THAT(DecodeChangeSchedule("nightly", "holidays", &command), IsOk());
  EXPECT_TRUE(command.name == "nightly" && command.reason == "holidays");
}

TEST_F(ScheduleDecodingTest, PreviewTellsInstants) {
  v1::PreviewScheduleRequest request;
  v1::PreviewScheduleResponse response;
  EXPECT_THAT(PreviewSchedule(0, request, &response), Refuses("FIELD_REQUIRED", "cron"));
  request.set_cron("0 12 * * *");
  request.set_time_zone("Europe/Berlin");
  ASSERT_THAT(PreviewSchedule(0, request, &response), IsOk());
  ASSERT_EQ(response.instants_size(), 10);
  EXPECT_EQ(response.instants(0).seconds(), 11 * 3600);
  response.Clear();
  request.set_count(1);
  request.mutable_after()->set_seconds(86'400);
  ASSERT_THAT(PreviewSchedule(0, request, &response), IsOk());
  ASSERT_EQ(response.instants_size(), 1);
  EXPECT_EQ(response.instants(0).seconds(), 86'400 + 11 * 3600);
  request.set_count(1001);
  EXPECT_THAT(PreviewSchedule(0, request, &response), Refuses("OUT_OF_RANGE", "count"));
  request.set_count(1);
  request.mutable_after()->set_seconds(INT64_MIN);
  EXPECT_THAT(PreviewSchedule(0, request, &response), Refuses("OUT_OF_RANGE", "after.seconds"));
  request.clear_after();
  request.set_time_zone("../zone");
  EXPECT_THAT(PreviewSchedule(0, request, &response), Refuses("BAD_TIME_ZONE", "time_zone"));
}

}  // namespace
}  // namespace baton::service
