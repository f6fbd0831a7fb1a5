#include "broker/service/routing.h"

#include "tests/unit/service/decoding_fixture.h"

namespace baton::service {
namespace {

template <typename Base>
class NoAnswer final : public Base {
 public:
  void Answer() override {}
};

using RoutingTest = DecodingTest;

TEST_F(RoutingTest, ALimitNamesTypeNumberAndReason) {
  NoAnswer<engine::SetTypeLimitCommand> command;
  v1::SetTypeLimitRequest request;
  EXPECT_THAT(DecodeSetTypeLimit(request, &command), Refuses("FIELD_REQUIRED", "type"));
  request.set_type("a b");
  EXPECT_THAT(DecodeSetTypeLimit(request, &command), Refuses("BAD_NAME", "type is 'a b'"));
  request.set_type("mail");
  for (const int32_t bad : {-1, 1'000'001}) {
    request.set_max_running(bad);
    EXPECT_THAT(DecodeSetTypeLimit(request, &command), Refuses("OUT_OF_RANGE", "max_running")) << bad;
  }
  for (const int32_t good : {0, 1, 1'000'000}) {
    request.set_max_running(good);
    ASSERT_THAT(DecodeSetTypeLimit(request, &command), IsOk());
    EXPECT_EQ(command.max_running, static_cast<uint32_t>(good));
  }
  request.set_reason(std::string(1025, 'r'));
  EXPECT_THAT(DecodeSetTypeLimit(request, &command), Refuses("FIELD_TOO_LONG", "reason"));
  request.set_reason("down");
  request.clear_max_running();
  ASSERT_THAT(DecodeSetTypeLimit(request, &command), IsOk());
  EXPECT_TRUE(command.type == "mail" && command.max_running == 0 && command.reason == "down");
  command.running = 7;
  v1::SetTypeLimitResponse response;
  EncodeSetTypeLimit(command, &response);
  EXPECT_EQ(response.running(), 7);
}

TEST_F(RoutingTest, ADrainNamesTheWorker) {
  NoAnswer<engine::DrainWorkerCommand> command;
  v1::DrainWorkerRequest request;
  EXPECT_THAT(DecodeDrainWorker(request, &command), Refuses("FIELD_REQUIRED", "worker_id"));
  request.set_worker_id(std::string(129, 'w'));
  EXPECT_THAT(DecodeDrainWorker(request, &command), Refuses("FIELD_TOO_LONG", "worker_id"));
  request.set_worker_id("worker-7");
  request.set_reason(std::string(1025, 'r'));
  EXPECT_THAT(DecodeDrainWorker(request, &command), Refuses("FIELD_TOO_LONG", "reason"));
  request.set_reason("its host is retired");
  ASSERT_THAT(DecodeDrainWorker(request, &command), IsOk());
  EXPECT_TRUE(command.worker_id == "worker-7" && command.reason == "its host is retired");
  command.attempts = 3;
  v1::DrainWorkerResponse response;
  EncodeDrainWorker(command, &response);
  EXPECT_EQ(response.attempts(), 3);
}

}  // namespace
}  // namespace baton::service
