// Counting tasks by tag, type and state.
#ifndef BATON_BROKER_SERVICE_READ_TASK_COUNTS_H_
#define BATON_BROKER_SERVICE_READ_TASK_COUNTS_H_

#include "baton/v1/admin.pb.h"
#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/service/read/page_limits.h"
#include "broker/service/read/task_message.h"

namespace baton::service {

// One page: looks at tasks as ListTasks does, until the budget is used up or there are counts of about `limits.bytes`;
// `limits.items` is not looked at. Errors: BAD_FILTER, BAD_PAGE_TOKEN, STORE_DAMAGED.
Error CountTasks(const Surroundings& surroundings, const Clock& clock, const v1::CountTasksRequest& request,
                 const PageLimits& limits, v1::CountTasksResponse* response);

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_READ_TASK_COUNTS_H_
