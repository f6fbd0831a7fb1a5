// The rules as a table: every event in every state.
#include "broker/engine/rules/transition.h"

#include <map>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace baton::engine {
namespace {

constexpr WallMicros kAppliedAt = 1'000'000'000;
constexpr WallMicros kDue = 5'000'000;

Facts FactsIn(LiveState state) {
  Facts facts;
  facts.state = state;
  facts.stage = 4;
  facts.failures = 1;
  facts.interruptions = 2;
  facts.due = kDue;
  facts.options = Settle({.max_retries = 3, .retry_interval = kSecond}, {});
  facts.max_interruptions = 10;
  facts.has_children = true;
  return facts;
}

struct Expected {
  LiveState state;
  Step::Kind kind;
  uint32_t stage = 4;
  uint32_t failures = 1;
  uint32_t interruptions = 2;
  WallMicros due = kDue;
};

// All that is legal; everything else is not.
std::optional<Expected> ExpectedFor(LiveState state, Event event) {
  if (event == Event::kCancelled || event == Event::kExpired) {
    const bool active = state == LiveState::PENDING || state == LiveState::RUNNING || state == LiveState::SUSPENDED ||
                        state == LiveState::WAITING;
    if (!active) return std::nullopt;
    if (event == Event::kExpired) return Expected{.state = LiveState::FAILED, .kind = Step::EXPIRED};
    return Expected{.state = LiveState::CANCELLED, .kind = Step::CANCELLED};
  }
  if (event == Event::kRetried || event == Event::kRestarted) {
    if (state != LiveState::FAILED && state != LiveState::CANCELLED) return std::nullopt;
    return Expected{.state = LiveState::PENDING,
                    .kind = Step::RETRIED,
                    .stage = event == Event::kRetried ? 4u : 0u,
                    .failures = 0,
                    .interruptions = 0,
                    .due = kAppliedAt};
  }
  static const auto& table = *new std::map<std::pair<LiveState, Event>, Expected>{
      {{LiveState::PENDING, Event::kClaimed}, {.state = LiveState::RUNNING, .kind = Step::KIND_UNSPECIFIED}},
      {{LiveState::RUNNING, Event::kSucceeded}, {.state = LiveState::COMPLETED, .kind = Step::SUCCEEDED}},
      {{LiveState::RUNNING, Event::kFailed},
       {.state = LiveState::PENDING, .kind = Step::FAILED, .failures = 2, .due = kAppliedAt + kSecond}},
      {{LiveState::RUNNING, Event::kFailedFinally}, {.state = LiveState::FAILED, .kind = Step::FAILED, .failures = 2}},
      {{LiveState::RUNNING, Event::kTimedOut},
       {.state = LiveState::PENDING, .kind = Step::TIMED_OUT, .failures = 2, .due = kAppliedAt + kSecond}},
      {{LiveState::RUNNING, Event::kSpawned}, {.state = LiveState::WAITING, .kind = Step::SPAWNED, .failures = 0}},
      {{LiveState::RUNNING, Event::kSuspended}, {.state = LiveState::SUSPENDED, .kind = Step::SUSPENDED}},
      {{LiveState::RUNNING, Event::kReleased}, {.state = LiveState::PENDING, .kind = Step::RELEASED}},
      {{LiveState::RUNNING, Event::kInterrupted},
       {.state = LiveState::PENDING, .kind = Step::INTERRUPTED, .interruptions = 3}},
      {{LiveState::SUSPENDED, Event::kResumed},
       {.state = LiveState::PENDING, .kind = Step::RESUMED, .stage = 5, .failures = 0, .due = kAppliedAt}},
      {{LiveState::WAITING, Event::kChildFailed}, {.state = LiveState::FAILED, .kind = Step::CHILD_FAILED}},
      {{LiveState::WAITING, Event::kChildrenEnded},
       {.state = LiveState::PENDING, .kind = Step::KIND_UNSPECIFIED, .stage = 5, .failures = 0}},
  };
  const auto it = table.find({state, event});
  if (it == table.end()) return std::nullopt;
  return it->second;
}

TEST(TransitionTest, EveryEventInEveryState) {  // B16, B46, B48, B90, B92, B96
  for (int state = 0; state <= static_cast<int>(LiveState::REMOVED); ++state) {
    for (int event = 0; event < kEventCount; ++event) {
      SCOPED_TRACE(absl::StrCat(LiveState_Name(static_cast<LiveState>(state)), " and event ", event));
      const auto expected = ExpectedFor(static_cast<LiveState>(state), static_cast<Event>(event));
      const auto next = Apply(FactsIn(static_cast<LiveState>(state)), static_cast<Event>(event), kAppliedAt);
      if (!expected.has_value()) {
        EXPECT_EQ(next.status().code(), absl::StatusCode::kFailedPrecondition);
        continue;
      }
      ASSERT_TRUE(next.ok()) << next.status();
      EXPECT_EQ(next->state, expected->state);
      EXPECT_EQ(next->kind, expected->kind);
      EXPECT_EQ(next->stage, expected->stage);
      EXPECT_EQ(next->failures, expected->failures);
      EXPECT_EQ(next->interruptions, expected->interruptions);
      EXPECT_EQ(next->due, expected->due);
    }
  }
}

TEST(TransitionTest, LastAttemptOfTheBudgetFailsForGood) {  // B68, B84, B121
  for (const Event event : {Event::kFailed, Event::kTimedOut}) {
    Facts facts = FactsIn(LiveState::RUNNING);
    facts.failures = 2;
    EXPECT_EQ(Apply(facts, event, kAppliedAt)->state, LiveState::FAILED);
    EXPECT_EQ(Apply(facts, event, kAppliedAt)->failures, 3u);
    facts.failures = 0;
    facts.options.max_retries = 1;
    EXPECT_EQ(Apply(facts, event, kAppliedAt)->state, LiveState::FAILED) << "max_retries counts all attempts";
  }
}

TEST(TransitionTest, InterruptionsHaveALimitOfTheirOwn) {
  Facts facts = FactsIn(LiveState::RUNNING);
  facts.failures = 2;
  facts.interruptions = 9;
  EXPECT_EQ(Apply(facts, Event::kInterrupted, kAppliedAt)->state, LiveState::PENDING);
  facts.interruptions = 10;
  EXPECT_EQ(Apply(facts, Event::kInterrupted, kAppliedAt)->state, LiveState::FAILED);
  EXPECT_EQ(Apply(facts, Event::kInterrupted, kAppliedAt)->failures, 2u);
}

TEST(TransitionTest, SpawnWithoutChildrenIsDueAtOnceAtTheNextStage) {  // B145
  Facts facts = FactsIn(LiveState::RUNNING);
  facts.has_children = false;
  const auto next = Apply(facts, Event::kSpawned, kAppliedAt);
  EXPECT_EQ(next->state, LiveState::PENDING);
  EXPECT_EQ(next->kind, Step::SPAWNED);
  EXPECT_EQ(next->stage, 5u);
  EXPECT_EQ(next->failures, 0u);
}

TEST(TransitionTest, DelayOfARetryIsDrawnFromTheGivenBits) {
  Facts facts = FactsIn(LiveState::RUNNING);
  facts.options.retry_jitter = 1.0;
  facts.draw = 0;
  EXPECT_EQ(Apply(facts, Event::kFailed, kAppliedAt)->due, kAppliedAt + kSecond);
  facts.draw = uint64_t{1} << 63;
  EXPECT_EQ(Apply(facts, Event::kFailed, kAppliedAt)->due, kAppliedAt + kSecond / 2);
}

}  // namespace
}  // namespace baton::engine
