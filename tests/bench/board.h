#ifndef BATON_TESTS_BENCH_BOARD_H_
#define BATON_TESTS_BENCH_BOARD_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace baton::bench {

inline constexpr int kMaxWorkers = 4;
// One for what is measured, one for what goes on beside it.
inline constexpr int kMaxProducers = 2;

// What the parent lets its children do. Only ever raised, until the children of a phase have ended.
enum class Gate : uint32_t {
  kWarmUp = 0,
  // Producers submit what is counted.
  kSubmit = 1,
  // Workers take what is counted, also those that were told to begin late.
  kDrain = 2,
  // Producers that submit by the clock stop.
  kQuiet = 3,
  // Leave what is running: hand back and exit.
  kStop = 4,
};

// How far a child is.
enum class Stage : uint32_t {
  kStarting = 0,
  // The warm-up is done (producer), the worker is connected (worker).
  kReady = 1,
  // Everything of the measured part is acknowledged.
  kDone = 2,
};

// What happened to one task. Written by at most one producer, or the handler of its parent, and any number of workers.
struct Entry {
  // As Submit answered it, or as its parent was told when it had ended.
  std::atomic<uint64_t> submitted_id;
  std::atomic<uint64_t> ran_id;
  // CLOCK_MONOTONIC, nanoseconds: just before the Submit call, or when it was due if it was submitted by the clock; and
  // at the first start of the handler.
  std::atomic<int64_t> submit_at;
  std::atomic<int64_t> start_at;
  // Answers about it, which must be 1 in the end, and executions.
  std::atomic<uint32_t> submits;
  std::atomic<uint32_t> runs;
};

// What one child tells about itself.
struct Role {
  std::atomic<Stage> stage;
  // When the measured part began and ended for this child; CLOCK_MONOTONIC, nanoseconds.
  std::atomic<int64_t> begin_at;
  std::atomic<int64_t> end_at;
  // Answered submissions of a producer that were counted.
  std::atomic<uint64_t> submitted;
};

// The first part of the shared memory; the entries follow.
struct BoardHeader {
  uint64_t tasks;
  std::atomic<Gate> gate;
  // Rung (counted up, with a wake-up of all who wait) at every change of gate or stage, and every kRunsPerRing runs.
  std::atomic<uint32_t> bell;
  // Tasks of this phase whose last execution has begun, each counted once: those that a producer submitted, those that
  // a handler spawned, those of the stream beside.
  std::atomic<uint64_t> ran;
  std::atomic<uint64_t> spawned_ran;
  std::atomic<uint64_t> stream_ran;
  std::atomic<uint64_t> warm_ran;
  // When the last parent was called again because its children had ended.
  std::atomic<int64_t> joined_at;
  // When the handler of a kCancelled task saw that it should stop; 0 until then.
  std::atomic<int64_t> noticed_at;
  Role producers[kMaxProducers];
  Role workers[kMaxWorkers];
  // Who took the last task of a type that is held (see worker.h): index + 1.
  std::atomic<uint32_t> holder;
  // The first failure of any child.
  std::atomic<uint32_t> has_error;
  char error[1024];
};

// Memory that the parent, the producer and the workers share: one entry per task, and how far each process is. It
// outlives a child that is killed. Thread-safe and process-safe; in use as long as the object exists.
class Board {
 public:
  static constexpr uint64_t kRunsPerRing = 500;

  // For `tasks` tasks, all zero. The file descriptor is inherited by children.
  static absl::StatusOr<Board> Create(uint64_t tasks);
  // In a child, from the descriptor it was given.
  static absl::StatusOr<Board> Open(int descriptor);

  Board(Board&& other) noexcept;
  Board& operator=(Board&&) = delete;
  ~Board();

  int descriptor() const { return descriptor_; }
  uint64_t tasks() const { return header_->tasks; }
  BoardHeader& header() { return *header_; }
  const BoardHeader& header() const { return *header_; }
  Entry& entry(uint64_t sequence) { return entries_[sequence]; }
  const Entry& entry(uint64_t sequence) const { return entries_[sequence]; }

  void OpenGate(Gate gate);
  // Closes the gate and forgets how far the children were; entries stay. Only when no child is left.
  void BeginPhase();
  void SetStage(Role* role, Stage stage);
  // Keeps the first one.
  void Fail(absl::string_view error);
  // INTERNAL with the text of Fail.
  absl::Status status() const;

  void Ring();
  // Waits until the condition holds, which must become true only with a ring; false if a child failed or the time is
  // up.
  template <typename Condition>
  bool Await(Condition condition, absl::Duration timeout);

 private:
  Board(int descriptor, size_t bytes, void* memory);
  static absl::StatusOr<Board> Map(int descriptor, size_t bytes);
  // Waits until the bell is no longer at `seen`, at most for this long.
  void WaitForRing(uint32_t seen, absl::Duration timeout);

  int descriptor_;
  size_t bytes_;
  BoardHeader* header_;
  Entry* entries_;
};

// CLOCK_MONOTONIC, nanoseconds: the same for all processes of the machine.
int64_t MonotonicNow();

template <typename Condition>
bool Board::Await(Condition condition, absl::Duration timeout) {
  const int64_t deadline = MonotonicNow() + absl::ToInt64Nanoseconds(timeout);
  while (true) {
    const uint32_t seen = header_->bell.load();
    if (condition()) return true;
    const int64_t left = deadline - MonotonicNow();
    if (left <= 0 || header_->has_error.load() != 0) return false;
    WaitForRing(seen, absl::Nanoseconds(left));
  }
}

}  // namespace baton::bench

#endif  // BATON_TESTS_BENCH_BOARD_H_
