// A partition on one thread: the real engine, follower, recovery and loader on a store in memory, and a clock that is
// turned by hand. The same inputs do the same, always.
#ifndef BATON_TESTS_FUZZ_LIVE_BROKER_H_
#define BATON_TESTS_FUZZ_LIVE_BROKER_H_

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "broker/base/manual_clock.h"
#include "broker/engine/engine.h"
#include "broker/engine/live/follower.h"
#include "broker/engine/run/partition.h"
#include "broker/storage/memory_store.h"

namespace baton::fuzz {

// 2023-11-14T22:13:20Z.
inline constexpr WallMicros kStartOfTime = 1'700'000'000 * kSecond;

// A command whose answer calls a function.
template <typename Base>
class Asking final : public Base {
 public:
  std::function<void(Base&)> on_answer = [](Base&) {};
  void Answer() override { on_answer(*this); }
};

// Aborts when an invariant of the engine is broken. Not thread-safe.
class LiveBroker final : public engine::Partition {
 public:
  // Open() must follow. `store_settings`: of a broker, with `disk` as it was left.
  LiveBroker(const engine::EngineSettings& settings, std::shared_ptr<storage::MemoryDisk> disk);

  // Starts on what the disk has. Errors: as engine::Recover.
  absl::Status Open();
  // The power fails, and a new life begins: commands and streams are gone.
  void Crash();
  // Rounds until there is nothing more to do at this moment: all that was sent is answered.
  void Settle();
  // Time goes by as a healthy process sees it; the engine is woken when it asked for.
  void Advance(Micros time);
  // The process stands still.
  void Pause(Micros time);
  // Compares what the engine knows, what the follower has folded, what a restart would rebuild and what the records
  // tell, counters included.
  void CheckEverything();

  void Queue(std::unique_ptr<engine::Command> command) { sent_.push_back(std::move(command)); }
  std::shared_ptr<const engine::View> View() { return follower_->MakeView(store_->TakeSnapshot()); }
  engine::TaskId next_id() const { return engine_->next_id(); }
  const Clock& clock() const { return clock_; }
  const engine::EngineSettings& settings() const { return settings_; }
  storage::Store& store() { return *store_; }

  // Gets what a session is sent.
  std::function<void(engine::SessionOutput)> on_output = [](const engine::SessionOutput&) {};

  // ── Partition ──
  Error Send(std::unique_ptr<engine::Command>& command) override;
  void Read(ReadDone done) override { done(View()); }
  std::shared_ptr<const storage::Snapshot> Snapshot() const override { return store_->TakeSnapshot(); }
  uint64_t Watch(engine::TaskId, std::function<void()>) override { return 0; }
  uint64_t WatchAny(std::function<void()>) override { return 0; }
  void Unwatch(uint64_t) override {}
  const engine::RoutingBoard& routing() const override { return *board_; }
  const engine::ActivityBoard& activity() const override { return *activity_; }
  uint64_t incarnation() const override { return engine_->incarnation(); }
  void Stop() override {}

 private:
  void Round();
  void Commit();
  void Load(std::vector<engine::LoadRequest> requests);
  bool busy() const { return !sent_.empty() || !loaded_.empty() || engine_->has_more() || engine_->has_batch(); }

  const engine::EngineSettings settings_;
  const std::shared_ptr<storage::MemoryDisk> disk_;
  ManualClock clock_{{.wall = kStartOfTime, .steady = kHour}};

  std::unique_ptr<storage::Store> store_;
  std::unique_ptr<engine::Catalog> catalog_;
  std::unique_ptr<engine::RoutingBoard> board_;
  std::unique_ptr<engine::ActivityBoard> activity_;
  std::unique_ptr<engine::Follower> follower_;
  std::unique_ptr<engine::Engine> engine_;
  std::deque<std::unique_ptr<engine::Command>> sent_;
  std::vector<engine::LoadResult> loaded_;
  uint64_t commits_ = 0;
};

}  // namespace baton::fuzz

#endif  // BATON_TESTS_FUZZ_LIVE_BROKER_H_
