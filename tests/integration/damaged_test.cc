// A store in which something cannot be read (any more): who asks for that is told so, and nobody else is bothered.
// What the broker itself needs, such as types, schedules and running tasks, is read at its start, which then fails.
#include "broker/engine/format/keys.h"
#include "tests/integration/wrong_request.h"

namespace baton {
namespace {

using engine::EndKey;
using engine::LogKey;
using engine::TaskKey;
using grpc::StatusCode;
using storage::Family;

// No record begins like this.
constexpr char kGarbage[] = "\xff\xff\xff";

// A read or write of what is damaged.
WrongRequest Unreadable(const char* what, const char* method, const std::string& request,
                        const std::vector<std::string>& named = {"the store is damaged", "batond verify"}) {
  return Row(what, method, request, StatusCode::DATA_LOSS, "STORE_DAMAGED", named);
}

class DamagedTest : public WrongRequestTest {
 protected:
  void Damage(Family family, absl::string_view key) {
    Tamper([&](const storage::Snapshot& stored, storage::WriteBatch* change) {
      std::string value;
      ASSERT_TRUE(stored.Get(family, key, &value).ok());
      change->Put(family, key, kGarbage);
    });
  }
  void ExpectOthersAreThere() {
    Do("TaskBroker.Get", "task_id: <failed>");
    Do("TaskAdmin.ListTasks", "filter { states: TASK_STATE_CANCELLED }");
    Do("TaskBroker.Submit", "tasks { type: 'idle' unique_key: 'another' }");
  }
};

TEST_F(DamagedTest, TheRecordOfATask) {
  Damage(Family::kTask, TaskKey(IdOf("completed")));
  const std::string task = "task <completed>";
  SendAll({
      Unreadable("its record", "TaskBroker.Get", "task_id: <completed>"),
      Unreadable("its record", "TaskBroker.Wait", "task_id: <completed>"),
      Unreadable("its record", "TaskAdmin.CountTasks", ""),
      Unreadable("its record", "TaskAdmin.ListEvents", "task_id: <completed>"),
      Unreadable("its record", "TaskAdmin.ListEvents", "root_id: <completed>"),
      Unreadable("its record", "TaskAdmin.GetWorkflowSummary", "task_id: <completed>"),
      Unreadable("its record", "TaskAdmin.DeleteTask", "task_id: <completed>",
                 {"the store is damaged", task, "batond verify"}),
  });
  ExpectOthersAreThere();
  // It is listed as far as it is known, and hides no other.
  Do("TaskAdmin.ListTasks", "filter { states: TASK_STATE_COMPLETED }");
}

TEST_F(DamagedTest, TheEndOfATask) {
  Damage(Family::kEnd, EndKey(IdOf("cancelled")));
  const std::string task = "task <cancelled>";
  SendAll({
      Unreadable("its end", "TaskBroker.Get", "task_id: <cancelled>", {task}),
      Unreadable("its end", "TaskAdmin.Explain", "task_id: <cancelled>", {task}),
      Unreadable("its end", "TaskAdmin.ListEvents", "task_id: <cancelled>", {task}),
      Unreadable("its end", "TaskAdmin.ListAttempts", "task_id: <cancelled>", {task}),
      Unreadable("its end", "TaskAdmin.GetWorkflowSummary", "task_id: <cancelled>", {task}),
      Unreadable("its end", "TaskAdmin.RetryTask", "task_id: <cancelled>", {task, "batond verify"}),
  });
}

TEST_F(DamagedTest, TheHistoryOfATask) {
  Damage(Family::kLog, LogKey(IdOf("suspended"), 1));
  SendAll({
      Unreadable("a step", "TaskAdmin.ListEvents", "task_id: <suspended>", {"log row 1 of task <suspended>"}),
      Unreadable("a step", "TaskAdmin.ListAttempts", "task_id: <suspended>", {"log row 1 of task <suspended>"}),
      Unreadable("a step", "TaskAdmin.GetWorkflowSummary", "task_id: <suspended>", {"log row 1 of task <suspended>"}),
  });
}

TEST_F(DamagedTest, KeysInUse) {
  Tamper([](const storage::Snapshot& stored, storage::WriteBatch* change) {
    int keys = 0;
    const auto spoil = [&](absl::string_view key, absl::string_view) {
      change->Put(Family::kKey, key, kGarbage);
      return ++keys > 0;
    };
    ASSERT_TRUE(stored.Scan(Family::kKey, "", "", spoil).ok());
    ASSERT_EQ(keys, 2) << "a unique key, a request id";
  });
  const std::vector<std::string> named = {"the store cannot be read", "operator"};
  SendAll({
      Unreadable("its unique key", "TaskBroker.Submit", "tasks { type: 'idle' unique_key: 'once' }", named),
      Unreadable("its request id", "TaskBroker.Submit", "request_id: 'used' tasks { type: 'idle' }", named),
  });
  ExpectOthersAreThere();
}

TEST_F(DamagedTest, TheOutcomeOfAChild) {
  Do("TaskBroker.Complete", "session: <session> outcomes { attempt_token: '<token of deep>' succeeded {} }");
  Run("waiting");
  Damage(Family::kEnd, EndKey(IdOf("deep")));
  SendAll({Unreadable("a child", "TaskBroker.ListChildOutcomes", "attempt_token: '<token of waiting>'",
                      {"end row of task <deep>"})});
}

}  // namespace
}  // namespace baton
