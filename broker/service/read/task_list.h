// Searching tasks, newest first.
#ifndef BATON_BROKER_SERVICE_READ_TASK_LIST_H_
#define BATON_BROKER_SERVICE_READ_TASK_LIST_H_

#include "baton/v1/admin.pb.h"
#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/service/read/page_limits.h"
#include "broker/service/read/task_message.h"

namespace baton::service {

// INVALID_ARGUMENT/BAD_FILTER, naming the field, if the filter cannot mean anything.
Error CheckFilter(const v1::TaskFilter& filter);

// One page: walks ids downwards until it is full or the budget is used up. States are told by the live table, types and
// tags by the index; rows are read only of what is left. Errors: BAD_FILTER, BAD_PAGE_TOKEN, STORE_DAMAGED.
Error ListTasks(const Surroundings& surroundings, const Clock& clock, const v1::ListTasksRequest& request,
                const PageLimits& limits, v1::ListTasksResponse* response);

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_READ_TASK_LIST_H_
