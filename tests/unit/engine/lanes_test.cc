// Which command comes before which, and what of those that were taken has room in a batch.
#include "broker/engine/run/lanes.h"

#include <memory>
#include <utility>
#include <vector>

#include "broker/engine/inspection_commands.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/engine/commands.h"

namespace baton::engine::testing {
namespace {

// Nobody waits for its answer.
template <typename C>
class Unanswered final : public C {
 public:
  void Answer() override {}
};

template <typename C>
void PushTo(Lanes& lanes, size_t bytes) {
  std::unique_ptr<Command> command = std::make_unique<Unanswered<C>>();
  command->bytes = bytes;
  EXPECT_THAT(lanes.Push(command), NoError());
}

std::vector<Command::Kind> TakeFrom(Lanes& lanes) {
  Taken taken;
  lanes.Take(&taken);
  std::vector<Command::Kind> kinds;
  for (const std::unique_ptr<Command>& command : taken) kinds.push_back(command->kind);
  return kinds;
}

TEST(LanesTest, RoundEndsBeforeTheCommandThatWouldMakeItTooLarge) {
  Lanes lanes{EngineSettings()};
  for (int i = 0; i < 3; ++i) PushTo<SubmitCommand>(lanes, kRoundBytes / 4 * 3);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(TakeFrom(lanes).size(), 1u);
  EXPECT_TRUE(lanes.empty());
  for (int i = 0; i < 5; ++i) PushTo<SubmitCommand>(lanes, kRoundBytes / 4);
  EXPECT_EQ(TakeFrom(lanes).size(), 4u) << "they just fit";
  EXPECT_EQ(TakeFrom(lanes).size(), 1u);
  // However large it is, what comes alone is taken.
  PushTo<SubmitCommand>(lanes, 4 * kRoundBytes);
  EXPECT_EQ(TakeFrom(lanes).size(), 1u);
}

TEST(LanesTest, WhatIsPutBackComesBehindWhatIsMoreUrgent) {
  using Kind = Command::Kind;
  Lanes lanes{EngineSettings()};
  PushTo<SubmitCommand>(lanes, 3);
  PushTo<CancelCommand>(lanes, 5);
  PushTo<StartJobCommand>(lanes, 7);
  Taken taken;
  lanes.Take(&taken);
  ASSERT_EQ(taken.size(), 3u);
  const std::vector<Kind> kinds = {taken[0]->kind, taken[1]->kind, taken[2]->kind};
  taken.pop_front();
  lanes.PutBack(&taken);
  EXPECT_TRUE(taken.empty());
  PushTo<HeartbeatCommand>(lanes, 1);
  EXPECT_THAT(TakeFrom(lanes), ::testing::ElementsAre(Kind::kHeartbeat, kinds[1], kinds[2]));
  EXPECT_TRUE(lanes.empty());
}

TEST(LanesTest, TheFirstOfEachLaneIsAppliedWhereTheOthersHaveNoRoomAnyMore) {
  using Kind = Command::Kind;
  Lanes lanes{EngineSettings()};
  for (int i = 0; i < 2; ++i) {
    PushTo<SubmitCommand>(lanes, 1);
    PushTo<ListWorkersCommand>(lanes, 1);
    PushTo<HeartbeatCommand>(lanes, 1);
  }
  Taken taken;
  lanes.Take(&taken);
  std::vector<Kind> applied;
  size_t bytes = 0;
  const WorkBounds work;
  ApplyTaken(
      work, &taken, [&] { return bytes; },
      [&](std::unique_ptr<Command> command) {
        applied.push_back(command->kind);
        bytes = work.applied_bytes() * applied.size();
      });
  EXPECT_THAT(applied, ::testing::ElementsAre(Kind::kHeartbeat, Kind::kListWorkers, Kind::kSubmit));
  lanes.PutBack(&taken);
  EXPECT_THAT(TakeFrom(lanes), ::testing::ElementsAre(Kind::kHeartbeat, Kind::kListWorkers, Kind::kSubmit));
  // Not where the batch would become larger than any store takes.
  PushTo<SubmitCommand>(lanes, 1);
  lanes.Take(&taken);
  ApplyTaken(
      work, &taken, [&] { return work.most_batch_bytes(); },
      [](std::unique_ptr<Command>) { FAIL() << "it has no room"; });
  EXPECT_EQ(taken.size(), 1u);
}

TEST(LanesTest, EachLaneGetsItsFirstCommandAndThoseBehindItWait) {
  using Kind = Command::Kind;
  Lanes lanes{EngineSettings()};
  for (int i = 0; i < 2; ++i) {
    PushTo<SubmitCommand>(lanes, kRoundBytes / 4 * 3);
    PushTo<ListWorkersCommand>(lanes, kRoundBytes / 4 * 3);
    PushTo<HeartbeatCommand>(lanes, kRoundBytes / 4 * 3);
  }
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(TakeFrom(lanes), ::testing::ElementsAre(Kind::kHeartbeat, Kind::kListWorkers, Kind::kSubmit));
  }
  EXPECT_TRUE(lanes.empty());
}

// What gathers must not fill the lane: outcomes would be refused though the engine has nothing to do.
TEST(LanesTest, AreHalfFullByCommandsOrByBytes) {
  EngineSettings settings;
  settings.lane_commands = 4;
  settings.lane_bytes = 100;
  Lanes lanes(settings);
  const auto push = [&](size_t bytes) {
    std::unique_ptr<Command> beat = std::make_unique<Unanswered<HeartbeatCommand>>();
    beat->bytes = bytes;
    EXPECT_THAT(lanes.Push(beat), NoError());
  };
  push(1);
  EXPECT_FALSE(lanes.IsHalfFull(Lane::kOutcomes));
  push(1);
  EXPECT_TRUE(lanes.IsHalfFull(Lane::kOutcomes));
  EXPECT_FALSE(lanes.IsHalfFull(Lane::kControl));
  Taken taken;
  lanes.Take(&taken);
  EXPECT_FALSE(lanes.IsHalfFull(Lane::kOutcomes));
  push(50);
  EXPECT_TRUE(lanes.IsHalfFull(Lane::kOutcomes));
}

}  // namespace
}  // namespace baton::engine::testing
