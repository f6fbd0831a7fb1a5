#include "tests/unit/engine/commands.h"

#include "broker/engine/task.h"

namespace baton::engine::testing {
namespace {

records::v1::KeyRow ReadKey(const storage::Snapshot& store, absl::string_view key) {
  records::v1::KeyRow row;
  std::string value;
  if (store.Get(storage::Family::kKey, key, &value).ok()) {
    EXPECT_TRUE(row.ParseFromString(value));
  }
  return row;
}

Step Parse(const std::string& bytes) {
  Step step;
  EXPECT_TRUE(step.ParseFromString(bytes));
  return step;
}

}  // namespace

NewTask MakeTask(const TaskSpec& spec, const storage::Snapshot& store) {
  NewTask task;
  task.type = spec.type;
  task.delay = spec.delay;
  task.start_timeout = spec.start_timeout;
  task.total_timeout = spec.total_timeout;
  task.due = spec.due;
  task.policy = spec.policy;
  records::v1::TaskRow row;
  row.mutable_payload()->set_data(spec.payload);
  row.set_tag(spec.tag);
  task.tag_hash = TagHash(spec.tag);
  row.set_unique_key(spec.unique_key);
  row.set_trace_parent(spec.trace);
  task.trace = TraceOf(row);
  if (!spec.options.empty()) {
    task.options = std::make_shared<const Options>(spec.options);
    *row.mutable_options() = ToRecord(spec.options);
  }
  task.row = row.SerializeAsString();
  if (spec.unique_key.empty()) return task;
  task.unique = UniqueHash(spec.type, spec.unique_key);
  task.found = ReadKey(store, UniqueKey(task.unique)).task();
  return task;
}

void FillSubmit(const std::vector<TaskSpec>& specs, const std::string& request_id, const storage::Snapshot& store,
                WallMicros now, SubmitCommand* command) {
  command->actor = "local";
  command->looked_up_at = store.number();
  std::string body;
  for (const TaskSpec& spec : specs) {
    command->tasks.push_back(MakeTask(spec, store));
    body += spec.type + "\n" + command->tasks.back().row + "\n";
  }
  if (request_id.empty()) return;
  command->request = HashOf(request_id);
  command->body = HashOf(body);
  const uint32_t first = FirstRequestWindow(now);
  for (uint32_t window = first; window <= first + 2 * kRequestWindowsAround; ++window) {
    const records::v1::KeyRow row = ReadKey(store, RequestKey(window, command->request));
    if (row.time_us() != 0) command->found_request = row;
  }
}

std::unique_ptr<Tracked<SubmitCommand>> MakeSubmit(const std::vector<TaskSpec>& specs, const std::string& request_id,
                                                   const storage::Snapshot& store, WallMicros now) {
  auto command = std::make_unique<Tracked<SubmitCommand>>();
  FillSubmit(specs, request_id, store, now, command.get());
  return command;
}

std::unique_ptr<Tracked<PauseCommand>> MakePause(TaskId id, bool pause, bool cascade, const std::string& reason) {
  auto command = std::make_unique<Tracked<PauseCommand>>();
  command->task = id;
  command->pause = pause;
  command->cascade = cascade;
  command->reason = reason;
  command->actor = "local";
  return command;
}

std::string ResultStep(const std::string& result) {
  Step step;
  step.mutable_result()->set_data(result);
  return step.SerializeAsString();
}

std::string ErrorStep(const std::string& error) {
  Step step;
  step.set_error(error);
  return step.SerializeAsString();
}

std::string ContextStep(const std::string& context, const std::string& reason) {
  Step step;
  if (!context.empty()) step.mutable_context()->set_data(context);
  step.set_reason(reason);
  return step.SerializeAsString();
}

std::string DecisionStep(const std::string& decision) {
  Step step;
  step.mutable_decision()->set_data(decision);
  return step.SerializeAsString();
}

std::string PayloadOf(const Delivery& delivery) {
  records::v1::TaskRow row;
  EXPECT_TRUE(row.ParseFromString(delivery.body->task_row));
  return row.payload().data();
}

std::string ContextOf(const Delivery& delivery) { return Parse(delivery.body->context_step).context().data(); }

std::string DecisionOf(const Delivery& delivery) { return Parse(delivery.body->decision_step).decision().data(); }

}  // namespace baton::engine::testing
