#ifndef BATON_TESTS_BENCH_VERIFY_H_
#define BATON_TESTS_BENCH_VERIFY_H_

#include <cstdint>

#include "absl/status/status.h"
#include "client_cli/broker_client.h"
#include "tests/bench/board.h"

namespace baton::bench {

// Tasks [first, first + count) of a board.
struct Range {
  uint64_t first = 0;
  uint64_t count = 0;
};

enum class Expected {
  // Submitted, and never handed out.
  kWaiting,
  // Submitted, run and completed, each exactly once.
  kCompleted,
};

// Compares what producer and workers wrote down, task by task: each submission was answered once, with an id of its
// own, and the task with that id ran as often as expected. Errors: DATA_LOSS naming the first task that is wrong.
absl::Status VerifyBoard(const Board& board, Range range, Expected expected);

// Asks the broker for all its tasks, and checks state and number of attempts of those in the range.
// Errors: DATA_LOSS as above; those of the calls.
absl::Status VerifyEachTask(cli::Broker* broker, const Board& board, Range range, Expected expected);

// Compares the broker's count of a type in the expected state, and in all others. Errors: as above.
absl::Status VerifyCounts(cli::Broker* broker, const std::string& type, uint64_t count, Expected expected);

}  // namespace baton::bench

#endif  // BATON_TESTS_BENCH_VERIFY_H_
