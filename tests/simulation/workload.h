// One simulation: a broker, workers, programs and operators, and all that befalls them, drawn from a seed.
#ifndef BATON_TESTS_SIMULATION_WORKLOAD_H_
#define BATON_TESTS_SIMULATION_WORKLOAD_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/simulation/broker.h"
#include "tests/simulation/coverage.h"
#include "tests/simulation/network.h"
#include "tests/simulation/worker.h"

namespace baton::simulation {

// What befalls them: how often, in so many of ten thousand turns. Each kind is switched off in a part of all seeds, so
// that it cannot hide what another would show.
struct Faults {
  uint32_t kill_broker = 25;
  uint32_t end_broker = 10;
  uint32_t freeze_broker = 20;
  uint32_t jump_wall = 15;
  uint32_t kill_worker = 60;
  uint32_t freeze_worker = 160;
  uint32_t break_stream = 80;
  uint32_t change_worker = 60;
};

class Workload {
 public:
  Workload(uint64_t seed, Coverage* coverage);

  // Throws Violation when something is wrong. `commands`: so many are applied, then everything heals and all tasks must
  // end.
  void Run(uint64_t commands);

  // Tells everything that happens.
  void Trace(std::ostream* out) { broker_.auditor().trace = out; }
  // How far it is, for people.
  std::string Position() const;

 private:
  struct Submission {
    std::string request_id;
    std::vector<engine::testing::TaskSpec> specs;
  };

  static EngineSettings DrawSettings(uint64_t seed, Random& random);
  static engine::WorkBounds DrawWork(Random random);
  static void DrawRetention(Random& random, EngineSettings* settings);
  static TaskId DrawFirstId(Random& random);
  static DiskHabits DrawDisk(Random& random);
  static NetworkHabits DrawNetwork(Random& random, Random own);
  void DrawFaults();
  void DrawWorkers();
  WorkerHabits DrawWorker(size_t index);

  void Turn();
  void Befall();
  void BringBack();
  Micros DrawFreeze();
  void ChangeWorker(SimulatedWorker& worker);
  void Act();
  void Submit();
  void Send(const Submission& submission, int tries);
  engine::testing::TaskSpec DrawSpec();
  // ── workload_schedules.cc ──
  void Schedule();
  void CreateSchedule(const std::string& name);
  void ChangeSchedule(const std::string& name, engine::ChangeScheduleCommand::Verb verb);
  // ── workload_jobs.cc ──
  void Job();
  void StartJob();
  void StopJob();
  // ── workload_verbs.cc ──
  void Cancel();
  void Resume(TaskId id);
  void Retry();
  void Delete();
  void Pause();
  void PauseType(const std::string& type, bool pause);
  void LimitType();
  void DismissWorker();
  void Mark(TaskId id, bool pause, bool cascade);
  // One that has failed or was cancelled, if there are many.
  TaskId AnyEnded();
  // ── workload_reads.cc ──
  void Look(TaskId id);
  void Search();
  void Mischief();
  AttemptId DrawAttempt();
  void ListWorkers();
  void Explain(TaskId id);
  TaskId AnyTask();
  // One that waits for children, if there is any.
  TaskId AnyParent();
  TaskId AnyPaused();
  SimulatedWorker& AnyWorker() { return *workers_[random_.Below(workers_.size())]; }
  // One that holds an attempt, if one is found soon: silence of others changes little.
  SimulatedWorker& BusyWorker();
  void Heal();
  void ExpireEverything();
  Micros LongestAge() const;
  bool Settled() const;

  Coverage* const coverage_;
  Random random_;
  Timeline timeline_;
  SimulatedBroker broker_;
  Network network_;
  Faults faults_;
  std::vector<std::unique_ptr<SimulatedWorker>> workers_;
  std::vector<Submission> submissions_;  // Lately made, with request ids.
  std::vector<engine::Schedule> schedules_made_;
  Micros outage_end_ = 0;  // 0: it is not known, or there is none.
  bool healing_ = false;
  bool unique_keys_ = true, request_ids_ = true, delays_ = true, mischief_ = true, cancels_ = true, pauses_ = true,
       schedules_ = true, deadlines_ = true, retries_ = true, deletes_ = true, jobs_ = true, limits_ = true,
       dismissals_ = true;
  uint64_t numbers_ = 0;                 // For texts that have to be unique.
  engine::SessionNumber listed_to_ = 0;  // Where the next page of workers begins.
};

}  // namespace baton::simulation

#endif  // BATON_TESTS_SIMULATION_WORKLOAD_H_
