// Counts over all tasks, and the types there are.
#ifndef BATON_BROKER_SERVICE_READ_STATISTICS_H_
#define BATON_BROKER_SERVICE_READ_STATISTICS_H_

#include <cstddef>

#include "baton/v1/admin.pb.h"
#include "broker/base/error.h"
#include "broker/engine/live/activity.h"
#include "broker/service/read/task_message.h"

namespace baton::service {

// Every type that is registered or of which tasks are retained, by name. The answer is not paged: beyond
// `response_bytes` descriptions are left out. Errors: STORE_DAMAGED.
Error ListTypes(const Surroundings& surroundings, size_t response_bytes, v1::ListTypesResponse* response);

// All counts are exact but `due` and `oldest_due`: these come from a walk over the live table, newest tasks first, that
// ends when all pending tasks were seen or after `budget`. In the latter case they are what was seen: at least so many
// are due, and one waits at least so long. Errors: STORE_DAMAGED.
Error GetStatistics(const Surroundings& surroundings, const Clock& clock, Micros budget,
                    const engine::ActivityBoard::Recent& recent, v1::GetStatisticsResponse* response);

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_READ_STATISTICS_H_
