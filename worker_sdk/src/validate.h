// What the library refuses before it reaches the broker. Each error is INVALID_ARGUMENT and names the field, the value,
// the limit and the cure.
#ifndef BATON_WORKER_SDK_VALIDATE_H_
#define BATON_WORKER_SDK_VALIDATE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "baton/task_info.h"
#include "baton/task_options.h"
#include "baton/v1/task.pb.h"
#include "baton/worker.h"

namespace baton::inline sdk {
namespace internal {

// `where` begins the message, e.g. "handler 'resize'".
absl::Status ValidateTaskOptions(const std::string& where, const TaskOptions& options);
absl::Status ValidateRegistration(const Registration& registration);
absl::Status ValidateWorkerOptions(const WorkerOptions& options);
// `broker`: as in WorkerIdentity and ClientOptions.
absl::Status ValidateAddresses(const std::string& broker, const TlsOptions& tls);
absl::Status ValidateIdentity(const WorkerIdentity& identity, int max_concurrency);

// The checked message, without a time.
absl::StatusOr<v1::Checkpoint> MakeCheckpoint(const std::string& code, const std::string& message,
                                              const std::string& metadata_json);
absl::StatusOr<v1::Progress> MakeProgress(const ProgressReport& report);

}  // namespace internal
}  // namespace baton::inline sdk

#endif  // BATON_WORKER_SDK_VALIDATE_H_
