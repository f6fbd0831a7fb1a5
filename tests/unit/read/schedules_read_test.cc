// Schedules as they are shown.
#include "absl/strings/str_cat.h"
#include "tests/unit/read/scene.h"

namespace baton::service::testing {
namespace {

using absl::StatusCode;
using records::v1::ScheduleRow;
using records::v1::ScheduleStateRow;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SchedulesReadTest : public ::testing::Test {
 protected:
  void Put(const std::string& name, const ScheduleStateRow& state, const std::string& payload = "{}") {
    records::v1::TaskRow task;
    task.mutable_payload()->set_json(payload);
    task.set_tag("nightly");
    task.mutable_options()->set_priority(4);
    task.set_trace_parent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    task.set_trace_state("rojo=1");
    ScheduleRow row;
    row.set_number(1);
    row.set_cron("@daily");
    row.set_time_zone("UTC");
    row.set_type("report");
    row.set_task_row(task.SerializeAsString());
    row.set_created_us(scene_.now());
    row.set_actor("local");
    scene_.PutRow(storage::Family::kMeta, engine::ScheduleMetaKey(name), row.SerializeAsString());
    scene_.PutRow(storage::Family::kMeta, engine::ScheduleStateMetaKey(name), state.SerializeAsString());
  }
  std::pair<Error, v1::GetScheduleResponse> Get(const std::string& name) {
    v1::GetScheduleRequest request;
    request.set_name(name);
    return scene_.Ask(&ReadService::GetSchedule, request);
  }
  std::pair<Error, v1::ListSchedulesResponse> List(int page_size, const std::string& token) {
    v1::ListSchedulesRequest request;
    request.set_page_size(page_size);
    request.set_page_token(token);
    return scene_.Ask(&ReadService::ListSchedules, request);
  }

  Scene scene_;
};

TEST_F(SchedulesReadTest, ShowsDefinitionAndHowFarItIs) {  // B31, S68
  ScheduleStateRow state;
  state.set_next_us(kStart + kHour);
  state.set_last_task(7);
  state.set_last_lives(true);
  state.set_last_us(kStart - kHour);
  state.set_fired(3);
  state.set_skipped(2);
  state.set_missed(1);
  Put("report", state);
  const auto [error, answer] = Get("report");
  ASSERT_TRUE(error.ok()) << error.message;
  const v1::Schedule& schedule = answer.schedule();
  EXPECT_EQ(schedule.definition().name(), "report");
  EXPECT_EQ(schedule.definition().cron(), "@daily");
  EXPECT_EQ(schedule.definition().task().type(), "report");
  EXPECT_EQ(schedule.definition().task().tag(), "nightly");
  EXPECT_EQ(schedule.definition().task().payload().json(), "{}");
  EXPECT_EQ(schedule.definition().task().options().priority(), 4);
  EXPECT_EQ(schedule.definition().task().trace_parent(), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  EXPECT_EQ(schedule.definition().task().trace_state(), "rojo=1");
  EXPECT_EQ(schedule.definition().overlap(), v1::OVERLAP_POLICY_SKIP);
  EXPECT_EQ(schedule.definition().catch_up(), v1::CATCH_UP_POLICY_ONE);
  EXPECT_EQ(schedule.state(), v1::SCHEDULE_STATE_ACTIVE);
  EXPECT_EQ(schedule.next_at().seconds(), (kStart + kHour) / kSecond);
  EXPECT_EQ(schedule.last_at().seconds(), (kStart - kHour) / kSecond);
  EXPECT_TRUE(schedule.last_task_id() == 7 && schedule.last_task_lives());
  EXPECT_TRUE(schedule.fired() == 3 && schedule.skipped() == 2 && schedule.missed() == 1);
}

TEST_F(SchedulesReadTest, PausedAndEndedOnesHaveNoNextInstant) {
  Put("ended", ScheduleStateRow());
  ScheduleStateRow state;
  state.set_next_us(kStart);
  state.mutable_pause()->set_actor("broker");
  state.mutable_pause()->set_reason("task 7 has failed for good");
  state.mutable_pause()->set_time_us(kStart);
  Put("paused", state);
  EXPECT_EQ(Get("ended").second.schedule().state(), v1::SCHEDULE_STATE_ENDED);
  const v1::Schedule paused = Get("paused").second.schedule();
  EXPECT_EQ(paused.state(), v1::SCHEDULE_STATE_PAUSED);
  EXPECT_FALSE(paused.has_next_at());
  EXPECT_EQ(paused.pause_actor(), "broker");
  EXPECT_EQ(paused.pause_reason(), "task 7 has failed for good");
  EXPECT_EQ(paused.paused_at().seconds(), kStart / kSecond);
}

TEST_F(SchedulesReadTest, ListsInOrderOfNamesPageByPage) {
  for (const char* name : {"b", "a", "c/d", "c", "c0"}) Put(name, ScheduleStateRow());
  std::vector<std::string> names;
  std::string token;
  do {
    const auto [error, page] = List(2, token);
    ASSERT_TRUE(error.ok()) << error.message;
    EXPECT_LE(page.schedules_size(), 2);
    for (const v1::Schedule& schedule : page.schedules()) {
      names.push_back(schedule.definition().name());
      EXPECT_FALSE(schedule.definition().task().has_payload()) << "a list has no payloads";
    }
    token = page.next_page_token();
  } while (!token.empty());
  EXPECT_THAT(names, ElementsAre("a", "b", "c", "c/d", "c0"));
}

TEST_F(SchedulesReadTest, PagesAreCutByBytesToo) {
  scene_.settings().page_bytes = 1;
  for (const char* name : {"a", "b"}) Put(name, ScheduleStateRow());
  const auto [error, page] = List(0, "");
  EXPECT_EQ(page.schedules_size(), 1);
  EXPECT_FALSE(page.next_page_token().empty());
}

TEST_F(SchedulesReadTest, WrongAsksGetPreciseErrors) {
  EXPECT_EQ(std::string(Get("").first.reason), "FIELD_REQUIRED");
  const Error unknown = Get("nobody").first;
  EXPECT_EQ(unknown.code, StatusCode::kNotFound);
  EXPECT_EQ(std::string(unknown.reason), "SCHEDULE_NOT_FOUND");
  EXPECT_THAT(unknown.message, HasSubstr("'nobody'"));
  for (const char* token : {"x", "bm9uc2Vuc2U", "AAAAAAAAAAAAAAAA"}) {
    EXPECT_EQ(std::string(List(0, token).first.reason), "BAD_PAGE_TOKEN") << token;
  }
  EXPECT_EQ(std::string(List(-1, "").first.reason), "PAGE_SIZE");
}

TEST_F(SchedulesReadTest, DamageIsTold) {
  scene_.PutRow(storage::Family::kMeta, engine::ScheduleMetaKey("odd"), "\xff");
  EXPECT_EQ(std::string(Get("odd").first.reason), "STORE_DAMAGED");
  EXPECT_EQ(std::string(List(0, "").first.reason), "STORE_DAMAGED");
  scene_.PutRow(storage::Family::kMeta, engine::ScheduleMetaKey("odd"), ScheduleRow().SerializeAsString());
  EXPECT_EQ(std::string(Get("odd").first.reason), "STORE_DAMAGED") << "it has no state";
}

}  // namespace
}  // namespace baton::service::testing
