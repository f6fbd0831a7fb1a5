// Between the public types and the wire, in one place.
#ifndef BATON_WORKER_SDK_CONVERT_H_
#define BATON_WORKER_SDK_CONVERT_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "baton/client.h"
#include "baton/task_info.h"
#include "baton/task_options.h"
#include "baton/v1/broker.pb.h"
#include "baton/v1/error.pb.h"
#include "baton/v1/task.pb.h"
#include "baton/worker.h"
#include "worker_sdk/src/make_status.h"

namespace baton::inline sdk {
namespace internal {

absl::Status FromError(const v1::Error& error);

// Errors: INVALID_ARGUMENT what cannot travel: text that is not UTF-8, over `limit` bytes. `field` begins the message.
absl::Status ToProto(const std::string& field, Payload payload, int64_t limit, v1::Payload* proto);
absl::Status ToProto(const std::string& where, NewTask task, v1::NewTask* proto);
void ToProto(const TaskOptions& options, v1::TaskOptions* proto);
void ToProto(const RetryStrategy& retry, v1::TaskOptions* proto);
void ToProto(const TaskParts& parts, v1::TaskParts* proto);

absl::StatusOr<Submitted> FromProto(const v1::SubmitResult& result);

// These take the contents out of their argument.
Payload TakePayload(v1::Payload* proto);
ChildOutcome TakeChildOutcome(v1::ChildOutcome* proto);
TaskInfo TakeTask(v1::Task* proto);

TaskState FromProto(v1::TaskState state);

// A count of microseconds in [0, 2^62], for the wire; infinite and huge durations become the largest.
int64_t Micros(absl::Duration duration);

}  // namespace internal
}  // namespace baton::inline sdk

#endif  // BATON_WORKER_SDK_CONVERT_H_
