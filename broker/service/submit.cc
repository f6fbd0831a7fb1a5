#include "broker/service/submit.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/service/check.h"
#include "broker/service/error_message.h"
#include "broker/service/field.h"
#include "broker/service/read/convert.h"
#include "broker/service/task_decoder.h"
#include "broker/service/wire.h"

namespace baton::service {
namespace {

using storage::Family;

// The items one after the other, each with its length: the same tasks give the same hash, however they were sent.
Hash128 BodyHash(const v1::SubmitRequest& request) {
  std::string body;
  WireWriter writer(&body);
  for (const v1::NewTask& task : request.tasks()) writer.Message(1, task);
  return HashOf(body);
}

// False if there is no such key.
absl::StatusOr<bool> ReadKey(const storage::Snapshot& snapshot, const engine::Key& key, records::v1::KeyRow* row) {
  std::string value;
  const absl::Status status = snapshot.Get(Family::kKey, key, &value);
  if (absl::IsNotFound(status)) return false;
  if (!status.ok()) return status;
  if (!row->ParseFromString(value)) return absl::DataLossError("a row of family `key` is not well-formed");
  return true;
}

absl::Status LookUpRequest(const storage::Snapshot& snapshot, WallMicros now, engine::SubmitCommand* command) {
  const uint32_t first = engine::FirstRequestWindow(now);
  for (uint32_t window = first; window <= first + 2 * engine::kRequestWindowsAround; ++window) {
    records::v1::KeyRow row;
    absl::StatusOr<bool> found = ReadKey(snapshot, engine::RequestKey(window, command->request), &row);
    if (!found.ok()) return found.status();
    if (!*found) continue;
    // An id may be used again after a day; the row of before may still be there.
    const bool is_newer = !command->found_request.has_value() || row.time_us() > command->found_request->time_us();
    if (is_newer) command->found_request = std::move(row);
  }
  return absl::OkStatus();
}

absl::Status LookUpUniqueKeys(const storage::Snapshot& snapshot, engine::SubmitCommand* command) {
  for (engine::NewTask& task : command->tasks) {
    if (task.unique.empty()) continue;
    records::v1::KeyRow row;
    absl::StatusOr<bool> found = ReadKey(snapshot, engine::UniqueKey(task.unique), &row);
    if (!found.ok()) return found.status();
    if (*found) task.found = row.task();
  }
  return absl::OkStatus();
}

}  // namespace

Error DecodeSubmit(const Decoding& decoding, const v1::SubmitRequest& request, engine::SubmitCommand* command) {
  const Field request_id("request_id");
  CHECK_FIELD(CheckLength(request_id, request.request_id(), Presence::kOptional, kRequestIdBytes));
  if (request.tasks().empty()) {
    return InvalidArgument("FIELD_REQUIRED", "tasks is required and empty: send at least one task");
  }
  CHECK_FIELD(CheckCount(Field("tasks"), request.tasks_size(), decoding.limits.items, "cut the call"));
  command->tasks.resize(request.tasks_size());
  for (int i = 0; i < request.tasks_size(); ++i) {
    engine::NewTask& task = command->tasks[i];
    Error error =
        DecodeNewTask(decoding, Field("tasks", i), TaskRole::kSubmitted, command->actor, request.tasks(i), &task);
    if (error.ok()) continue;
    task = engine::NewTask{};
    task.error = std::move(error);
  }
  if (!request.request_id().empty()) {
    command->request = HashOf(request.request_id());
    command->body = BodyHash(request);
  }
  return {};
}

bool NeedsLookUp(const engine::SubmitCommand& command) {
  if (!command.request.empty()) return true;
  for (const engine::NewTask& task : command.tasks) {
    if (!task.unique.empty()) return true;
  }
  return false;
}

Error LookUpKeys(const storage::Snapshot& snapshot, WallMicros now, engine::SubmitCommand* command) {
  command->looked_up_at = snapshot.number();
  absl::Status status;
  if (!command->request.empty()) status = LookUpRequest(snapshot, now, command);
  if (status.ok()) status = LookUpUniqueKeys(snapshot, command);
  if (status.ok()) return {};
  return {status.code(), "STORE_DAMAGED",
          absl::StrCat("the store cannot be read: ", status.message(), "; tell the operator of the broker")};
}

void EncodeSubmit(engine::SubmitCommand& command, v1::SubmitResponse* response) {
  for (engine::SubmitResult& result : command.results) {
    v1::SubmitResult* wire = response->add_results();
    if (!result.error.ok()) {
      FillError(result.error, wire->mutable_error());
      continue;
    }
    wire->set_task_id(result.id);
    wire->set_existing(result.existing);
    wire->set_state(WireState(result.state, result.paused));
    wire->set_runnable(result.runnable);
  }
}

}  // namespace baton::service
