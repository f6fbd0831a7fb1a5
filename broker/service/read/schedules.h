// Schedules, as they are stored.
#ifndef BATON_BROKER_SERVICE_READ_SCHEDULES_H_
#define BATON_BROKER_SERVICE_READ_SCHEDULES_H_

#include <string>

#include "baton/records/v1/records.pb.h"
#include "baton/v1/schedule.pb.h"
#include "broker/base/error.h"
#include "broker/engine/live/view.h"

namespace baton::service {

// `with_payload`: of the task that it creates.
v1::Schedule WireSchedule(const std::string& name, const records::v1::ScheduleRow& row,
                          const records::v1::ScheduleStateRow& state, bool with_payload);

// Errors: SCHEDULE_NOT_FOUND, STORE_DAMAGED.
Error GetSchedule(const engine::View& view, const v1::GetScheduleRequest& request, v1::GetScheduleResponse* response);

// Errors: BAD_PAGE_TOKEN, STORE_DAMAGED.
Error ListSchedules(const engine::View& view, const v1::ListSchedulesRequest& request, size_t page_size,
                    size_t page_bytes, v1::ListSchedulesResponse* response);

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_READ_SCHEDULES_H_
