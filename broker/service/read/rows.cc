#include "broker/service/read/rows.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "broker/engine/refusals.h"

namespace baton::service {
namespace {

using engine::LogKey;
using engine::TaskId;
using records::v1::Step;
using storage::Family;

// Turns a visitor of steps into one of keys and values; what goes wrong is left in `error`.
storage::ScanVisitor Parsing(TaskId id, const StepVisitor& visit, Error* error) {
  return [id, &visit, error](absl::string_view key, absl::string_view value) {
    const uint32_t row = engine::RowOfLogKey(key);
    Step step;
    *error = ParseRow(value, absl::StrCat("log row ", row, " of task ", id), &step);
    return error->ok() && visit(row, step);
  };
}

// For people.
std::string NameOfRow(Family family, absl::string_view key, absl::string_view kind) {
  const bool is_of_task = family == Family::kTask || family == Family::kEnd || family == Family::kLog;
  if (!is_of_task) return absl::StrCat(kind, " '", absl::CHexEscape(key), "'");
  return absl::StrCat(kind, " of task ", engine::ReadU64(key));
}

Error ScanResult(const absl::Status& status, Error error) {
  if (!status.ok()) return StoreDamaged(std::string(status.message()));
  return error;
}

}  // namespace

Error StoreDamaged(absl::string_view what) { return engine::StoreDamaged(std::string(what)); }

Error TaskNotFound(TaskId id, TaskId next_id) {
  if (id == 0) {
    return InvalidArgument("FIELD_REQUIRED", "task_id is required and 0: send the id that Submit answered");
  }
  if (next_id <= 1)
    return NotFound("TASK_NOT_FOUND", absl::StrCat("there is no task ", id, ": none was submitted yet"));
  return NotFound("TASK_NOT_FOUND",
                  absl::StrCat("there is no task ", id, ": ids run from 1 to ", next_id - 1, " so far; check the id"));
}

Error TaskExpired(TaskId id) {
  return NotFound(
      "TASK_EXPIRED",
      absl::StrCat("task ", id, " existed, but its records were removed: it was deleted, or its retention was over"));
}

Error ReadRow(const storage::Snapshot& store, Family family, absl::string_view key, google::protobuf::MessageLite* row,
              bool* found) {
  std::string bytes;
  const absl::Status status = store.Get(family, key, &bytes);
  *found = status.ok();
  if (absl::IsNotFound(status)) return {};
  if (!status.ok()) return StoreDamaged(std::string(status.message()));
  return ParseRow(bytes, NameOfRow(family, key, row->GetTypeName()), row);
}

Error ParseRow(absl::string_view bytes, absl::string_view what, google::protobuf::MessageLite* row) {
  if (row->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return {};
  return StoreDamaged(absl::StrCat(what, " cannot be decoded"));
}

Error ScanLog(const storage::Snapshot& store, TaskId id, uint32_t first, const StepVisitor& visit) {
  Error error;
  const absl::Status status =
      store.Scan(Family::kLog, LogKey(id, first), LogKey(id + 1, 0), Parsing(id, visit, &error));
  return ScanResult(status, std::move(error));
}

Error ScanLogReverse(const storage::Snapshot& store, TaskId id, const StepVisitor& visit) {
  Error error;
  const absl::Status status =
      store.ScanReverse(Family::kLog, LogKey(id, 0), LogKey(id + 1, 0), Parsing(id, visit, &error));
  return ScanResult(status, std::move(error));
}

Error WorkerOfSession(const storage::Snapshot& store, uint64_t session, std::string* worker_id) {
  records::v1::SessionRow row;
  bool found = false;
  Error error = ReadRow(store, Family::kMeta, engine::SessionMetaKey(session), &row, &found);
  if (error.ok()) *worker_id = row.worker_id();
  return error;
}

Error ReadType(const engine::View& view, const std::string& type, records::v1::TypeRow* row) {
  bool found = false;
  return ReadRow(view.store(), Family::kMeta, engine::TypeMetaKey(type), row, &found);
}

}  // namespace baton::service
