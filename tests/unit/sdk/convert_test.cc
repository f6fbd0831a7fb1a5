#include "worker_sdk/src/convert.h"

#include "baton/error.h"
#include "baton/json.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace baton::inline sdk {
namespace internal {
namespace {

using ::testing::HasSubstr;

TEST(ConvertTest, WritesAllOfANewTask) {
  NewTask task{.type = "t", .payload = nlohmann::json{{"a", 1}}, .tag = "tag"};
  task.options = {.priority = 3,
                  .timeout = absl::Seconds(2),
                  .max_retries = 4,
                  .retry_interval = absl::Milliseconds(5),
                  .retry_backoff = RetryBackoff::kExponential,
                  .retry_interval_cap = absl::Seconds(6),
                  .retry_jitter = 0.5,
                  .required_capabilities = {{"GPU"}},
                  .progress_timeout = absl::Seconds(7)};
  task.delay = absl::Seconds(9);
  task.start_timeout = absl::Seconds(10);
  task.total_timeout = absl::Seconds(11);
  task.unique_key = "key";
  task.unique_policy = UniquePolicy::kReject;
  task.trace_parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  task.trace_state = "rojo=1";
  v1::NewTask proto;
  ASSERT_TRUE(ToProto("task", task, &proto).ok());
  EXPECT_EQ(proto.type(), "t");
  EXPECT_EQ(proto.payload().json(), R"({"a":1})");
  EXPECT_EQ(proto.tag(), "tag");
  EXPECT_EQ(proto.options().priority(), 3);
  EXPECT_EQ(proto.options().timeout_us(), 2'000'000);
  EXPECT_EQ(proto.options().max_retries(), 4);
  EXPECT_EQ(proto.options().retry_interval_us(), 5'000);
  EXPECT_EQ(proto.options().retry_backoff(), v1::RETRY_BACKOFF_EXPONENTIAL);
  EXPECT_EQ(proto.options().retry_interval_cap_us(), 6'000'000);
  EXPECT_EQ(proto.options().retry_jitter(), 0.5);
  EXPECT_EQ(proto.options().required_capabilities().names(0), "GPU");
  EXPECT_EQ(proto.options().progress_timeout_us(), 7'000'000);
  EXPECT_EQ(proto.start_timeout_us(), 10'000'000);
  EXPECT_EQ(proto.total_timeout_us(), 11'000'000);
  EXPECT_EQ(proto.delay_us(), 9'000'000);
  EXPECT_EQ(proto.unique_key(), "key");
  EXPECT_EQ(proto.unique_policy(), v1::UNIQUE_POLICY_REJECT);
  EXPECT_EQ(proto.trace_parent(), task.trace_parent);
  EXPECT_EQ(proto.trace_state(), "rojo=1");
}

TEST(ConvertTest, LeavesOutWhatIsNotSet) {  // B67, S125
  v1::NewTask proto;
  ASSERT_TRUE(ToProto("task", NewTask{.type = "t"}, &proto).ok());
  v1::NewTask expected;
  expected.set_type("t");
  EXPECT_EQ(proto.SerializeAsString(), expected.SerializeAsString());
}

TEST(ConvertTest, RefusesWhatWouldSpoilAWholeCall) {  // B5
  v1::NewTask proto;
  const std::pair<NewTask, const char*> table[] = {
      {{.type = "\xFF"}, "x: type is not UTF-8"},
      {{.type = "t", .tag = "\xFF"}, "x: tag is not UTF-8"},
      {{.type = "t", .unique_key = "\xFF"}, "x: unique_key is not UTF-8"},
      {{.type = "t", .trace_parent = "\xFF"}, "x: trace_parent is not UTF-8"},
      {{.type = "t", .trace_state = "\xFF"}, "x: trace_state is not UTF-8"},
      {{.type = "t", .payload = Payload::Json("\"\xFF\"")}, "x: payload is JSON but not UTF-8"},
      {{.type = "t", .payload = Payload::Bytes("", std::string(129, 'c'))}, "content_type has 129"},
      {{.type = "t", .payload = Payload::Bytes("", "c\xFF")}, "content_type is not UTF-8"},
      {{.type = "t", .payload = std::string(5'000'000, 'x')}, "x: payload has 5000000 bytes; at most"},
      {{.type = "t", .options = {.required_capabilities = {{"\xFF"}}}}, "required_capabilities is not UTF-8"},
  };
  for (const auto& [task, said] : table) {
    const absl::Status status = ToProto("x", task, &proto);
    EXPECT_TRUE(absl::IsInvalidArgument(status));
    EXPECT_THAT(std::string(status.message()), HasSubstr(said));
  }
}

TEST(ConvertTest, PayloadsComeBackAsTheyWere) {  // B5
  for (const Payload& payload : {Payload::Bytes("data\xFF", "image/png"), Payload::Json("[1]"), Payload("bytes")}) {
    v1::Payload proto;
    ASSERT_TRUE(ToProto("p", payload, 1000, &proto).ok());
    const Payload back = TakePayload(&proto);
    EXPECT_EQ(back.bytes(), payload.bytes());
    EXPECT_EQ(back.is_json(), payload.is_json());
    EXPECT_EQ(back.content_type(), payload.content_type());
  }
  v1::Payload empty;
  EXPECT_FALSE(TakePayload(&empty).has_value());
}

TEST(ConvertTest, ErrorsKeepReasonAndAdvice) {
  v1::Error error;
  error.set_code(8);
  error.set_reason("OVERLOADED");
  error.set_message("too much");
  error.set_retry_after_us(250'000);
  const absl::Status status = FromError(error);
  EXPECT_TRUE(absl::IsResourceExhausted(status));
  EXPECT_EQ(ErrorReason(status), "OVERLOADED");
  EXPECT_EQ(RetryAfter(status), absl::Milliseconds(250));
  EXPECT_EQ(ErrorReason(absl::NotFoundError("x")), "");
  EXPECT_EQ(RetryAfter(absl::OkStatus()), absl::ZeroDuration());
  EXPECT_FALSE(FromError(v1::Error()).ok()) << "an error is one, also without a code";
}

TEST(ConvertTest, JsonThatIsNotUtf8IsRepaired) {
  const Payload payload = nlohmann::json("\xFF");
  EXPECT_EQ(payload.json_text(), "\"\xEF\xBF\xBD\"");
  EXPECT_FALSE(ParseJson(Payload("{")).ok());
  EXPECT_TRUE(ParseJson(Payload())->is_null());
}

TEST(ConvertTest, JsonThatIsTooDeepForTheStackIsRefused) {
  const auto nested = [](size_t depth) { return std::string(depth, '[') + "\"]\\\"[[\"" + std::string(depth, ']'); };
  const absl::StatusOr<nlohmann::json> value = ParseJson(Payload::Json(nested(kMaxJsonDepth)));
  ASSERT_TRUE(value.ok()) << value.status();
  EXPECT_EQ(Payload(*value).json_text(), nested(kMaxJsonDepth));
  for (const size_t depth : {kMaxJsonDepth + 1, size_t{500'000}}) {
    const absl::Status refused = ParseJson(Payload::Json(nested(depth))).status();
    EXPECT_TRUE(absl::IsInvalidArgument(refused)) << refused;
    EXPECT_NE(refused.message().find("200 are allowed"), absl::string_view::npos) << refused;
  }
}

TEST(ConvertTest, StatesHaveNames) {
  EXPECT_STREQ(TaskStateName(TaskState::kPermanentlyFailed), "PERMANENTLY_FAILED");
  EXPECT_TRUE(IsTerminal(TaskState::kCancelled));
  EXPECT_FALSE(IsTerminal(TaskState::kPaused));
  EXPECT_EQ(FromProto(static_cast<v1::TaskState>(99)), TaskState::kUnknown);
}

}  // namespace
}  // namespace internal
}  // namespace baton::inline sdk
