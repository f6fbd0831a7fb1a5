// How the children of the previous stage ended, for the attempt that goes on with them.
#ifndef BATON_BROKER_SERVICE_READ_CHILD_OUTCOMES_H_
#define BATON_BROKER_SERVICE_READ_CHILD_OUTCOMES_H_

#include <cstddef>

#include "baton/v1/worker.pb.h"
#include "broker/base/error.h"
#include "broker/engine/command.h"
#include "broker/engine/live/view.h"

namespace baton::service {

// One page. Errors: TASK_NOT_FOUND, TASK_EXPIRED, ABORTED/ATTEMPT_OVER if `attempt` is not running, BAD_PAGE_TOKEN,
// STORE_DAMAGED.
Error ListChildOutcomes(const engine::View& view, engine::AttemptId attempt,
                        const v1::ListChildOutcomesRequest& request, size_t page_size, size_t page_bytes,
                        v1::ListChildOutcomesResponse* response);

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_READ_CHILD_OUTCOMES_H_
