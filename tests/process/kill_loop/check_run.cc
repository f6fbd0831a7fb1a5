#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/process/kill_loop/check.h"

namespace baton::kill_loop {
namespace {

class RunCheck {
 public:
  RunCheck(const std::vector<Summary>& tasks, const Promises& promises, Findings* findings)
      : tasks_(tasks), promises_(promises), findings_(*findings) {}

  void Run() {
    for (const Summary& task : tasks_) {
      if (!by_id_.emplace(task.id, &task).second) Find("task ", task.id, " is listed twice");
      if (!by_name_.emplace(task.plan.name, &task).second) {
        Find(task.plan.name, " was made twice: tasks ", by_name_[task.plan.name]->id, " and ", task.id);
      }
      if (task.parent != 0) children_[task.parent].push_back(&task);
      if (!task.unique_key.empty()) by_key_[{task.type, task.unique_key}].push_back(&task);
    }
    CheckSubmissions();
    for (const Summary& task : tasks_) {
      if (task.parent == 0) CheckSubmitted(task);
      if (task.parent != 0) CheckChild(task);
      for (const Summary::Attempt& attempt : task.attempts) CheckSpawn(task, attempt);
      if (task.state == v1::TASK_STATE_CANCELLED) CheckCancelled(task);
    }
    for (auto& [key, holders] : by_key_) CheckHolders(key.second, &holders);
  }

 private:
  template <typename... Text>
  void Find(const Text&... text) {
    findings_.push_back(absl::StrCat(text...));
  }

  void CheckSubmissions() {
    for (const auto& [name, submission] : promises_.submissions()) {
      const auto found = by_id_.find(submission.task);
      if (promises_.of(submission.task).deleted) continue;
      if (found == by_id_.end()) {
        Find(name, " was acknowledged as task ", submission.task, ", which is not there");
        continue;
      }
      const Summary& task = *found->second;
      const bool is_other = submission.how == "existing" && task.unique_key == submission.key;
      if ((task.plan.name == name) == is_other) {
        Find(name, " was acknowledged as task ", submission.task, ", which is ", task.plan.name);
      }
    }
    for (const auto& [id, promises] : promises_.tasks()) {
      if (promises.deleted && by_id_.contains(id)) Find("task ", id, " is there, but its deletion was acknowledged");
      if (!promises.deleted && !by_id_.contains(id)) Find("task ", id, " was told about, but is not there");
    }
    for (const std::string& name : promises_.rejected()) {
      if (by_name_.contains(name)) Find(name, " was refused, but is task ", by_name_[name]->id);
    }
  }

  void CheckSubmitted(const Summary& task) {
    const auto found = promises_.submissions().find(task.plan.name);
    if (found == promises_.submissions().end()) {
      Find("task ", task.id, " is ", task.plan.name, ", which was never acknowledged");
    } else if (found->second.task != task.id) {
      Find(task.plan.name, " was acknowledged as task ", found->second.task, ", but is also task ", task.id);
    }
    if (task.root != task.id) Find("task ", task.id, " has root ", task.root);
  }

  void CheckChild(const Summary& task) {
    const auto found = by_id_.find(task.parent);
    if (found == by_id_.end()) return Find("task ", task.id, " has a parent that is not there: ", task.parent);
    const Summary& parent = *found->second;
    if (task.root != parent.root) Find("task ", task.id, " has root ", task.root, ", its parent ", parent.root);
    if (task.plan.name != ChildName(parent.plan.name, task.plan)) {
      Find("task ", task.id, " is ", task.plan.name, ", but its parent is ", parent.plan.name);
    }
    const bool spawned = std::any_of(parent.attempts.begin(), parent.attempts.end(), [&](const auto& attempt) {
      return attempt.number == task.plan.parent_attempt && attempt.outcome == v1::ATTEMPT_OUTCOME_SPAWNED;
    });
    if (!spawned)
      Find("task ", task.id, " comes from attempt ", task.plan.parent_attempt, " of task ", parent.id,
           ", which spawned nothing");
  }

  void CheckSpawn(const Summary& parent, const Summary::Attempt& attempt) {
    if (attempt.outcome != v1::ATTEMPT_OUTCOME_SPAWNED) return;
    int count = 0;
    // The next attempt tells when the parent went on.
    const bool went_on = static_cast<int>(parent.attempts.size()) > attempt.number;
    const int64_t went_on_us = went_on ? parent.attempts[static_cast<size_t>(attempt.number)].claimed_us : 0;
    for (const Summary* child : children_[parent.id]) {
      if (child->plan.parent_attempt != attempt.number) continue;
      ++count;
      if (went_on && child->ended_us > went_on_us) {
        Find("task ", parent.id, " went on before its child ", child->id, " had ended");
      }
    }
    if (count != parent.plan.children) {
      Find("attempt ", attempt.number, " of task ", parent.id, " spawned ", parent.plan.children, " children, but ",
           count, " are there");
    }
  }

  void CheckCancelled(const Summary& task) {
    if (promises_.of(task.id).cancelled) return;
    const auto parent = by_id_.find(task.parent);
    if (parent != by_id_.end() && parent->second->state == v1::TASK_STATE_CANCELLED) return;
    if (!task.unique_key.empty() && absl::StrContains(task.cancel_reason, "replaced")) return;
    Find("task ", task.id, " was cancelled, but nobody wanted that: ", task.cancel_reason);
  }

  void CheckHolders(const std::string& key, std::vector<const Summary*>* holders) {
    std::sort(holders->begin(), holders->end(), [](const Summary* a, const Summary* b) { return a->id < b->id; });
    for (size_t i = 1; i < holders->size(); ++i) {
      const Summary& before = *(*holders)[i - 1];
      const Summary& after = *(*holders)[i];
      if (after.created_us < before.ended_us) {
        Find("tasks ", before.id, " and ", after.id, " held ", key, " at the same time");
      }
    }
  }

  const std::vector<Summary>& tasks_;
  const Promises& promises_;
  Findings& findings_;
  std::map<uint64_t, const Summary*> by_id_;
  std::map<std::string, const Summary*> by_name_;
  std::map<uint64_t, std::vector<const Summary*>> children_;
  // By type and key.
  std::map<std::pair<std::string, std::string>, std::vector<const Summary*>> by_key_;
};

}  // namespace

void CheckRun(const std::vector<Summary>& tasks, const Promises& promises, Findings* findings) {
  RunCheck(tasks, promises, findings).Run();
}

}  // namespace baton::kill_loop
