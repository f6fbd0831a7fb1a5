// Schedules, from messages to commands and back.
#ifndef BATON_BROKER_SERVICE_SCHEDULES_H_
#define BATON_BROKER_SERVICE_SCHEDULES_H_

#include <string>

#include "baton/v1/schedule.pb.h"
#include "broker/base/error.h"
#include "broker/engine/command.h"
#include "broker/service/decoding.h"

namespace baton::service {

// `command->actor` must be set.
Error DecodeCreateSchedule(const Decoding& decoding, const v1::CreateScheduleRequest& request,
                           engine::CreateScheduleCommand* command);
void EncodeCreateSchedule(const engine::CreateScheduleCommand& command, v1::CreateScheduleResponse* response);

Error CheckScheduleName(const std::string& name);
// Name and, where the request has one, reason.
Error DecodeChangeSchedule(const std::string& name, const std::string& reason, engine::ChangeScheduleCommand* command);
void EncodeUnpauseSchedule(const engine::ChangeScheduleCommand& command, v1::UnpauseScheduleResponse* response);

// Needs no engine.
Error PreviewSchedule(WallMicros now, const v1::PreviewScheduleRequest& request, v1::PreviewScheduleResponse* response);

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_SCHEDULES_H_
