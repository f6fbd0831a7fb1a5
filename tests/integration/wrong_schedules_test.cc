// Schedules, with every kind of wrong argument. What of the catalogue of errors this covers: wrong_arguments_test.cc.
#include "absl/strings/str_cat.h"
#include "baton/records/v1/records.pb.h"
#include "broker/engine/format/keys.h"
#include "tests/integration/wrong_request.h"

namespace baton {
namespace {

using grpc::StatusCode;

// Requests to create a schedule that is right but for one thing.
std::string Named(const std::string& name) {
  return absl::StrCat("schedule { name: '", name, "' cron: '@daily' task { type: 'idle' } }");
}
std::string Create(const std::string& set, const std::string& task = "type: 'idle'") {
  return absl::StrCat("schedule { name: 'new' cron: '@daily' task { ", task, " } ", set, " }");
}
std::string WithCron(const std::string& cron) {
  return absl::StrCat("schedule { name: 'new' cron: '", cron, "' task { type: 'idle' } }");
}

TEST_F(WrongRequestTest, CreateScheduleWithAWrongName) {
  const char* kCreate = "TaskAdmin.CreateSchedule";
  SendAll({
      Row("no schedule", kCreate, "", kInvalid, "FIELD_REQUIRED", {"schedule.name is required"}),
      Row("no name", kCreate, "schedule { cron: '@daily' task { type: 'idle' } }", kInvalid, "FIELD_REQUIRED",
          {"schedule.name is required"}),
      Row("a badly spelt name", kCreate, Named("every night"), kInvalid, "BAD_NAME",
          {"schedule.name is 'every night'", "only letters"}),
      Row("an overlong name", kCreate, Named("<129 letters>"), kInvalid, "FIELD_TOO_LONG",
          {"schedule.name has 129", "128"}),
      Row("the name of another schedule", kCreate, Named("nightly"), StatusCode::ALREADY_EXISTS, "SCHEDULE_EXISTS",
          {"schedule 'nightly'", "set replace"}),
      Row("one too many", kCreate, Create(""), StatusCode::RESOURCE_EXHAUSTED, "TOO_MANY_SCHEDULES",
          {"4 schedules", "at most 3", "limits.schedules", "delete some"}),
  });
}

TEST_F(WrongRequestTest, CreateScheduleForAWrongTime) {  // B61, B260
  const char* kCreate = "TaskAdmin.CreateSchedule";
  SendAll({
      Row("no expression", kCreate, WithCron(""), kInvalid, "FIELD_REQUIRED", {"schedule.cron is required"}),
      Row("blanks", kCreate, WithCron("  "), kInvalid, "FIELD_REQUIRED", {"schedule.cron is required"}),
      Row("an overlong expression", kCreate, WithCron("<1025 letters>"), kInvalid, "BAD_CRON",
          {"schedule.cron", "1025 bytes", "at most 256"}),
      Row("a word", kCreate, WithCron("invalid"), kInvalid, "BAD_CRON", {"schedule.cron", "1 fields", "write five"}),
      Row("seven fields", kCreate, WithCron("0 0 0 1 1 * 2030"), kInvalid, "BAD_CRON", {"7 fields"}),
      Row("a minute out of range", kCreate, WithCron("60 * * * *"), kInvalid, "BAD_CRON", {"minute 60", "0 to 59"}),
      Row("a month out of range", kCreate, WithCron("0 0 1 13 *"), kInvalid, "BAD_CRON", {"month 13", "1 to 12"}),
      Row("a range the wrong way round", kCreate, WithCron("0 0 * * 5-1"), kInvalid, "BAD_CRON", {"5-1", "two ranges"}),
      Row("a step of nothing", kCreate, WithCron("*/0 * * * *"), kInvalid, "BAD_CRON", {"*/0", "at least 1"}),
      Row("an empty place in a list", kCreate, WithCron("1,,2 * * * *"), kInvalid, "BAD_CRON", {"1,,2", "empty place"}),
      Row("a nearest weekday", kCreate, WithCron("0 0 15W * *"), kInvalid, "BAD_CRON", {"'W'", "name the days"}),
      Row("a question mark", kCreate, WithCron("0 0 ? * 1"), kInvalid, "BAD_CRON", {"'?'", "write *"}),
      Row("a numbered weekday", kCreate, WithCron("0 0 * * 5#2"), kInvalid, "BAD_CRON", {"'#'", "nL"}),
      Row("a shorthand that does not exist", kCreate, WithCron("@reboot"), kInvalid, "BAD_CRON",
          {"'@reboot'", "@daily"}),
      Row("a day that never comes", kCreate, WithCron("0 0 30 2 *"), kInvalid, "BAD_CRON", {"never due"}),
      Row("an unknown time zone", kCreate, Create("time_zone: 'Mars/Olympus'"), kInvalid, "BAD_TIME_ZONE",
          {"schedule.time_zone", "'Mars/Olympus'", "Europe/Berlin"}),
      Row("a path as a time zone", kCreate, Create("time_zone: '../../etc/passwd'"), kInvalid, "BAD_TIME_ZONE",
          {"'../../etc/passwd'"}),
      Row("an overlong time zone", kCreate, Create("time_zone: '<16000 letters>'"), kInvalid, "FIELD_TOO_LONG",
          {"schedule.time_zone has 16000", "128"}),
      Row("an end that is over", kCreate, Create("end_at { seconds: 1 }"), kInvalid, "OUT_OF_RANGE",
          {"schedule.end_at", "a time to come"}),
      Row("an end that is no time", kCreate, Create("end_at { seconds: 253402300800 }"), kInvalid, "OUT_OF_RANGE",
          {"schedule.end_at.seconds is 253402300800"}),
      Row("negative parts of a second", kCreate, Create("end_at { seconds: 253402300799 nanos: -1 }"), kInvalid,
          "OUT_OF_RANGE", {"schedule.end_at.nanos is -1"}),
  });
}

TEST_F(WrongRequestTest, CreateScheduleOfAWrongTask) {
  const char* kCreate = "TaskAdmin.CreateSchedule";
  SendAll({
      Row("no task", kCreate, "schedule { name: 'new' cron: '@daily' }", kInvalid, "FIELD_REQUIRED",
          {"schedule.task.type"}),
      Row("a badly spelt type", kCreate, Create("", "type: 'a b'"), kInvalid, "BAD_NAME",
          {"schedule.task.type is 'a b'"}),
      Row("a delay", kCreate, Create("", "type: 'idle' delay_us: 1"), kInvalid, "FIELDS_EXCLUDE_EACH_OTHER",
          {"schedule.task.delay_us", "the cron expression says when"}),
      Row("a start", kCreate, Create("", "type: 'idle' run_at_us: 1"), kInvalid, "FIELDS_EXCLUDE_EACH_OTHER",
          {"schedule.task.run_at_us"}),
      Row("a unique key", kCreate, Create("", "type: 'idle' unique_key: 'k'"), kInvalid, "FIELDS_EXCLUDE_EACH_OTHER",
          {"schedule.task.unique_key", "overlap"}),
      Row("a payload that is not JSON", kCreate, Create("", "type: 'idle' payload { json: '{' }"), kInvalid,
          "MALFORMED_JSON", {"schedule.task.payload.json is '{'"}),
      Row("a priority out of range", kCreate, Create("", "type: 'idle' options { priority: 99 }"), kInvalid,
          "OUT_OF_RANGE", {"schedule.task.options.priority is 99"}),
      Row("an unknown overlap", kCreate, Create("overlap: 3"), kInvalid, "OUT_OF_RANGE",
          {"schedule.overlap is 3", "0 to 2"}),
      Row("a negative catch-up", kCreate, Create("catch_up: -1"), kInvalid, "OUT_OF_RANGE",
          {"schedule.catch_up is -1", "0 to 3"}),
      Row("all late firings, which skip each other", kCreate, Create("catch_up: CATCH_UP_POLICY_ALL"), kInvalid,
          "FIELDS_EXCLUDE_EACH_OTHER", {"catch_up ALL", "overlap ALLOW"}),
      Row("a limit without late firings", kCreate, Create("catch_up_limit: 5"), kInvalid, "FIELDS_EXCLUDE_EACH_OTHER",
          {"schedule.catch_up_limit", "leave it 0"}),
      Row("too high a limit", kCreate, Create("overlap: 2 catch_up: 3 catch_up_limit: 1001"), kInvalid, "OUT_OF_RANGE",
          {"schedule.catch_up_limit is 1001", "1000"}),
  });
}

// Get, Pause, Unpause, Trigger and Delete take a name, and refuse it alike.
TEST_F(WrongRequestTest, NamesOfSchedules) {
  std::vector<WrongRequest> rows;
  for (const char* method : {"TaskAdmin.GetSchedule", "TaskAdmin.PauseSchedule", "TaskAdmin.UnpauseSchedule",
                             "TaskAdmin.TriggerSchedule", "TaskAdmin.DeleteSchedule"}) {
    rows.push_back(Row("no name", method, "", kInvalid, "FIELD_REQUIRED", {"name is required"}));
    rows.push_back(Row("a badly spelt name", method, "name: 'a b'", kInvalid, "BAD_NAME", {"name is 'a b'"}));
    rows.push_back(
        {"an overlong name", method, "name: '<16000 letters>'", kInvalid, "FIELD_TOO_LONG", {"name has 16000", "128"}});
    rows.push_back(Row("not UTF-8", method, "name: '\\377'", kInvalid, "MALFORMED_MESSAGE", {"UTF-8"}));
    rows.push_back(Row("an unknown name", method, "name: 'nobody'", StatusCode::NOT_FOUND, "SCHEDULE_NOT_FOUND",
                       {"schedule 'nobody'", "ListSchedules"}));
  }
  SendAll(rows);
}

TEST_F(WrongRequestTest, ChangeAndListSchedules) {
  SendAll({
      Row("an overlong reason", "TaskAdmin.PauseSchedule", "name: 'nightly' reason: '<1025 letters>'", kInvalid,
          "FIELD_TOO_LONG", {"reason has 1025", "1024"}),
      Row("one that is not paused", "TaskAdmin.UnpauseSchedule", "name: 'nightly'", kPrecondition, "NOT_PAUSED",
          {"schedule 'nightly'", "not paused", "GetSchedule"}),
      Row("one whose task has not ended", "TaskAdmin.TriggerSchedule", "name: 'busy'", kPrecondition, "SCHEDULE_BUSY",
          {"task <firing>", "schedule 'busy'", "SKIP", "cancel it"}),
      Row("a negative page size", "TaskAdmin.ListSchedules", "page_size: -1", kInvalid, "PAGE_SIZE",
          {"page_size is -1"}),
      Row("too large a page size", "TaskAdmin.ListSchedules", "page_size: 1001", kInvalid, "PAGE_SIZE",
          {"page_size is 1001", "1 to 1000"}),
      Row("an invented token", "TaskAdmin.ListSchedules", "page_token: 'invented'", kInvalid, "BAD_PAGE_TOKEN",
          {"'invented'"}),
      Row("the token of another list", "TaskAdmin.ListSchedules", "page_token: '<page of tasks>'", kInvalid,
          "BAD_PAGE_TOKEN", {"<page of tasks>"}),
  });
}

// The data of time zones may be older after a restart, or those of another machine.
TEST_F(WrongRequestTest, ScheduleWhoseTimeZoneIsGone) {
  const std::string key = engine::ScheduleMetaKey("held");
  Tamper([&](const storage::Snapshot& stored, storage::WriteBatch* change) {
    std::string value;
    records::v1::ScheduleRow row;
    ASSERT_TRUE(stored.Get(storage::Family::kMeta, key, &value).ok() && row.ParseFromString(value));
    row.set_time_zone("Mars/Olympus");
    change->Put(storage::Family::kMeta, key, row.SerializeAsString());
  });
  SendAll({Row("a time zone that is gone", "TaskAdmin.UnpauseSchedule", "name: 'held'", kPrecondition, "BAD_SCHEDULE",
               {"schedule 'held' cannot go on", "Mars/Olympus"})});
}

TEST_F(WrongRequestTest, PreviewSchedule) {
  const char* kPreview = "TaskAdmin.PreviewSchedule";
  SendAll({
      Row("no expression", kPreview, "", kInvalid, "FIELD_REQUIRED", {"cron is required"}),
      Row("a word", kPreview, "cron: 'invalid'", kInvalid, "BAD_CRON", {"cron", "1 fields"}),
      Row("odd letters", kPreview, "cron: '* * * * <100 odd letters>'", kInvalid, "BAD_CRON",
          {"day of week", "not a number"}),
      Row("an unknown time zone", kPreview, "cron: '@daily' time_zone: 'Mars/Olympus'", kInvalid, "BAD_TIME_ZONE",
          {"time_zone", "'Mars/Olympus'"}),
      Row("an overlong time zone", kPreview, "cron: '@daily' time_zone: '<16000 letters>'", kInvalid, "FIELD_TOO_LONG",
          {"time_zone has 16000", "128"}),
      Row("a negative count", kPreview, "cron: '@daily' count: -1", kInvalid, "OUT_OF_RANGE",
          {"count is -1", "0 to 1000"}),
      Row("too many", kPreview, "cron: '@daily' count: 1001", kInvalid, "OUT_OF_RANGE", {"count is 1001"}),
      Row("from no time", kPreview, "cron: '@daily' after { seconds: -62135596801 }", kInvalid, "OUT_OF_RANGE",
          {"after.seconds is -62135596801"}),
      Row("more than a second of parts", kPreview, "cron: '@daily' after { nanos: 1000000000 }", kInvalid,
          "OUT_OF_RANGE", {"after.nanos is 1000000000"}),
  });
}

}  // namespace
}  // namespace baton
