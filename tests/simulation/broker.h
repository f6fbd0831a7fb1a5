// A broker process on the timeline: the real engine, follower, recovery, lanes and loader, put together as the running
// partition does it, with every hand-over between its threads as an event of its own. It can be killed, stopped, frozen
// and started again at any moment; its disk can fail.
#ifndef BATON_TESTS_SIMULATION_BROKER_H_
#define BATON_TESTS_SIMULATION_BROKER_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "broker/engine/engine.h"
#include "broker/engine/retention/sweeper.h"
#include "broker/engine/run/lanes.h"
#include "broker/service/read/task_finder.h"
#include "broker/storage/memory_store.h"
#include "tests/simulation/auditor.h"
#include "tests/simulation/random.h"
#include "tests/simulation/timeline.h"

namespace baton::simulation {

struct DiskHabits {
  // Of a commit, as a rule.
  Micros fast = 300;
  // In so many of a thousand commits the disk stalls, for up to this long.
  uint32_t stall_permille = 5;
  Micros stall = 3 * kSecond;
  // In so many of ten thousand commits nobody knows whether they were written; the broker dies of it.
  uint32_t failure_per_10000 = 5;
};

class SimulatedBroker {
 public:
  // `first_id`: of the first task.
  SimulatedBroker(const EngineSettings& settings, TaskId first_id, DiskHabits habits, Timeline* timeline,
                  Random* random, Coverage* coverage);

  // ── Life ──
  void Start();
  // Power is cut: what is not on disk is gone; the batch on its way may or may not have arrived.
  void Kill();
  // Drains, stores everything and ends.
  void Terminate();
  // The process stands still for a while.
  void Freeze(Micros time);
  bool up() const { return up_; }
  bool frozen() const { return timeline_->now() < frozen_until_; }
  // Counts the lives.
  uint64_t life() const { return life_; }
  void StopFailing() { habits_.stall_permille = habits_.failure_per_10000 = 0; }

  // ── For callers; only while it is up ──
  // Runs as soon as the process can look at its sockets; never if it dies before.
  void Arrive(std::function<void()> action);
  // As RunningPartition::Send.
  Error Send(std::unique_ptr<engine::Command>& command);
  // For commands that must not get lost: waits for room.
  void SendSurely(std::unique_ptr<engine::Command> command);
  std::shared_ptr<const storage::Snapshot> Snapshot() const { return store_->TakeSnapshot(); }
  using Read = std::function<void(std::shared_ptr<const engine::View>)>;
  void AddRead(Read read);

  // Gets what a session is sent.
  std::function<void(engine::SessionOutput)> on_output;
  // Told when a life is over.
  std::function<void()> on_death;

  Auditor& auditor() { return auditor_; }
  const Auditor& auditor() const { return auditor_; }
  const EngineSettings& settings() const { return settings_; }
  // Nothing is under way in it.
  bool idle() const;
  // Checks that take long: rebuilt state, counters, history.
  void CheckEverything();

 private:
  struct Committed {
    uint64_t number = 0;
    std::shared_ptr<const records::v1::JournalEntry> entry;
    size_t entry_bytes = 0;
    bool stores_pages = false;
    std::shared_ptr<const storage::Snapshot> snapshot;
  };
  struct WaitingRead {
    uint64_t min_number;
    Read read;
  };

  // An event of this life, held up while the process is frozen.
  void Later(Micros delay, std::function<void()> action);
  // ── broker_rounds.cc ──
  bool IsFull() const;
  bool HasInput() const;
  void WakeEngine();
  void PlanRound(Micros delay);
  void Round();
  void ApplyLoad(engine::LoadResult load);
  void ApplyCommands(engine::Taken& commands);
  void HandOver();
  void CheckSize(const engine::ClosedBatch& batch);
  // ── broker.cc ──
  void CommitIsDone();
  void PassOn(engine::ClosedBatch& batch);
  void WantView();
  void PlanFollow();
  void Follow();
  void Publish(const std::shared_ptr<const engine::View>& view);
  void RequestLoads(std::vector<engine::LoadRequest> requests);
  void StorePages(bool all);
  // An idle follower looks now and then.
  void PlanSweep();
  void Sweep();
  Error SendRemoval(engine::NumberedRemoval removal);
  void Reclaim(const engine::IdRange& range);
  void EndDrain();
  void End();
  // Before the first life.
  void BeginWith(TaskId first_id);
  // As `batond verify` does.
  void CheckStore() const;

  const EngineSettings settings_;
  DiskHabits habits_;
  const service::FinderLimits finder_limits_;
  Timeline* const timeline_;
  Random* const random_;
  Coverage* const coverage_;
  Auditor auditor_;
  const std::shared_ptr<storage::MemoryDisk> disk_ = std::make_shared<storage::MemoryDisk>();

  bool up_ = false;
  uint64_t life_ = 0;
  Micros frozen_until_ = 0;
  Micros sockets_late_ = 0;

  std::unique_ptr<storage::Store> store_;
  std::unique_ptr<engine::Catalog> catalog_;
  std::unique_ptr<engine::RoutingBoard> board_;
  std::unique_ptr<engine::Follower> follower_;
  std::unique_ptr<engine::Sweeper> sweeper_;
  std::unique_ptr<engine::Engine> engine_;
  std::optional<engine::Lanes> lanes_;
  std::deque<std::unique_ptr<engine::Command>> unsent_;
  std::map<SessionNumber, int> waiting_beats_;

  uint64_t round_ticket_ = 0;
  Micros round_at_ = 0;
  std::vector<engine::LoadResult> loaded_;
  // Taken over by the engine, and left to a later round because the batch is full.
  std::deque<engine::LoadResult> loads_;
  std::optional<storage::WriteBatch> pages_;
  std::optional<engine::ClosedBatch> committing_;
  SteadyMicros committing_since_ = 0;
  bool view_wanted_ = false;
  std::deque<Committed> to_fold_;
  bool follow_planned_ = false;
  std::deque<WaitingRead> reads_;
  size_t reading_ = 0;  // On their way with their view.
  size_t follower_lag_bytes_ = 0;
  bool closed_ = false;  // Takes no more commands.
  bool ending_ = false;  // Stores what is left, and then ends.
};

}  // namespace baton::simulation

#endif  // BATON_TESTS_SIMULATION_BROKER_H_
