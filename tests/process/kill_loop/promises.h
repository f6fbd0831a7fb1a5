// What the broker has promised in a run, read from the ledgers.
#ifndef BATON_TESTS_PROCESS_KILL_LOOP_PROMISES_H_
#define BATON_TESTS_PROCESS_KILL_LOOP_PROMISES_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/process/kill_loop/ledger.h"

namespace baton::kill_loop {

// Things that are not as they must be, as sentences.
using Findings = std::vector<std::string>;

struct PromisedOutcome {
  int attempt = 0;
  // As in ATTEMPT_OUTCOME_<KIND>.
  std::string kind;
  // "OK", or the reason of the refusal.
  std::string answer;
  bool is_forgery = false;
};

// A checkpoint or a progress that was acknowledged.
struct PromisedReport {
  int attempt = 0;
  bool is_progress = false;
  // The code of the checkpoint, the stage name of the progress.
  std::string name;
};

struct PromisedDelivery {
  int attempt = 0;
  std::string worker;
  std::string instance;
};

struct TaskPromises {
  std::vector<PromisedOutcome> outcomes;
  std::vector<PromisedDelivery> deliveries;
  std::vector<PromisedReport> reports;
  // By attempt: how many children were staged.
  std::map<int, uint64_t> staged;
  std::vector<std::string> decisions;
  bool cancelled = false;
  // Cancel was refused because it had ended.
  bool kept = false;
  bool retried = false;
  bool deleted = false;
};

struct Submission {
  uint64_t task = 0;
  // "-" for none.
  std::string key;
  // "new", or "existing" for a task that held the key.
  std::string how;
};

struct PromiseCounts {
  uint64_t answers = 0;
  uint64_t accepted = 0;
  uint64_t refused = 0;
  uint64_t repeats = 0;
  uint64_t forgeries = 0;
  uint64_t reports = 0;
  uint64_t parts = 0;
  uint64_t retries = 0;
  uint64_t deletions = 0;
};

class Promises {
 public:
  // Findings: a line that cannot be read, a violation that a program saw, an answer that contradicts an earlier one.
  void Add(const std::vector<LedgerLine>& lines, Findings* findings);

  const TaskPromises& of(uint64_t task) const;
  const std::map<uint64_t, TaskPromises>& tasks() const { return tasks_; }
  // By name of the plan.
  const std::map<std::string, Submission>& submissions() const { return submissions_; }
  const std::set<std::string>& rejected() const { return rejected_; }
  const PromiseCounts& counts() const { return counts_; }

 private:
  // False: it cannot be read.
  bool AddLine(const LedgerLine& line, Findings* findings);
  bool AddSubmission(const LedgerLine& line, Findings* findings);
  bool AddOutcome(const LedgerLine& line);
  bool AddReport(const LedgerLine& line, TaskPromises* task);
  bool AddPart(const LedgerLine& line, TaskPromises* task);

  std::map<uint64_t, TaskPromises> tasks_;
  std::map<std::string, Submission> submissions_;
  std::set<std::string> rejected_;
  PromiseCounts counts_;
};

}  // namespace baton::kill_loop

#endif  // BATON_TESTS_PROCESS_KILL_LOOP_PROMISES_H_
