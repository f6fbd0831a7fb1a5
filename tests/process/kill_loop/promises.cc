#include "tests/process/kill_loop/promises.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace baton::kill_loop {
namespace {

template <typename Integer>
bool Read(const std::string& word, Integer* number) {
  return absl::SimpleAtoi(word, number);
}

std::string NameOf(const LedgerLine& line) { return absl::StrCat(line[1], "/", line[2]); }

}  // namespace

void Promises::Add(const std::vector<LedgerLine>& lines, Findings* findings) {
  for (const LedgerLine& line : lines) {
    if (!AddLine(line, findings)) findings->push_back(absl::StrCat("unreadable line: ", absl::StrJoin(line, " ")));
  }
}

const TaskPromises& Promises::of(uint64_t task) const {
  static const TaskPromises kNone;
  const auto found = tasks_.find(task);
  return found != tasks_.end() ? found->second : kNone;
}

bool Promises::AddLine(const LedgerLine& line, Findings* findings) {
  const std::string& word = line[0];
  if (word == "violation") {
    findings->push_back(absl::StrJoin(line, " "));
    return true;
  }
  if (word == "submitted" && line.size() == 6) return AddSubmission(line, findings);
  if (word == "rejected" && line.size() == 4) {
    ++counts_.answers;
    if (line[3] != "UNIQUE_KEY_IN_USE") findings->push_back(absl::StrCat(NameOf(line), " was refused: ", line[3]));
    if (submissions_.contains(NameOf(line))) findings->push_back(absl::StrCat(NameOf(line), " got two answers"));
    rejected_.insert(NameOf(line));
    return true;
  }
  uint64_t id = 0;
  if (line.size() < 2 || !Read(line[1], &id)) return false;
  if ((word == "outcome" || word == "repeat" || word == "forgery") && line.size() == 5) return AddOutcome(line);
  TaskPromises& task = tasks_[id];
  if (word == "delivered" && line.size() == 6) {
    task.deliveries.push_back({0, line[4], line[5]});
    return Read(line[2], &task.deliveries.back().attempt);
  }
  if ((word == "checkpoint" || word == "progress") && line.size() == 4) return AddReport(line, &task);
  if (word == "staged" && line.size() == 4) return AddPart(line, &task);
  if (word == "cancelled") return task.cancelled = true;
  if (word == "kept") return task.kept = true;
  if (word == "retried") return ++counts_.retries, task.retried = true;
  if (word == "deleted") return ++counts_.deletions, task.deleted = true;
  if (word == "resumed" && line.size() == 3) {
    task.decisions.push_back(line[2]);
    return true;
  }
  return false;
}

bool Promises::AddSubmission(const LedgerLine& line, Findings* findings) {
  Submission submission{0, line[4], line[5]};
  if (!Read(line[3], &submission.task)) return false;
  ++counts_.answers;
  const auto [at, added] = submissions_.emplace(NameOf(line), submission);
  const Submission& first = at->second;
  if (first.task != submission.task || first.how != submission.how) {
    findings->push_back(absl::StrCat(NameOf(line), " was answered with the ", first.how, " task ", first.task,
                                     " and with the ", submission.how, " task ", submission.task));
  }
  if (rejected_.contains(NameOf(line))) findings->push_back(absl::StrCat(NameOf(line), " got two answers"));
  return true;
}

bool Promises::AddOutcome(const LedgerLine& line) {
  uint64_t task = 0;
  PromisedOutcome outcome{0, line[3], line[4], line[0] == "forgery"};
  if (!Read(line[1], &task) || !Read(line[2], &outcome.attempt)) return false;
  if (line[0] == "outcome") ++(outcome.answer == "OK" ? counts_.accepted : counts_.refused);
  if (line[0] == "repeat") ++counts_.repeats;
  if (outcome.is_forgery) ++counts_.forgeries;
  tasks_[task].outcomes.push_back(std::move(outcome));
  return true;
}

bool Promises::AddReport(const LedgerLine& line, TaskPromises* task) {
  PromisedReport report{0, line[0] == "progress", line[3]};
  if (!Read(line[2], &report.attempt)) return false;
  ++counts_.reports;
  task->reports.push_back(std::move(report));
  return true;
}

bool Promises::AddPart(const LedgerLine& line, TaskPromises* task) {
  int attempt = 0;
  uint64_t count = 0;
  if (!Read(line[2], &attempt) || !Read(line[3], &count)) return false;
  ++counts_.parts;
  uint64_t& staged = task->staged[attempt];
  staged = std::max(staged, count);
  return true;
}

}  // namespace baton::kill_loop
