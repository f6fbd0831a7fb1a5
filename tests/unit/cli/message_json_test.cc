// The JSON form of messages is what scripts rely on: names and shapes are pinned here.
#include "client_cli/text/message_json.h"
#include "baton/v1/admin.pb.h"
#include "baton/v1/broker.pb.h"
#include "client_cli/text/payload_text.h"
#include "gtest/gtest.h"

namespace baton::cli {
namespace {

TEST(MessageJson, ATaskWithItsOptionsAndParts) {
  v1::Task task;
  task.set_id(42);
  task.set_type("resize");
  task.set_state(v1::TASK_STATE_RUNNING);
  task.set_root_id(42);
  task.set_created_at_us(1'795'453'200'250'000);
  task.add_required_capabilities("GPU");
  task.mutable_options()->set_timeout_us(60'000'000);
  task.mutable_options()->set_retry_backoff(v1::RETRY_BACKOFF_FIXED);
  task.mutable_options()->mutable_required_capabilities();
  task.mutable_progress()->set_percent(50);
  task.mutable_progress()->set_metadata_json("{\"rows\": 3}");
  task.mutable_payload()->set_json("{\"b\": 1, \"a\": [2]}");
  EXPECT_EQ(CompactJson(MessageJson(task)),
            "{\"id\":42,\"type\":\"resize\",\"state\":\"RUNNING\",\"tag\":\"\",\"parent_id\":0,\"root_id\":42,"
            "\"priority\":0,\"required_capabilities\":[\"GPU\"],\"created_at\":\"2026-11-23T17:00:00.25Z\","
            "\"due_at\":null,\"ended_at\":null,\"attempt\":0,\"stage\":0,\"failed_attempts\":0,\"interruptions\":0,"
            "\"options\":{\"timeout_us\":60000000,\"retry_backoff\":\"FIXED\",\"required_capabilities\":[]},"
            "\"worker_id\":\"\",\"started_at\":null,\"suspend_reason\":\"\",\"children_remaining\":0,"
            "\"children_failed\":0,\"children_total\":0,\"last_error\":\"\",\"cancel_reason\":\"\","
            "\"progress\":{\"text\":\"\",\"stage_name\":\"\",\"percent\":50.0,\"metadata\":{\"rows\":3},\"at\":null},"
            "\"payload\":{\"b\":1,\"a\":[2]},\"runnable\":false,\"waiting_for\":\"\",\"version\":\"0000000000000000\","
            "\"unique_key\":\"\",\"suspended_at\":null,\"schedule\":\"\",\"scheduled_at\":null,"
            "\"start_by\":null,\"end_by\":null,\"decide_by\":null,\"when_undecided\":null,"
            "\"trace_parent\":\"\",\"trace_state\":\"\"}");
}

TEST(MessageJson, TimesAndDurationsOfTheAdminService) {
  v1::Attempt attempt;
  attempt.set_number(1);
  attempt.mutable_claimed_at()->set_seconds(1'795'453'200);
  attempt.mutable_ran()->set_seconds(2);
  attempt.mutable_ran()->set_nanos(500'000'000);
  attempt.set_outcome(v1::ATTEMPT_OUTCOME_TIMED_OUT);
  Json json = MessageJson(attempt);
  EXPECT_EQ(json["claimed_at"], "2026-11-23T17:00:00Z");
  EXPECT_EQ(json["ran_us"], 2'500'000);
  EXPECT_EQ(json["outcome"], "TIMED_OUT");
  EXPECT_FALSE(json.contains("ended_at"));
  attempt.clear_outcome();
  EXPECT_TRUE(MessageJson(attempt)["outcome"].is_null());
}

TEST(MessageJson, StatesOfAFilter) {
  v1::TaskFilter filter;
  EXPECT_EQ(CompactJson(MessageJson(filter)["states"]), "[]");
  filter.add_states(v1::TASK_STATE_COMPLETED);
  filter.add_states(v1::TASK_STATE_PERMANENTLY_FAILED);
  EXPECT_EQ(CompactJson(MessageJson(filter)["states"]), "[\"COMPLETED\",\"PERMANENTLY_FAILED\"]");
}

TEST(MessageJson, IdsErrorsAndBitPatterns) {
  v1::Worker worker;
  worker.add_task_ids(18'446'744'073'709'551'615u);
  EXPECT_EQ(CompactJson(MessageJson(worker)["task_ids"]), "[18446744073709551615]");
  v1::GetServerInfoResponse info;
  info.set_incarnation(0xABC);
  EXPECT_EQ(MessageJson(info)["incarnation"], "0000000000000abc");
  v1::SubmitResult result;
  result.mutable_error()->set_code(6);
  result.mutable_error()->set_reason("UNIQUE_KEY_IN_USE");
  EXPECT_EQ(MessageJson(result)["error"]["code"], "ALREADY_EXISTS");
  EXPECT_EQ(MessageJson(result)["error"]["reason"], "UNIQUE_KEY_IN_USE");
}

TEST(PayloadText, JsonAsItselfAndBytesAsBase64) {
  v1::Payload payload;
  EXPECT_TRUE(PayloadJson(payload).is_null());
  payload.set_json("[1]");
  EXPECT_EQ(CompactJson(PayloadJson(payload)), "[1]");
  EXPECT_EQ(ContentType(payload), "application/json");
  payload.set_data(std::string("\x00\xff", 2));
  EXPECT_EQ(CompactJson(PayloadJson(payload)), "{\"data\":\"AP8=\",\"content_type\":\"application/octet-stream\"}");
  payload.set_data("{\"a\":1}");
  payload.set_content_type("application/json; charset=utf-8");
  EXPECT_EQ(CompactJson(PayloadJson(payload)), "{\"a\":1}");
  payload.set_data("{not json");
  EXPECT_EQ(PayloadJson(payload)["data"], "e25vdCBqc29u");
}

TEST(PayloadText, ThePreviewIsOneBoundedLine) {
  v1::Payload payload;
  EXPECT_EQ(PayloadPreview(payload), "");
  payload.set_json("{\n  \"a\": 1\n}");
  EXPECT_EQ(PayloadPreview(payload), "{\"a\":1}");
  payload.set_data(std::string("\x00\x01\x02", 3));
  EXPECT_EQ(PayloadPreview(payload), "(3 bytes of application/octet-stream)");
  payload.set_data(std::string(5000, 'x'));
  EXPECT_EQ(PayloadPreview(payload), std::string(999, 'x') + "… (5000 bytes in all)");
}

}  // namespace
}  // namespace baton::cli
