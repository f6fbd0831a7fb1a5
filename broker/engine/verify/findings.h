// What is wrong with a store, as `batond verify` tells it.
#ifndef BATON_BROKER_ENGINE_VERIFY_FINDINGS_H_
#define BATON_BROKER_ENGINE_VERIFY_FINDINGS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "broker/engine/live/view.h"

namespace baton::engine {

// Each kind of damage. Their names and what can be done about them are in findings.cc.
enum class Check : uint8_t {
  // Records: facts that nothing else tells.
  kUnreadableTask,
  kUnreadableEnd,
  kUnreadableStep,
  kMissingTask,
  kMissingEnd,
  kMissingStep,
  kImpossibleRecord,
  kUnknownClass,
  kUnknownOptions,
  kUnreadableRequest,
  kUnreadableSchedule,
  // Facts on the side, which come again or are of use only for a while.
  kUnreadableClass,
  kUnreadableOptions,
  kUnreadableType,
  kUnreadableSession,
  kUnreadableJob,
  kScheduleState,
  kStrayKey,
  kInterruptedRepair,
  // The live table: checkpoint, pages, journal.
  kUnreadableCheckpoint,
  kUnreadablePage,
  kUnreadableJournal,
  kNumberAhead,
  kJournalGap,
  kJournalContradiction,
  kLivePages,
  kCounters,
  kNextId,
  // The live table against the records.
  kState,
  kFacts,
  kAttempt,
  kSession,
  kChildren,
  kStaged,
  kEnded,
  kFamily,
  kIndex,
  // Unique keys.
  kUnreadableUniqueKey,
  kUniqueKey,
  kMissingUniqueKey,
};
inline constexpr int kCheckCount = 40;

// Lower case with hyphens; permanent, for scripts.
absl::string_view NameOf(Check check);
// Whether it is a loss: what was there cannot be rebuilt from anything else in the store.
bool IsLoss(Check check);

struct Finding {
  Check check;
  // Names the task, page or key, and what is wrong with it.
  std::string text;
};

// What was looked at.
struct Inventory {
  uint64_t number = 0;  // Of the last commit.
  StateCounts tasks{};  // By state, as the records and the live table together say.
  uint64_t steps = 0;   // Rows of family log.
  uint64_t pages = 0;
  uint64_t journal_entries = 0;
  uint64_t unique_keys = 0;
  uint64_t requests = 0;
};

// Not thread-safe. Keeps only the first few of each kind, so that it stays small however much is wrong.
class Findings {
 public:
  static constexpr size_t kKeptOfEach = 20;

  void Add(Check check, std::string text);

  bool clean() const { return total_ == 0; }
  uint64_t total() const { return total_; }
  uint64_t count(Check check) const { return counts_[static_cast<size_t>(check)]; }
  // How many are losses.
  uint64_t losses() const;
  // The first kKeptOfEach of each kind, in the order in which they were found.
  const std::vector<Finding>& kept() const { return kept_; }

  Inventory inventory;

 private:
  uint64_t total_ = 0;
  std::array<uint64_t, kCheckCount> counts_{};
  std::vector<Finding> kept_;
};

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_VERIFY_FINDINGS_H_
