// A long life of everything at once, with a crash of the broker after every single round.
#include <random>

#include "tests/unit/engine/harness.h"

namespace baton::engine::testing {
namespace {

// What programs, workers and operators do, drawn at random but the same for the same seed.
class Chaos {
 public:
  Chaos(EngineHarness& harness, uint32_t seed) : harness_(harness), random_(seed) {
    for (const char* name : {"a", "b", "c"}) {
      workers_.push_back(&harness_.Connect({.worker_id = name,
                                            .instance_id = name,
                                            .slots = 4,
                                            .types = {"parent", "work"},
                                            .handler_options = {.retry_interval = kSecond}}));
    }
  }

  void Act() {
    switch (Draw(14)) {
      case 0:
      case 1:
        return Submit();
      case 2:
        return (void)harness_.Cancel(AnyTask());
      case 3:
        return (void)harness_.Resume(AnyTask(), "decision");
      case 4:
        return harness_.Advance(static_cast<Micros>(Draw(3)) * kSecond);
      case 5:
        return harness_.StorePages();
      case 6:
        return (void)AnyWorker().Beat();
      case 7:
        return Reconnect();
      default:
        return EndAnAttempt();
    }
  }

  // Everybody comes back, and ends everything.
  void Finish() {
    for (int round = 0; round < 400 && !Unfinished().empty(); ++round) {
      for (TestWorker* worker : workers_) {
        if (!worker->open()) worker->Hello();
        EXPECT_TRUE(worker->open());
        for (const AttemptId& attempt : worker->attempts()) worker->Send(OutcomeOf(attempt, Outcome::Kind::kSucceeded));
      }
      for (TaskId id = 1; id < harness_.next_id(); ++id) {
        if (harness_.StateOf(id) == LiveState::SUSPENDED) harness_.Resume(id);
      }
      harness_.Advance(harness_.settings().beat_interval);
    }
    EXPECT_EQ(Unfinished(), "");
  }

  void ReconnectAll() {
    for (TestWorker* worker : workers_) {
      if (!worker->open() && Draw(3) != 0) worker->Hello();
    }
  }

 private:
  uint32_t Draw(uint32_t count) { return std::uniform_int_distribution<uint32_t>(0, count - 1)(random_); }
  TestWorker& AnyWorker() { return *workers_[Draw(static_cast<uint32_t>(workers_.size()))]; }
  TaskId AnyTask() { return 1 + Draw(static_cast<uint32_t>(harness_.next_id())); }

  // The first task that has not ended; empty if all have.
  std::string Unfinished() {
    for (TaskId id = 1; id < harness_.next_id(); ++id) {
      if (IsLive(harness_.StateOf(id))) return Describe(harness_.EntryOf(id));
    }
    return "";
  }

  TaskSpec AnySpec() {
    TaskSpec spec;
    spec.type = Draw(3) == 0 ? "parent" : "work";
    spec.options.priority = static_cast<int32_t>(Draw(3)) - 1;
    if (Draw(4) == 0) spec.delay = static_cast<Micros>(Draw(4)) * kSecond;
    return spec;
  }

  void Submit() {
    TaskSpec spec = AnySpec();
    if (Draw(3) == 0) spec.unique_key = absl::StrCat("key ", Draw(3));
    spec.policy = static_cast<UniquePolicy>(Draw(3));
    harness_.SubmitCall({spec, AnySpec()}, Draw(2) == 0 ? "" : absl::StrCat("request ", requests_++));
  }

  void Reconnect() {
    TestWorker& worker = AnyWorker();
    if (worker.open() && Draw(2) == 0) return worker.CloseStream();
    worker.Hello();
  }

  Outcome OutcomeOf(const AttemptId& attempt, Outcome::Kind kind) {
    Outcome outcome;
    outcome.attempt = attempt;
    outcome.kind = kind;
    return outcome;
  }

  void EndAnAttempt() {
    TestWorker& worker = AnyWorker();
    if (worker.handlers() == 0) return;
    const AttemptId attempt = worker.attempts()[Draw(static_cast<uint32_t>(worker.handlers()))];
    const TaskId id = attempt.task;
    switch (Draw(9)) {
      case 0:
        return worker.Drop(attempt);
      case 1:
        return (void)worker.Report(id, "checkpoint");
      case 2:
        return (void)worker.Suspend(id, "approval", Draw(2) == 0 ? "" : "context");
      case 3:
        return (void)worker.Spawn(id, std::vector<TaskSpec>(Draw(4), AnySpec()), "context");
      case 4:
        worker.SpawnPart(id, 1, {AnySpec(), AnySpec()});
        if (Draw(2) == 0 && worker.Runs(id)) worker.Spawn(id, {AnySpec()}, "", 1);
        return;
      case 5:
        return (void)worker.Fail(id);
      case 6:
        return (void)worker.Release(id);
      default:
        return (void)worker.Succeed(id, "result");
    }
  }

  EngineHarness& harness_;
  std::mt19937 random_;
  std::vector<TestWorker*> workers_;
  int requests_ = 0;
};

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

TEST(CrashTest, CrashAfterEachRoundOfOneWorkflow) {
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
