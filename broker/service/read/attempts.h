// The attempts of a task, the running one included.
#ifndef BATON_BROKER_SERVICE_READ_ATTEMPTS_H_
#define BATON_BROKER_SERVICE_READ_ATTEMPTS_H_

#include <cstddef>

#include "baton/v1/admin.pb.h"
#include "broker/base/error.h"
#include "broker/engine/live/view.h"
#include "broker/engine/options.h"

namespace baton::service {

// One page. Errors: as LoadTask, BAD_PAGE_TOKEN.
Error ListAttempts(const engine::View& view, const engine::DefaultOptions& defaults,
                   const v1::ListAttemptsRequest& request, size_t page_size, size_t page_bytes,
                   v1::ListAttemptsResponse* response);

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_READ_ATTEMPTS_H_
