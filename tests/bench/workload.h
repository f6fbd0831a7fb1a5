#ifndef BATON_TESTS_BENCH_WORKLOAD_H_
#define BATON_TESTS_BENCH_WORKLOAD_H_

#include <cstdint>
#include <string>
#include <vector>

#include "baton/task_options.h"
#include "baton/v1/task.pb.h"

// What the tasks of the benchmark are and how each of them should end. Everything follows from the kind and the number
// (its entry on the board, with which its payload begins), so that producer, worker and verification need not tell each
// other.
namespace baton::bench {

enum class Kind {
  // Ahead of what is measured; not on the board.
  kWarmUp,
  kMeasured,
  // As measured; no worker has a handler for it until it is drained.
  kBacklog,
  // Its handler runs until it is cancelled.
  kHeld,
  // The same; it tells when it noticed.
  kCancelled,
  // Unrelated ones, now and then, while something else is measured.
  kStream,
  // 20 types, 5 priorities, every tenth due in 1 to 30 days; never run.
  kSpread,
  // As measured, of kRoutedTypes types.
  kRouted,
  // 20 types, 50 tags and a rare one; of ten tasks about five wait for a later day, four complete and one fails.
  kListed,
  // See MixedPart.
  kMixed,
  // One of the kMixedChildren of each parent fails for good.
  kMixedChild,
  // Spawns kChild tasks and completes when they have ended.
  kParent,
  kChild,
};

// What a mixed task does, in turn.
enum class MixedPart {
  kPlain,
  // Fails once, then completes.
  kRetried,
  // Fails for good at once.
  kHopeless,
  // Fails until its attempts are used up.
  kExhausted,
  // Tells its progress and sets marks in its history.
  kReported,
  // Both.
  kRetriedAndReported,
  kParent,
};

inline constexpr uint64_t kMixedChildren = 3;
inline constexpr int kSpreadTypes = 20;
inline constexpr int kRoutedTypes = 10'000;
// One in so many of the listed tasks has the tag kRareTag.
inline constexpr uint64_t kRareEvery = 10'007;
inline constexpr char kRareTag[] = "tag.rare";
// What all that fail as they should say.
inline constexpr char kPlannedError[] = "as planned";
// Marks that one reported attempt sets.
inline constexpr int kCheckpoints = 3;

// How a task should end.
struct Fate {
  v1::TaskState state = v1::TASK_STATE_PENDING;
  // Executions of its handler, which are its attempts.
  uint32_t runs = 0;
  // Last progress it told; 0: none.
  int percent = 0;
  // Marks in its history.
  int checkpoints = 0;
};

MixedPart MixedPartOf(uint64_t sequence);
// Of the tasks [first, first + count).
uint64_t CountMixedParents(uint64_t first, uint64_t count);

std::string TypeOf(Kind kind, uint64_t sequence);
// All types of the kind.
std::vector<std::string> TypesOf(Kind kind);
// Those of the worker of this number, of so many: the types are dealt out in turn, and each worker also takes what its
// neighbour has, so that no two of them serve the same and each type has two.
std::vector<std::string> ShareOf(const std::vector<std::string>& types, int worker, int workers);
std::string TagOf(Kind kind, uint64_t sequence);
Fate FateOf(Kind kind, uint64_t sequence);
// Whether it is created by a handler and not by a producer.
bool IsSpawned(Kind kind);

// As it is submitted or spawned; a parent needs another payload (see SpawnPlan).
NewTask MakeTask(Kind kind, uint64_t sequence, uint64_t payload_bytes);

}  // namespace baton::bench

#endif  // BATON_TESTS_BENCH_WORKLOAD_H_
