// The forecast of when a waiting task may begin.
#include "broker/service/explain.h"

#include <gtest/gtest.h>

#include "broker/service/read/convert.h"

namespace baton::service {
namespace {

constexpr WallMicros kNow = 1'700'000'000 * kSecond;

class NoAnswer final : public engine::ExplainCommand {
 public:
  void Answer() override {}
};

v1::QueuePlace PlaceOf(const engine::ExplainCommand& command) {
  v1::ExplainResponse response;
  response.mutable_queue();
  EncodeExplain(command, kNow, &response);
  return response.queue();
}

TEST(ForecastTest, WaitsForThoseAheadAndForItsOwnTurn) {
  NoAnswer command;
  command.claims_per_second = 0.5;
  EXPECT_EQ(FromWireTime(PlaceOf(command).expected_start()), kNow + 2 * kSecond) << "it is the next one";
  command.ahead = 3;
  EXPECT_EQ(FromWireTime(PlaceOf(command).expected_start()), kNow + 8 * kSecond);
  EXPECT_EQ(PlaceOf(command).ahead(), 3u);
}

TEST(ForecastTest, IsNotMadeOutOfNothing) {
  NoAnswer command;
  EXPECT_FALSE(PlaceOf(command).has_expected_start()) << "nothing was handed out";
  command.claims_per_second = 1e-9;
  EXPECT_FALSE(PlaceOf(command).has_expected_start()) << "further away than anybody plans";
  command.claims_per_second = 100;
  command.more_ahead = true;
  EXPECT_FALSE(PlaceOf(command).has_expected_start()) << "nobody knows how many are ahead";
}

}  // namespace
}  // namespace baton::service
