#ifndef BATON_WORKER_SDK_MAKE_STATUS_H_
#define BATON_WORKER_SDK_MAKE_STATUS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace baton::inline sdk {
namespace internal {

// The public error of an item or a call, with reason and retry delay attached.
absl::Status MakeStatus(int code, const std::string& message, const std::string& reason, absl::Duration retry_after);

}  // namespace internal
}  // namespace baton::inline sdk

#endif  // BATON_WORKER_SDK_MAKE_STATUS_H_
