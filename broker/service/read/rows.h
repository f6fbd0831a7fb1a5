// Reading records of a task from a view.
#ifndef BATON_BROKER_SERVICE_READ_ROWS_H_
#define BATON_BROKER_SERVICE_READ_ROWS_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "baton/records/v1/records.pb.h"
#include "broker/base/error.h"
#include "broker/engine/format/keys.h"
#include "broker/engine/live/view.h"
#include "google/protobuf/message_lite.h"

namespace baton::service {

// DATA_LOSS/STORE_DAMAGED.
Error StoreDamaged(absl::string_view what);
Error TaskNotFound(engine::TaskId id, engine::TaskId next_id);
Error TaskExpired(engine::TaskId id);

// One record; `found` is false if there is none. Errors: STORE_DAMAGED.
Error ReadRow(const storage::Snapshot& store, storage::Family family, absl::string_view key,
              google::protobuf::MessageLite* row, bool* found);

// `what` names the record in the error. Errors: STORE_DAMAGED.
Error ParseRow(absl::string_view bytes, absl::string_view what, google::protobuf::MessageLite* row);

// Calls visit(row number, step) for the log rows of a task in ascending order from row `first`, or in descending order
// from the newest, until it returns false. Errors: STORE_DAMAGED.
using StepVisitor = std::function<bool(uint32_t row, const records::v1::Step& step)>;
Error ScanLog(const storage::Snapshot& store, engine::TaskId id, uint32_t first, const StepVisitor& visit);
Error ScanLogReverse(const storage::Snapshot& store, engine::TaskId id, const StepVisitor& visit);

// The worker that a session is of; empty if the session is not known any more. Errors: STORE_DAMAGED.
Error WorkerOfSession(const storage::Snapshot& store, uint64_t session, std::string* worker_id);

// The record of a type; an empty one if there is none. Errors: STORE_DAMAGED.
Error ReadType(const engine::View& view, const std::string& type, records::v1::TypeRow* row);

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_READ_ROWS_H_
