// The engine with everything around it in one thread: a store in memory, the follower, loads, and a clock that is
// turned by hand. After every commit it checks what must always hold (checks.h); a violation fails the test.
#ifndef BATON_TESTS_UNIT_ENGINE_HARNESS_H_
#define BATON_TESTS_UNIT_ENGINE_HARNESS_H_

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/base/manual_clock.h"
#include "broker/engine/engine.h"
#include "broker/engine/inspection_commands.h"
#include "broker/engine/retention/sweeper.h"
#include "broker/storage/memory_store.h"
#include "gtest/gtest.h"
#include "tests/unit/engine/checks.h"
#include "tests/unit/engine/commands.h"
#include "tests/unit/engine/worker.h"

namespace baton::engine::testing {

// 2023-11-14T22:13:20Z.
inline constexpr WallMicros kStart = 1'700'000'000 * kSecond;

class EngineHarness {
 public:
  explicit EngineHarness(const EngineSettings& settings = {});
  ~EngineHarness();

  // ── Rounds ──
  // One round of the engine with everything sent so far. With `commit` its batch is committed; without, it stays open,
  // as if the disk were busy.
  void Round(bool commit = true);
  // Rounds until there is nothing more to do at this moment.
  void Settle();
  // Lets time go by as a healthy process sees it: the engine is woken when it asked for, workers beat in time.
  void Advance(Micros time);
  // The process stands still.
  void Pause(Micros time) { clock_.AdvanceBoth(time); }
  // The broker dies and starts again: what was not committed is gone, streams are broken, answers lost.
  void Crash();
  // The two halves of that. Between them the store may be looked at and changed.
  void Stop();
  void Start();
  storage::Store& stopped_store() { return *store_; }
  EngineSettings& stopped_settings() { return settings_; }
  // Stores all changed pages.
  void StorePages();
  // Removes what is no longer retained, until nothing is.
  void Sweep();
  // Before anything exists: the first task gets this id. Those before it count as removed.
  void StartAt(TaskId first);

  // ── Commands ──
  template <typename C>
  Reply<C> Send(std::unique_ptr<Tracked<C>> command) {
    const Reply<C> reply = command->reply();
    sent_.push_back(std::move(command));
    return reply;
  }
  template <typename C>
  Reply<C> Call(std::unique_ptr<Tracked<C>> command) {
    const Reply<C> reply = Send(std::move(command));
    Settle();
    return reply;
  }
  // Called after answers were released, until it returns true; dropped by a crash.
  void OnAnswer(std::function<bool()> look) { looks_.push_back(std::move(look)); }

  TaskId Submit(const TaskSpec& spec = {});
  std::vector<TaskId> SubmitMany(size_t count, const TaskSpec& spec = {});
  Reply<SubmitCommand> SubmitCall(const std::vector<TaskSpec>& specs, const std::string& request_id = "");
  Error Cancel(TaskId id, const std::string& reason = "not wanted any more");
  Error Resume(TaskId id, const std::string& decision = "", std::optional<uint32_t> stage = {});
  Error Retry(TaskId id, bool from_start = false, const std::string& reason = "once more");
  Error PauseTask(TaskId id, bool cascade = false, const std::string& reason = "hold on");
  Error UnpauseTask(TaskId id, bool cascade = false, const std::string& reason = "go on");
  Error PauseType(const std::string& type, bool pause = true);
  // How many of the type run; the test fails if it is refused. 0: no limit.
  uint32_t LimitType(const std::string& type, uint32_t max_running);
  Error DrainWorker(const std::string& worker_id);
  Reply<DeleteCommand> Delete(TaskId id);
  // Bulk jobs; see Matches for what `filter` means. `content`: what else of its row is set.
  uint64_t StartJob(records::v1::JobRow::Verb verb, const std::string& filter,
                    const std::function<void(records::v1::JobRow&)>& content = {});
  Error StopJob(uint64_t number);
  // Of one that is still told of; the test fails if it is not.
  records::v1::JobRow JobOf(uint64_t number);
  std::vector<JobView> Jobs();
  std::vector<WorkerView> Workers();

  // ── Workers ──
  // Not connected yet.
  TestWorker& NewWorker(const WorkerSpec& spec = {});
  // Connected; the test fails if it is refused.
  TestWorker& Connect(const WorkerSpec& spec = {});

  // ── Looking ──
  LiveState StateOf(TaskId id);
  LiveEntry EntryOf(TaskId id);
  // Rows of family log, oldest first; the row of family end.
  std::vector<Step> LogOf(TaskId id);
  Step EndOf(TaskId id);
  std::vector<Step::Kind> KindsOf(TaskId id);
  records::v1::TaskRow RowOf(TaskId id);
  TaskId next_id() const { return engine_->next_id(); }

  const storage::Snapshot& store();
  std::shared_ptr<const View> MakeView() { return follower_->MakeView(store_->TakeSnapshot()); }
  Engine& engine() { return *engine_; }
  ManualClock& clock() { return clock_; }
  WallMicros now() const { return clock_.Read().wall; }
  const EngineSettings& settings() const { return settings_; }
  // Puts and deletes by family since the last call; pages and checkpoints are not counted.
  std::array<size_t, storage::kFamilyCount> TakeWrites() { return std::exchange(writes_, {}); }

  // At most so many loads are answered in a round.
  size_t loads_per_round = SIZE_MAX;
  // All pages are stored every so many commits; 0: never by itself.
  uint64_t pages_every = 50;
  // Ids that a search for bulk jobs looks at before it pauses.
  uint64_t ids_per_search = 512;
  // What files were given back of.
  std::vector<IdRange> reclaimed;
  // Loads are answered only when this is false.
  bool hold_loads = false;
  bool newest_loads_first = false;
  // A step of retention is taken in every round.
  bool sweeping = false;
  // What must always hold is checked after each round and commit, which takes time in proportion to the live tasks.
  bool check_every_commit = true;
  // The store is verified (`batond verify`) before each crash and at the end; with this after each commit, too, which
  // takes a millisecond.
  bool verify_every_commit = false;
  // Off for a store that the test has damaged.
  bool verify = true;
  // What the operator was told.
  std::vector<std::string> warnings;

 private:
  void Open();
  void Commit();
  void Release(Outbox outbox);
  void CountWrites(const storage::WriteBatch& batch);
  bool SweepStep();
  void Check();
  void VerifyStore();
  bool Busy() const;
  void RunLoads();
  // Stands in for the filters of the wire: tasks with this tag; "live" or "ended" after a colon: only those. Without a
  // tag: all tasks.
  Matches FindMatches(const View& view, const LoadRequest& request) const;

  EngineSettings settings_;
  ManualClock clock_{{.wall = kStart, .steady = kHour}};
  std::shared_ptr<storage::MemoryDisk> disk_ = std::make_shared<storage::MemoryDisk>();
  std::unique_ptr<storage::Store> store_;
  std::unique_ptr<Catalog> catalog_;
  std::unique_ptr<RoutingBoard> board_;
  std::unique_ptr<Follower> follower_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Sweeper> sweeper_;
  std::shared_ptr<const storage::Snapshot> snapshot_;

  std::deque<std::unique_ptr<Command>> sent_;
  std::vector<LoadRequest> requested_;
  std::deque<LoadResult> loaded_;
  std::vector<std::function<bool()>> looks_;
  std::vector<std::unique_ptr<TestWorker>> workers_;
  std::array<size_t, storage::kFamilyCount> writes_{};
  SteadyMicros next_beat_ = clock_.Read().steady + settings_.beat_interval;
  std::optional<Reply<RemoveCommand>> removal_;  // The sweeper's last one.
  uint64_t commits_ = 0;
  bool broken_ = false;  // Said once.
};

}  // namespace baton::engine::testing

#endif  // BATON_TESTS_UNIT_ENGINE_HARNESS_H_
