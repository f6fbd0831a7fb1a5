// What the programs of the kill loop write down about what the broker told them, outside of it.
//
// A ledger is a file of lines; the first word says what happened, the rest are its facts. Of the submitter:
//   submitted REQUEST ITEM TASK KEY HOW  the answer to an item; KEY: its unique key, "-" for none; HOW: "new", or
//                                      "existing" for a task that held the key
//   rejected REQUEST ITEM REASON       the item was refused: the unique key was in use
//   cancelled TASK                     Cancel was answered with OK
//   kept TASK REASON                   Cancel was refused
//   resumed TASK DECISION              Resume was answered with OK
//   retried TASK                       RetryTask was answered with OK
//   deleted TASK                       DeleteTask was answered with OK, or its repeat with TASK_EXPIRED
// Of a worker:
//   delivered TASK ATTEMPT STAGE WORKER INSTANCE
//   checkpoint TASK ATTEMPT CODE       the checkpoint was answered with OK, in a call of its own or with an outcome
//   progress TASK ATTEMPT STAGE_NAME   likewise
//   staged TASK ATTEMPT COUNT          SpawnChildren was answered with OK: so many children are staged
//   outcome TASK ATTEMPT KIND ANSWER   KIND as in ATTEMPT_OUTCOME_<KIND>; ANSWER: OK, or the reason of the refusal
//   repeat TASK ATTEMPT KIND ANSWER    an outcome that was answered before, sent again
//   forgery TASK ATTEMPT KIND ANSWER   a success with another result, claimed for an attempt that was over
//   violation TEXT...                  a handler saw what must not be
#ifndef BATON_TESTS_PROCESS_KILL_LOOP_LEDGER_H_
#define BATON_TESTS_PROCESS_KILL_LOOP_LEDGER_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace baton::kill_loop {

// Thread-safe. Several processes may write to the same file.
class LedgerWriter {
 public:
  // Ends the program if the file cannot be opened.
  explicit LedgerWriter(const std::string& path);
  ~LedgerWriter();
  LedgerWriter(const LedgerWriter&) = delete;
  LedgerWriter& operator=(const LedgerWriter&) = delete;

  // Lines without their ends. They are in the file when this returns: a SIGKILL afterwards takes nothing away. Ends the
  // program if they cannot be written.
  void Write(const std::vector<std::string>& lines);

 private:
  int descriptor_;
};

using LedgerLine = std::vector<std::string>;

// The words of all lines. A last line without its end is what a killed writer left: it is not there.
// Errors: NOT_FOUND.
absl::StatusOr<std::vector<LedgerLine>> ReadLedger(const std::string& path);

}  // namespace baton::kill_loop

#endif  // BATON_TESTS_PROCESS_KILL_LOOP_LEDGER_H_
