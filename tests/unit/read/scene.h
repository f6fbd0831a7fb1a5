// A broker as readers see it, set by hand: rows in a store in memory, pages, workers, and a clock that is turned.
#ifndef BATON_TESTS_UNIT_READ_SCENE_H_
#define BATON_TESTS_UNIT_READ_SCENE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "broker/base/manual_clock.h"
#include "broker/engine/run/partition.h"
#include "broker/service/read/reads.h"
#include "broker/storage/memory_store.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace baton::service::testing {

using engine::LiveState;
using engine::TaskId;
using records::v1::Step;

// 2023-11-14T22:13:20Z.
inline constexpr WallMicros kStart = 1'700'000'000 * kSecond;

// A partition that shows what a test wrote. Reads are answered at once, on the thread that asks. Thread-safe.
class FakePartition : public engine::Partition {
 public:
  Error Send(std::unique_ptr<engine::Command>&) override { return Unavailable("NO_ENGINE", "only reads work here"); }
  void Read(ReadDone done) override;
  std::shared_ptr<const storage::Snapshot> Snapshot() const override { return store_->TakeSnapshot(); }
  uint64_t Watch(TaskId task, std::function<void()> changed) override;
  uint64_t WatchAny(std::function<void()> changed) override { return Watch(0, std::move(changed)); }
  void Unwatch(uint64_t watch) override;
  const engine::RoutingBoard& routing() const override { return board_; }
  const engine::ActivityBoard& activity() const override { return activity_; }
  engine::ActivityBoard& activity() { return activity_; }
  uint64_t incarnation() const override { return 77; }
  void Stop() override {}

  // Reads are kept back until they are let go.
  void HoldReads(bool hold);
  size_t watches() const;
  // Returns when `count` watches are set.
  void AwaitWatches(size_t count) const;

 private:
  friend class Scene;
  // With an entry in the journal about the task, unless it is 0.
  void Commit(storage::WriteBatch batch, TaskId task);

  std::unique_ptr<storage::Store> store_ = *storage::OpenMemoryStore(std::make_shared<storage::MemoryDisk>());
  engine::Catalog catalog_;
  engine::RoutingBoard board_;
  engine::ActivityBoard activity_;

  mutable absl::Mutex mu_;
  TaskId next_id_ ABSL_GUARDED_BY(mu_) = 1;
  std::map<uint64_t, engine::Page> pages_ ABSL_GUARDED_BY(mu_);
  engine::View::Counts counts_ ABSL_GUARDED_BY(mu_);
  uint64_t last_watch_ ABSL_GUARDED_BY(mu_) = 0;
  std::map<uint64_t, std::pair<TaskId, std::function<void()>>> watches_ ABSL_GUARDED_BY(mu_);
  bool hold_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<ReadDone> held_ ABSL_GUARDED_BY(mu_);
};

// Moves tasks through their lives by writing what the engine would write. Times are taken from the clock.
class Scene {
 public:
  Scene();
  ~Scene();

  struct NewTask {
    std::string type = "render";
    engine::Capabilities capabilities = {};
    std::string tag = "";
    TaskId parent = 0;
    TaskId root = 0;
    // Spawn of the parent.
    uint32_t generation = 0;
    Micros delay = 0;
    engine::Options options = {};
    std::string payload = "";
    std::string unique_key = "";
    bool staged = false;
    std::string trace_parent = "";
  };
  TaskId Submit(const NewTask& task);
  TaskId Submit() { return Submit(NewTask()); }
  // Leaves ids out, as if they had been used elsewhere.
  void SkipTo(TaskId next_id);
  // What the follower does when it stores full pages.
  void IndexFullPages();

  // Starts an attempt; claims write no row.
  void Claim(TaskId id, const std::string& worker);
  // A step that does not end the task: the log row, and the live table after it. Fills in kind's number, time, attempt
  // (if the task runs) and what changes over a life; `state` is the state afterwards.
  void Log(TaskId id, Step::Kind kind, LiveState state, const std::function<void(Step&)>& content = {});
  // The last step.
  void End(TaskId id, Step::Kind kind, LiveState state, const std::function<void(Step&)>& content = {});

  // An attempt failed; it is tried again after `delay`.
  void Fail(TaskId id, const std::string& error, Micros delay = 0);
  void FailForGood(TaskId id, const std::string& error);
  void Complete(TaskId id, const std::string& json = "");
  void Cancel(TaskId id, const std::string& actor, const std::string& reason);
  // The task waits for `count` children, which are created.
  std::vector<TaskId> Spawn(TaskId id, int count, const std::string& context = "");
  // Its children have ended: that is in the live table alone. `due`: 0 is now.
  void ChildrenEnded(TaskId id, WallMicros due = 0);
  void Suspend(TaskId id, const std::string& reason);
  void Resume(TaskId id, const std::string& actor, const std::string& reason);
  void Pause(TaskId id);
  // Its records are gone.
  void Remove(TaskId id);
  // A commit of which the journal has just this entry; null: none.
  void CommitEntry(const records::v1::JournalEntry* entry);
  // The journal is deleted up to this commit.
  void TrimJournal(uint64_t number);
  void PutRow(storage::Family family, absl::string_view key, const std::string& value);

  // `at_limit`: its handler takes no more, whatever slots are free.
  void Connect(const std::string& type, const engine::Capabilities& capabilities, uint32_t slots, uint32_t slots_taken,
               bool at_limit = false);
  // So many of the type may run, and so many do.
  void Limit(const std::string& type, uint32_t max_running, uint32_t running);
  void Register(const std::string& type, const engine::Options& options, const std::string& description);
  void Pass(Micros time) { clock_.AdvanceBoth(time); }
  WallMicros now() const { return clock_.Read().wall; }

  engine::LiveEntry EntryOf(TaskId id);
  ManualClock& clock() { return clock_; }
  FakePartition& partition() { return partition_; }
  ReadSettings& settings() { return settings_; }
  // Made when first asked for, with the settings of that moment.
  ReadService& reads();

  // Asks one read call; the fake answers at once.
  template <typename Request, typename Response>
  std::pair<Error, Response> Ask(void (ReadService::*call)(const Request&, std::function<void(Error, Response)>),
                                 const Request& request) {
    std::pair<Error, Response> answer;
    (reads().*call)(request, [&answer](Error error, Response response) {
      answer = {std::move(error), std::move(response)};
    });
    return answer;
  }
  // The task; the test fails if there is an error.
  v1::Task Get(TaskId id, const v1::TaskParts& parts = {});
  Error GetError(TaskId id);

 private:
  // What the engine keeps of a task between its rows.
  struct Kept {
    records::v1::Mutable now;
    uint32_t rows = 0;
  };
  engine::Page& PageOf(TaskId id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(partition_.mu_);
  void Put(const engine::LiveEntry& entry, const storage::WriteBatch& batch);
  Step MakeStep(const engine::LiveEntry& entry, Step::Kind kind, LiveState state);

  ManualClock clock_{{.wall = kStart, .steady = kHour}};
  FakePartition partition_;
  ReadSettings settings_;
  std::unique_ptr<ReadService> reads_;
  std::map<TaskId, Kept> kept_;
  std::map<TaskId, engine::ClassNumber> classes_;
  // Of those that have a parent.
  std::map<TaskId, TaskId> roots_;
  std::map<std::string, uint64_t> sessions_;
  engine::Routing routing_;
};

// Matches an Error.
MATCHER_P2(ErrorIs, code, reason, "") {
  *result_listener << "which is " << absl::StatusCodeToString(arg.code) << "/" << arg.reason << ": " << arg.message;
  return arg.code == code && std::string(arg.reason) == reason;
}

}  // namespace baton::service::testing

#endif  // BATON_TESTS_UNIT_READ_SCENE_H_
