#ifndef BATON_TESTS_UNIT_ENGINE_CHAOS_H_
#define BATON_TESTS_UNIT_ENGINE_CHAOS_H_

#include <random>
#include <string>
#include <vector>

#include "tests/unit/engine/harness.h"

namespace baton::engine::testing {

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
    switch (Draw(16)) {
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
      case 8:
        return (void)harness_.Delete(AnyTask());
      case 9:
        return StartJob();
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

  // All workers die, and others take their places.
  void ReplaceWorkers() {
    for (TestWorker*& worker : workers_) {
      worker->Kill();
      WorkerSpec spec = worker->spec();
      spec.worker_id += "'";
      spec.instance_id = spec.worker_id;
      worker = &harness_.Connect(spec);
    }
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
    spec.tag = absl::StrCat("tag ", Draw(4));
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

  void StartJob() {
    using records::v1::JobRow;
    static constexpr JobRow::Verb kVerbs[] = {JobRow::CANCEL, JobRow::RETRY, JobRow::DELETE};
    harness_.ids_per_search = 1 + Draw(20);
    const uint64_t number = harness_.StartJob(kVerbs[Draw(3)], absl::StrCat("tag ", Draw(4)),
                                              [this](JobRow& row) { row.set_from_start(Draw(2) == 0); });
    if (Draw(4) == 0) harness_.StopJob(number);
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

}  // namespace baton::engine::testing

#endif  // BATON_TESTS_UNIT_ENGINE_CHAOS_H_
