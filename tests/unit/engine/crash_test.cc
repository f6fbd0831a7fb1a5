// A long life of everything at once, with a crash of the broker after every single round.
#include "tests/unit/engine/chaos.h"

namespace baton::engine::testing {
namespace {

class CrashTest : public ::testing::TestWithParam<uint32_t> {};

TEST_P(CrashTest, EverythingThatWasSubmittedEndsThoughTheBrokerCrashesAfterEveryRound) {
  EngineSettings settings;
  settings.resident_tasks = GetParam() % 2 == 0 ? 5 : 65'536;
  settings.max_interruptions = 1'000'000;
  EngineHarness harness(settings);
  harness.pages_every = 7 + GetParam();
  Chaos chaos(harness, GetParam());
  for (int step = 0; step < 200 && !::testing::Test::HasFailure(); ++step) {
    chaos.Act();
    if (step % 3 != 0) continue;
    harness.Crash();
    chaos.ReconnectAll();
  }
  chaos.Finish();
}

TEST_P(CrashTest, LoadsThatComeOneByOneAndLateChangeNothing) {
  EngineSettings settings;
  settings.resident_tasks = 2;
  EngineHarness harness(settings);
  harness.loads_per_round = 1;
  Chaos chaos(harness, 1000 + GetParam());
  for (int step = 0; step < 400 && !::testing::Test::HasFailure(); ++step) {
    harness.hold_loads = step % 5 >= 3;
    chaos.Act();
  }
  harness.hold_loads = false;
  chaos.Finish();
}

INSTANTIATE_TEST_SUITE_P(Seeds, CrashTest, ::testing::Range(1u, 21u));

TEST(CrashTest, CrashAfterEachRoundOfOneWorkflow) {  // B6, B128
  // The same workflow over and over, each time with a crash after one round more than the time before.
  for (int crash_at = 0; crash_at < 40; ++crash_at) {
    EngineHarness harness;
    TestWorker& worker = harness.Connect({.slots = 20, .types = {"parent", "work"}});
    int rounds = 0;
    const auto round = [&] {
      if (rounds++ == crash_at) {
        harness.Crash();
        EXPECT_THAT(worker.Hello(), NoError());
      }
      harness.Round();
    };
    const auto rest = [&] {
      for (int i = 0; i < 5; ++i) round();
    };
    const TaskId parent = harness.Submit({.type = "parent"});
    worker.SpawnPart(parent, 1, {{}, {}});
    Outcome spawned = worker.MakeOutcome(parent, Outcome::Kind::kSpawned, ContextStep("context"));
    spawned.has_context = true;
    spawned.parts = 1;
    spawned.children.push_back(MakeTask({}, harness.store()));
    worker.Post(spawned);
    rest();
    for (int child = 1; child <= 3; ++child) {
      ASSERT_TRUE(worker.Runs(parent + child)) << "crash at round " << crash_at;
      worker.Post(worker.MakeOutcome(parent + child, Outcome::Kind::kSucceeded));
      rest();
    }
    ASSERT_TRUE(worker.Runs(parent)) << "crash at round " << crash_at;
    EXPECT_EQ(worker.DeliveryOf(parent).children, 3u);
    EXPECT_EQ(worker.DeliveryOf(parent).stage, 1u);
    EXPECT_EQ(ContextOf(worker.DeliveryOf(parent)), "context");
    worker.Post(worker.MakeOutcome(parent, Outcome::Kind::kSucceeded));
    rest();
    for (TaskId id = parent; id < harness.next_id(); ++id) {
      EXPECT_EQ(harness.StateOf(id), LiveState::COMPLETED) << "task " << id << ", crash at round " << crash_at;
    }
    EXPECT_EQ(harness.next_id(), parent + 4);
  }
}

}  // namespace
}  // namespace baton::engine::testing
