// A task whose records were removed: every call that is about it says so, and that it existed.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/integration/wrong_request.h"

namespace baton {
namespace {

using grpc::StatusCode;

class ExpiredTest : public WrongRequestTest {
 protected:
  void SetUp() override {
    WrongRequestTest::SetUp();
    Do("TaskAdmin.DeleteTask", "task_id: <completed>");
    while (IsBeingRemoved()) continue;
  }

 private:
  // What is decided is stored as a job, until it is done.
  bool IsBeingRemoved() {
    for (const auto& [key, value] : Store()) {
      if (key.first == static_cast<int>(storage::Family::kMeta) && absl::StartsWith(key.second, "j")) return true;
    }
    return false;
  }
};

TEST_F(ExpiredTest, WhoeverNamesItIsTold) {  // B228, B260
  std::vector<WrongRequest> rows;
  for (const char* method :
       {"TaskBroker.Get", "TaskBroker.Wait", "TaskBroker.Cancel", "TaskBroker.Resume", "TaskAdmin.ListEvents",
        "TaskAdmin.ListAttempts", "TaskAdmin.GetWorkflowSummary", "TaskAdmin.Explain", "TaskAdmin.PauseTask",
        "TaskAdmin.UnpauseTask", "TaskAdmin.RetryTask", "TaskAdmin.DeleteTask", "TaskAdmin.Watch"}) {
    rows.push_back(Row("a task that was removed", method, "task_id: <completed>", StatusCode::NOT_FOUND, "TASK_EXPIRED",
                       {"task <completed>"}));
  }
  SendAll(rows);
}

TEST_F(ExpiredTest, WhoeverHoldsItsTokenIsTold) {
  const std::string token = "attempt_token: '<token of completed>' ";
  std::vector<WrongRequest> rows;
  for (const char* outcome :
       {"succeeded {}", "failed { error: 'x' }", "spawned {}", "suspended { reason: 'x' }", "released {}"}) {
    rows.push_back(Row("an outcome", "TaskBroker.Complete", absl::StrCat("outcomes { ", token, outcome, " }"),
                       StatusCode::NOT_FOUND, "TASK_EXPIRED", {"task <completed>", "drop the outcome"}));
  }
  rows.push_back(Row("a part of children", "TaskBroker.SpawnChildren", token + "part: 1 children { type: 'idle' }",
                     StatusCode::NOT_FOUND, "TASK_EXPIRED", {"task <completed>"}));
  rows.push_back(Row("the outcomes of its children", "TaskBroker.ListChildOutcomes", token, StatusCode::NOT_FOUND,
                     "TASK_EXPIRED", {"task <completed>"}));
  // Reports are looked up nowhere: its attempt is over, whatever became of the task.
  rows.push_back(Row("a checkpoint", "TaskBroker.Audit", absl::StrCat("items { ", token, "checkpoint { code: 'a' } }"),
                     StatusCode::ABORTED, "ATTEMPT_OVER", {"task <completed>"}));
  rows.push_back(Row("a progress", "TaskBroker.Progress", absl::StrCat("items { ", token, "progress { text: 'a' } }"),
                     StatusCode::ABORTED, "ATTEMPT_OVER", {"task <completed>"}));
  SendAll(rows);
}

}  // namespace
}  // namespace baton
