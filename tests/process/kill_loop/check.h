// Compares what the broker shows in the end with what it has promised, and with what must be true of every history.
#ifndef BATON_TESTS_PROCESS_KILL_LOOP_CHECK_H_
#define BATON_TESTS_PROCESS_KILL_LOOP_CHECK_H_

#include <cstdint>
#include <string>
#include <vector>

#include "baton/v1/admin.pb.h"
#include "baton/v1/task.pb.h"
#include "tests/process/kill_loop/plan.h"
#include "tests/process/kill_loop/promises.h"

namespace baton::kill_loop {

// The name of a worker that is never killed, stopped or told to leave.
inline constexpr char kSteadyWorker[] = "steady";

// A task as it stands when everything has ended; with payload and result.
struct History {
  v1::Task task;
  std::vector<v1::Event> events;
  std::vector<v1::Attempt> attempts;
};

// One task: it has ended, exactly once; each of its attempts has ended, exactly once; the state follows from the
// attempts; result, errors, checkpoints and progress are those of the attempts that they are shown with; every answer
// that was given about it stands.
void CheckTask(const History& history, const TaskPromises& promises, Findings* findings);

// What the checks over all tasks need of one.
struct Summary {
  struct Attempt {
    int number = 0;
    int stage = 0;
    v1::AttemptOutcome outcome = v1::ATTEMPT_OUTCOME_UNSPECIFIED;
    int64_t claimed_us = 0;
  };

  uint64_t id = 0;
  std::string type;
  v1::TaskState state = v1::TASK_STATE_UNSPECIFIED;
  uint64_t parent = 0;
  uint64_t root = 0;
  int64_t created_us = 0;
  int64_t ended_us = 0;
  std::string unique_key;
  std::string cancel_reason;
  Plan plan;
  std::vector<Attempt> attempts;
};

Summary Summarize(const History& history);

// All tasks: each submission made exactly one task, each spawn exactly its children, which ended before their parent
// went on; unique keys were held by one task at a time; nothing was cancelled that nobody wanted cancelled.
void CheckRun(const std::vector<Summary>& tasks, const Promises& promises, Findings* findings);

}  // namespace baton::kill_loop

#endif  // BATON_TESTS_PROCESS_KILL_LOOP_CHECK_H_
