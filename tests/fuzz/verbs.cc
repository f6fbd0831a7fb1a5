#include "tests/fuzz/verbs.h"

#include <iterator>
#include <string>
#include <type_traits>

#include "broker/engine/inspection_commands.h"
#include "broker/engine/job_commands.h"
#include "broker/engine/routing_commands.h"
#include "broker/service/jobs.h"
#include "broker/service/read/convert.h"
#include "broker/service/routing.h"
#include "broker/service/schedules.h"
#include "broker/service/sessions.h"
#include "broker/service/worker_filter.h"
#include "tests/fuzz/asking.h"

namespace baton::fuzz {
namespace {

using ScheduleVerb = engine::ChangeScheduleCommand::Verb;

constexpr auto kNothing = [](auto&, auto*) {};
constexpr auto kCancelled = [](auto&, auto* response) { response->set_state(v1::TASK_STATE_CANCELLED); };
constexpr auto kPending = [](auto&, auto* response) { response->set_state(v1::TASK_STATE_PENDING); };
constexpr auto kBeneath = [](auto& answered, auto* response) {
  response->set_state(service::WireState(answered.state, /*paused=*/false));
};

// `decode` takes the request and the command.
template <typename Request, typename Response, typename Command, typename Decode, typename Encode>
void CallWith(Input& input, World* world, Decode decode, Encode encode) {
  const auto request = TakeRequest<Request>(input, *world);
  auto command = std::make_unique<Asking<Command>>();
  command->actor = "local";
  const Error error = decode(request, command.get());
  Ask<Response>(world, error, std::move(command), encode);
}

void ListWorkers(Input& input, World* world) {
  v1::WorkerFilter filter;
  CallWith<v1::ListWorkersRequest, v1::ListWorkersResponse, engine::ListWorkersCommand>(
      input, world,
      [&filter, world](const v1::ListWorkersRequest& request, engine::ListWorkersCommand* command) {
        filter = request.filter();
        return service::DecodeListWorkers(world->Decoding(), request, command);
      },
      [filter = &filter, world](const engine::ListWorkersCommand& answered, v1::ListWorkersResponse* response) {
        service::EncodeWorkers(world->Decoding(), *filter, answered, response);
      });
}

template <typename Request, typename Response>
void ChangeSchedule(Input& input, World* world, ScheduleVerb verb) {
  CallWith<Request, Response, engine::ChangeScheduleCommand>(
      input, world,
      [verb](const Request& request, engine::ChangeScheduleCommand* command) {
        command->verb = verb;
        std::string reason;
        if constexpr (std::is_same_v<Request, v1::PauseScheduleRequest>) reason = request.reason();
        return service::DecodeChangeSchedule(request.name(), reason, command);
      },
      [](auto& answered, Response* response) {
        if constexpr (std::is_same_v<Request, v1::UnpauseScheduleRequest>) {
          service::EncodeUnpauseSchedule(answered, response);
        }
        if constexpr (std::is_same_v<Request, v1::TriggerScheduleRequest>) response->set_task_id(answered.task);
      });
}

void CallTaskVerb(Input& input, World* world) {
  switch (input.Below(7)) {
    case 0:
      return CallWith<v1::CancelRequest, v1::CancelResponse, engine::CancelCommand>(input, world, service::DecodeCancel,
                                                                                    kCancelled);
    case 1:
      return CallWith<v1::ResumeRequest, v1::ResumeResponse, engine::ResumeCommand>(
          input, world,
          [world](const auto& request, auto* command) {
            return service::DecodeResume(world->Decoding(), request, command);
          },
          kPending);
    case 2:
      return CallWith<v1::RetryTaskRequest, v1::RetryTaskResponse, engine::RetryCommand>(
          input, world, service::DecodeRetry, kPending);
    case 3:
      return CallWith<v1::PauseTaskRequest, v1::PauseTaskResponse, engine::PauseCommand>(
          input, world, service::DecodePause, kBeneath);
    case 4:
      return CallWith<v1::UnpauseTaskRequest, v1::UnpauseTaskResponse, engine::PauseCommand>(
          input, world, service::DecodeUnpause, kBeneath);
    case 5:
      return CallWith<v1::DeleteTaskRequest, v1::DeleteTaskResponse, engine::DeleteCommand>(
          input, world, service::DecodeDelete, service::EncodeDelete);
    default:
      return ListWorkers(input, world);
  }
}

void CallRoutingVerb(Input& input, World* world) {
  switch (input.Below(4)) {
    case 0:
      return CallWith<v1::PauseTypeRequest, v1::PauseTypeResponse, engine::PauseTypeCommand>(
          input, world, service::DecodePauseType, kNothing);
    case 1:
      return CallWith<v1::UnpauseTypeRequest, v1::UnpauseTypeResponse, engine::PauseTypeCommand>(
          input, world, service::DecodeUnpauseType, kNothing);
    case 2:
      return CallWith<v1::SetTypeLimitRequest, v1::SetTypeLimitResponse, engine::SetTypeLimitCommand>(
          input, world, service::DecodeSetTypeLimit, service::EncodeSetTypeLimit);
    default:
      return CallWith<v1::DrainWorkerRequest, v1::DrainWorkerResponse, engine::DrainWorkerCommand>(
          input, world, service::DecodeDrainWorker, service::EncodeDrainWorker);
  }
}

void CallJobVerb(Input& input, World* world) {
  switch (input.Below(5)) {
    case 0:
      return CallWith<v1::StopJobRequest, v1::StopJobResponse, engine::StopJobCommand>(
          input, world, service::DecodeStopJob, service::EncodeStopJob);
    case 1:
      return CallWith<v1::GetJobRequest, v1::GetJobResponse, engine::ListJobsCommand>(
          input, world, service::DecodeGetJob, service::EncodeGetJob);
    case 2:
      return CallWith<v1::ListJobsRequest, v1::ListJobsResponse, engine::ListJobsCommand>(
          input, world, [](const auto&, auto*) { return Error(); }, service::EncodeListJobs);
    default:
      return CallWith<v1::StartJobRequest, v1::StartJobResponse, engine::StartJobCommand>(
          input, world, service::DecodeStartJob, service::EncodeStartJob);
  }
}

void PreviewSchedule(Input& input, World* world) {
  v1::PreviewScheduleResponse response;
  const Error error = service::PreviewSchedule(world->Decoding().now,
                                               TakeRequest<v1::PreviewScheduleRequest>(input, *world), &response);
  error.ok() ? CheckTravels(response) : CheckRefusal(error);
}

void CallScheduleVerb(Input& input, World* world) {
  switch (input.Below(7)) {
    case 0:
      return ChangeSchedule<v1::PauseScheduleRequest, v1::PauseScheduleResponse>(input, world, ScheduleVerb::kPause);
    case 1:
      return ChangeSchedule<v1::UnpauseScheduleRequest, v1::UnpauseScheduleResponse>(input, world,
                                                                                     ScheduleVerb::kUnpause);
    case 2:
      return ChangeSchedule<v1::TriggerScheduleRequest, v1::TriggerScheduleResponse>(input, world,
                                                                                     ScheduleVerb::kTrigger);
    case 3:
      return ChangeSchedule<v1::DeleteScheduleRequest, v1::DeleteScheduleResponse>(input, world, ScheduleVerb::kDelete);
    case 4:
      return PreviewSchedule(input, world);
    default:
      return CallWith<v1::CreateScheduleRequest, v1::CreateScheduleResponse, engine::CreateScheduleCommand>(
          input, world,
          [world](const auto& request, auto* command) {
            return service::DecodeCreateSchedule(world->Decoding(), request, command);
          },
          service::EncodeCreateSchedule);
  }
}

}  // namespace

void CallVerb(Input& input, World* world) {
  switch (input.Below(4)) {
    case 0:
      return CallRoutingVerb(input, world);
    case 1:
      return CallJobVerb(input, world);
    case 2:
      return CallScheduleVerb(input, world);
    default:
      return CallTaskVerb(input, world);
  }
}

}  // namespace baton::fuzz
