#ifndef BATON_TESTS_BENCH_VERIFY_H_
#define BATON_TESTS_BENCH_VERIFY_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "client_cli/broker_client.h"
#include "tests/bench/board.h"
#include "tests/bench/workload.h"

namespace baton::bench {

// Tasks [first, first + count) of a board, all of one kind.
struct Portion {
  uint64_t first = 0;
  uint64_t count = 0;
  Kind kind = Kind::kMeasured;
  // False: submitted, and not handed out yet.
  bool is_run = true;

  uint64_t end() const { return first + count; }
  Fate fate(uint64_t sequence) const { return is_run ? FateOf(kind, sequence) : Fate(); }
};
using Portions = std::vector<Portion>;

// Compares what producers and workers wrote down, task by task: each submission was answered once, with an id of its
// own, and the task with that id ran as often as its fate says. Errors: DATA_LOSS naming the first task that is wrong.
absl::Status VerifyBoard(const Board& board, const Portions& portions);

// Asks the broker for all its tasks, and checks type, state, number of attempts and progress of those on the board.
// Errors: DATA_LOSS as above; those of the calls.
absl::Status VerifyEachTask(cli::Broker* broker, const Board& board, const Portions& portions);

// Compares the broker's counts of all types of the portions, state by state. Errors: as above.
absl::Status VerifyCounts(cli::Broker* broker, const Portions& portions);

// Asks for the history of those with marks in it, at most `limit` of them. Errors: as above.
absl::Status VerifyHistories(cli::Broker* broker, const Board& board, const Portion& portion, uint64_t limit);

}  // namespace baton::bench

#endif  // BATON_TESTS_BENCH_VERIFY_H_
