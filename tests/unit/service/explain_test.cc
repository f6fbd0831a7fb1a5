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

v1::QueuePlace PlaceOf(engine::ExplainCommand& command) {
  command.task_state = engine::LiveState::PENDING;
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

void AddObstacle(v1::ObstacleKind kind, v1::ExplainResponse* response) {
  v1::Obstacle* obstacle = response->add_obstacles();
  obstacle->set_kind(kind);
  obstacle->set_text("why");
}

TEST(DrainingBrokerTest, IsToldInFrontOfWhatElseKeepsTheTask) {
  NoAnswer command;
  command.task_state = engine::LiveState::PENDING;
  command.draining = true;
  v1::ExplainResponse response;
  AddObstacle(v1::OBSTACLE_KIND_TASK_PAUSED, &response);
  AddObstacle(v1::OBSTACLE_KIND_NO_WORKER, &response);
  AddObstacle(v1::OBSTACLE_KIND_NOT_DUE, &response);
  EncodeExplain(command, kNow, &response);
  ASSERT_EQ(response.obstacles_size(), 3);
  EXPECT_EQ(response.obstacles(0).kind(), v1::OBSTACLE_KIND_BROKER_DRAINS);
  EXPECT_EQ(response.obstacles(1).kind(), v1::OBSTACLE_KIND_TASK_PAUSED);
  EXPECT_EQ(response.obstacles(2).kind(), v1::OBSTACLE_KIND_NOT_DUE) << "it has sent its workers away itself";
  EXPECT_EQ(response.obstacles(2).text(), "why");
  EXPECT_EQ(response.task().waiting_for(), response.obstacles(0).text());
}

TEST(DrainingBrokerTest, IsAskedAboutEveryPendingTask) {
  NoAnswer command;
  Explanation explanation;
  explanation.entry.state = engine::LiveState::PENDING;
  EXPECT_TRUE(NeedsEngine(explanation, &command)) << "though it has no place, because it is not due";
  explanation.entry.state = engine::LiveState::SUSPENDED;
  EXPECT_FALSE(NeedsEngine(explanation, &command));
}

}  // namespace
}  // namespace baton::service
