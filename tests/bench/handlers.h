#ifndef BATON_TESTS_BENCH_HANDLERS_H_
#define BATON_TESTS_BENCH_HANDLERS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "baton/worker.h"
#include "tests/bench/board.h"
#include "tests/bench/payload.h"
#include "tests/bench/workload.h"

namespace baton::bench {

// What workers do with tasks of each kind: they note on the board what they were given, and end it as its fate is.
// Thread-safe; the board must outlive it, and it the workers.
class Handlers {
 public:
  // `index`: whose they are; `count`: rings when so many tasks have run.
  Handlers(Board* board, int index, uint64_t count) : board_(board), index_(index), count_(count) {}

  // For all types of these kinds, kWarmUp excepted.
  std::vector<Registration> For(const std::vector<Kind>& kinds);
  // For the share of the types that this worker has, of so many.
  std::vector<Registration> ForShare(const std::vector<Kind>& kinds, int worker, int workers);
  // Whether the count is reached.
  bool AllRan() const;

 private:
  Outcome Run(Kind kind, Task& task);
  // Writes down that the task runs.
  void Note(Kind kind, uint64_t sequence, const Task& task);
  void CountRan(Kind kind);

  Outcome RunMixed(uint64_t sequence, Task& task);
  // Spawns, and when it is called again looks at what became of the children.
  Outcome RunParent(Kind child, Task& task);
  Outcome Spawn(Kind child, const SpawnPlan& plan, Task& task);
  Outcome Join(Kind child, const SpawnPlan& plan, Task& task);
  // Progress and marks.
  void Report(Task& task);
  // Tells the board who has the task, and keeps it until it is cancelled.
  Outcome Hold(Task& task);
  // Runs until it is cancelled, and tells when that was.
  Outcome RunUntilCancelled(Task& task);
  // A task or a child that should not be: ends the run.
  Outcome Refuse(const Task& task, const std::string& what);

  Board* const board_;
  const int index_;
  const uint64_t count_;
};

}  // namespace baton::bench

#endif  // BATON_TESTS_BENCH_HANDLERS_H_
