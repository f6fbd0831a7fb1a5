// Deleting workflows, and bulk jobs: from and to the wire.
#ifndef BATON_BROKER_SERVICE_JOBS_H_
#define BATON_BROKER_SERVICE_JOBS_H_

#include "baton/v1/admin.pb.h"
#include "broker/base/error.h"
#include "broker/engine/job_commands.h"

namespace baton::service {

Error DecodeDelete(const v1::DeleteTaskRequest& request, engine::DeleteCommand* command);
void EncodeDelete(const engine::DeleteCommand& command, v1::DeleteTaskResponse* response);

// The filter of the job is the one of the request, with states in which the verb can do something. Others are refused.
Error DecodeStartJob(const v1::StartJobRequest& request, engine::StartJobCommand* command);
Error DecodeGetJob(const v1::GetJobRequest& request, engine::ListJobsCommand* command);
Error DecodeStopJob(const v1::StopJobRequest& request, engine::StopJobCommand* command);

void EncodeStartJob(const engine::StartJobCommand& command, v1::StartJobResponse* response);
void EncodeGetJob(const engine::ListJobsCommand& command, v1::GetJobResponse* response);
void EncodeListJobs(const engine::ListJobsCommand& command, v1::ListJobsResponse* response);
void EncodeStopJob(const engine::StopJobCommand& command, v1::StopJobResponse* response);

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_JOBS_H_
