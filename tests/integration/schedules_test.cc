// Schedules over the wire, with the real clock.
#include "tests/integration/broker_fixture.h"

namespace baton {
namespace {

using grpc::StatusCode;
using ::testing::HasSubstr;

// Calls a method of TaskAdmin.
template <typename Request, typename Response>
grpc::Status Ask(v1::TaskAdmin::Stub& admin,
                 grpc::Status (v1::TaskAdmin::Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                 const Request& request, Response* response) {
  TestContext context;
  return (admin.*method)(&context, request, response);
}

class SchedulesWireTest : public BrokerTest {
 protected:
  using Stub = v1::TaskAdmin::Stub;

  static v1::CreateScheduleRequest EverySecond() {
    v1::CreateScheduleRequest request;
    request.mutable_schedule()->set_name("tick");
    request.mutable_schedule()->set_cron("* * * * * *");
    request.mutable_schedule()->mutable_task()->set_type("render");
    request.mutable_schedule()->mutable_task()->mutable_payload()->set_json("{\"frame\": 7}");
    return request;
  }
  grpc::Status Create(const v1::CreateScheduleRequest& request, v1::CreateScheduleResponse* response) {
    return Ask(admin(), &Stub::CreateSchedule, request, response);
  }
  v1::Schedule Show(const std::string& name = "tick") {
    v1::GetScheduleRequest request;
    v1::GetScheduleResponse response;
    request.set_name(name);
    EXPECT_THAT(Ask(admin(), &Stub::GetSchedule, request, &response), IsOk());
    return response.schedule();
  }
  grpc::Status Pause() {
    v1::PauseScheduleRequest request;
    v1::PauseScheduleResponse response;
    request.set_name("tick");
    request.set_reason("holidays");
    return Ask(admin(), &Stub::PauseSchedule, request, &response);
  }
  grpc::Status Unpause(v1::UnpauseScheduleResponse* response) {
    v1::UnpauseScheduleRequest request;
    request.set_name("tick");
    return Ask(admin(), &Stub::UnpauseSchedule, request, response);
  }
  grpc::Status Trigger(v1::TriggerScheduleResponse* response) {
    v1::TriggerScheduleRequest request;
    request.set_name("tick");
    return Ask(admin(), &Stub::TriggerSchedule, request, response);
  }
  grpc::Status Delete() {
    v1::DeleteScheduleRequest request;
    v1::DeleteScheduleResponse response;
    request.set_name("tick");
    return Ask(admin(), &Stub::DeleteSchedule, request, &response);
  }
};

TEST_F(SchedulesWireTest, AScheduleFiresAndItsTasksSayWhatTheyAreOf) {  // S21
  auto worker = Connect("w1", "render");
  v1::CreateScheduleResponse created;
  ASSERT_THAT(Create(EverySecond(), &created), IsOk());
  EXPECT_FALSE(created.existing());
  const auto delivery = worker->NextDelivery();
  ASSERT_TRUE(delivery.has_value());
  EXPECT_EQ(delivery->schedule(), "tick");
  EXPECT_EQ(delivery->payload().json(), "{\"frame\": 7}");
  EXPECT_GE(delivery->scheduled_at_us(), created.next_at().seconds() * kSecond);
  EXPECT_EQ(delivery->scheduled_at_us() % kSecond, 0);
  const v1::Task task = Get(delivery->task_id());
  EXPECT_EQ(task.schedule(), "tick");
  EXPECT_EQ(task.scheduled_at_us(), delivery->scheduled_at_us());
  v1::ListEventsRequest request;
  v1::ListEventsResponse events;
  request.set_task_id(task.id());
  ASSERT_THAT(Ask(admin(), &Stub::ListEvents, request, &events), IsOk());
  EXPECT_EQ(events.events(0).reason(), "fired by schedule tick");
  EXPECT_EQ(Succeed(*worker, *delivery).code(), 0);
  const auto next = worker->NextDelivery();
  ASSERT_TRUE(next.has_value());
  EXPECT_GT(next->scheduled_at_us(), delivery->scheduled_at_us());
  EXPECT_GE(Show().fired(), 2u);
}

TEST_F(SchedulesWireTest, TheVerbsDoWhatTheySay) {
  v1::CreateScheduleRequest request = EverySecond();
  request.mutable_schedule()->set_cron("@yearly");
  v1::CreateScheduleResponse created;
  ASSERT_THAT(Create(request, &created), IsOk());
  ASSERT_THAT(Create(request, &created), IsOk());
  EXPECT_TRUE(created.existing());
  request.mutable_schedule()->set_cron("@monthly");
  EXPECT_THAT(Create(request, &created), FailsWith(StatusCode::ALREADY_EXISTS, "SCHEDULE_EXISTS", "'tick'"));
  EXPECT_EQ(Show().definition().cron(), "@yearly");
  request.set_replace(true);
  ASSERT_THAT(Create(request, &created), IsOk());
  EXPECT_EQ(Show().definition().cron(), "@monthly");

  ASSERT_THAT(Pause(), IsOk());
  EXPECT_EQ(Show().state(), v1::SCHEDULE_STATE_PAUSED);
  EXPECT_EQ(Show().pause_reason(), "holidays");
  v1::TriggerScheduleResponse triggered;
  ASSERT_THAT(Trigger(&triggered), IsOk());
  EXPECT_EQ(Get(triggered.task_id()).schedule(), "tick");
  EXPECT_EQ(Get(triggered.task_id()).scheduled_at_us(), 0);
  EXPECT_THAT(Trigger(&triggered), FailsWith(StatusCode::FAILED_PRECONDITION, "SCHEDULE_BUSY", "has not ended"));
  v1::UnpauseScheduleResponse unpaused;
  ASSERT_THAT(Unpause(&unpaused), IsOk());
  EXPECT_TRUE(unpaused.has_next_at());
  EXPECT_THAT(Unpause(&unpaused), FailsWith(StatusCode::FAILED_PRECONDITION, "NOT_PAUSED", "'tick'"));
  Restart();
  const v1::Schedule shown = Show();
  EXPECT_EQ(shown.state(), v1::SCHEDULE_STATE_ACTIVE);
  EXPECT_TRUE(shown.last_task_lives());
  EXPECT_EQ(shown.fired(), 1u);
  ASSERT_THAT(Delete(), IsOk());
  EXPECT_THAT(Delete(), FailsWith(StatusCode::NOT_FOUND, "SCHEDULE_NOT_FOUND", "'tick'"));
  EXPECT_EQ(Get(triggered.task_id()).state(), v1::TASK_STATE_PENDING) << "its tasks go on";
}

TEST_F(SchedulesWireTest, AFiringThatFailsForGoodPausesTheSchedule) {  // B137, S23
  auto worker = Connect("w1", "render");
  v1::CreateScheduleResponse created;
  ASSERT_THAT(Create(EverySecond(), &created), IsOk());
  const auto delivery = worker->NextDelivery();
  ASSERT_TRUE(delivery.has_value());
  v1::Outcome outcome;
  outcome.set_attempt_token(delivery->attempt_token());
  outcome.mutable_failed()->set_error("no paper");
  EXPECT_EQ(Complete(*worker, outcome).code(), 0);
  const v1::Schedule shown = Show();
  EXPECT_EQ(shown.state(), v1::SCHEDULE_STATE_PAUSED);
  EXPECT_EQ(shown.pause_actor(), "broker");
  EXPECT_THAT(shown.pause_reason(), HasSubstr("has failed for good"));
}

TEST_F(SchedulesWireTest, PreviewShowsInstantsAndWhatIsWrong) {
  v1::PreviewScheduleRequest request;
  v1::PreviewScheduleResponse response;
  request.set_cron("30 2 * * *");
  request.set_time_zone("Europe/Berlin");
  request.mutable_after()->set_seconds(1'774'652'400);  // 2026-03-28 00:00 in Berlin; the night after has no 02:30.
  request.set_count(2);
  ASSERT_THAT(Ask(admin(), &Stub::PreviewSchedule, request, &response), IsOk());
  ASSERT_EQ(response.instants_size(), 2);
  EXPECT_EQ(response.instants(0).seconds(), 1'774'661'400);
  EXPECT_EQ(response.instants(1).seconds(), 1'774'661'400 + 24 * 3600) << "03:30 of summer time";
  request.set_cron("30 2 31 2 *");
  EXPECT_THAT(Ask(admin(), &Stub::PreviewSchedule, request, &response),
              FailsWith(StatusCode::INVALID_ARGUMENT, "BAD_CRON", "is never due"));
}

}  // namespace
}  // namespace baton
