// What the log says of calls: at level info those by which an operator changes more than one task, once they have taken
// effect; at level debug each failure that a worker reports. What happens to single tasks is in their histories.
#ifndef BATON_BROKER_SERVER_OPERATOR_LOG_H_
#define BATON_BROKER_SERVER_OPERATOR_LOG_H_

#include <string>

#include "baton/v1/admin.pb.h"
#include "broker/engine/command.h"

namespace baton::server {

// "paused type resize: the mail server is down", to go behind the name of the caller. Never has a payload in it.
std::string RemarkOn(const v1::PauseTypeRequest& request);
std::string RemarkOn(const v1::UnpauseTypeRequest& request);
std::string RemarkOn(const v1::SetTypeLimitRequest& request);
std::string RemarkOn(const v1::DrainWorkerRequest& request);
std::string RemarkOn(const v1::StartJobRequest& request);
std::string RemarkOn(const v1::StopJobRequest& request);
std::string RemarkOn(const v1::CreateScheduleRequest& request);
std::string RemarkOn(const v1::PauseScheduleRequest& request);
std::string RemarkOn(const v1::UnpauseScheduleRequest& request);
std::string RemarkOn(const v1::TriggerScheduleRequest& request);
std::string RemarkOn(const v1::DeleteScheduleRequest& request);
std::string RemarkOn(const v1::CreateBackupRequest& request);

// Of other calls nothing is said.
template <typename Request>
std::string RemarkOn(const Request&) {
  return "";
}

// Failures that are about to be applied.
void LogFailures(const engine::CompleteCommand& command);

}  // namespace baton::server

#endif  // BATON_BROKER_SERVER_OPERATOR_LOG_H_
