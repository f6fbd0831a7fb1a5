#include "broker/server/calls.h"

#include "baton/v1/admin.pb.h"
#include "broker/server/calls_parts.h"
#include "broker/service/jobs.h"
#include "broker/service/outcomes.h"
#include "broker/service/read/convert.h"
#include "broker/service/routing.h"
#include "broker/service/schedules.h"
#include "broker/service/sessions.h"
#include "broker/service/submit.h"
#include "broker/service/trace.h"
#include "broker/service/worker_filter.h"

namespace baton::server {
namespace {

// The values under this key; they live as long as the call.
std::vector<absl::string_view> MetadataOf(UnaryCall& call, const char* key) {
  const auto [begin, end] = call.context().client_metadata().equal_range(key);
  std::vector<absl::string_view> values;
  for (auto it = begin; it != end; ++it) values.emplace_back(it->second.data(), it->second.size());
  return values;
}

}  // namespace

Calls::Calls(Core* core, RawService* broker, RawService* admin, RawService* access, grpc::ServerCompletionQueue* queue)
    : core_(core),
      broker_(broker),
      admin_(admin),
      access_(access),
      queue_(queue),
      unread_(core->settings.unread_bytes) {
  AddSubmitting();
  AddOutcomes();
  AddVerbs();
  AddJobs();
  AddSchedules();
  AddReads();
  AddAccess();
}

void Calls::Start() {
  for (const auto& method : methods_) method->Start();
}

void Calls::AddSubmitting() {
  Add<v1::SubmitRequest>(broker_, "Submit", kHot, [this](UnaryCall* call, const Caller& caller, auto* request) {
    return Submit(call, caller, *request);
  });
  Add<v1::SpawnChildrenRequest>(
      broker_, "SpawnChildren", kCold, [this](UnaryCall* call, const Caller& caller, auto* request) {
        auto command = CommandFor<engine::SpawnChildrenCommand, v1::SpawnChildrenResponse>(
            call, caller, [](auto& answered, auto* response) { response->set_staged(answered.staged); });
        Error error = service::DecodeSpawnChildren(core_->Decoding(caller.types()), *request, command.get());
        if (error.ok()) error = core_->CheckSpace();
        return error.ok() ? Send(core_->partition, std::move(command)) : error;
      });
}

Error Calls::Submit(UnaryCall* call, const Caller& caller, const v1::SubmitRequest& request) {
  if (core_->draining) return DrainingError();
  auto command = CommandFor<engine::SubmitCommand, v1::SubmitResponse>(call, caller, service::EncodeSubmit);
  service::Decoding decoding = core_->Decoding(caller.types());
  decoding.trace = service::TraceOfCall(MetadataOf(*call, "traceparent"), MetadataOf(*call, "tracestate"));
  Error error = service::DecodeSubmit(decoding, request, command.get());
  if (error.ok() && service::NeedsLookUp(*command)) {
    error = service::LookUpKeys(*core_->partition->Snapshot(), decoding.now, command.get());
  }
  // A repeat creates nothing.
  if (error.ok() && !command->found_request.has_value()) error = core_->CheckSpace();
  return error.ok() ? Send(core_->partition, std::move(command)) : error;
}

void Calls::AddOutcomes() {
  const auto encode = [](auto& answered, auto* response) {
    service::EncodeItemResults(answered.results, response->mutable_results());
  };
  Add<v1::CompleteRequest>(
      broker_, "Complete", kHot, [this, encode](UnaryCall* call, const Caller& caller, auto* request) {
        auto command = CommandFor<engine::CompleteCommand, v1::CompleteResponse>(call, caller, encode);
        const Error error = service::DecodeComplete(core_->Decoding(caller.types()), request, command.get());
        if (error.ok()) LogFailures(*command);
        return error.ok() ? Send(core_->partition, std::move(command)) : error;
      });
  Add<v1::AuditRequest>(broker_, "Audit", kHot, [this, encode](UnaryCall* call, const Caller& caller, auto* request) {
    auto command = CommandFor<engine::ReportCommand, v1::AuditResponse>(call, caller, encode);
    const Error error = service::DecodeAudit(core_->Decoding(), request, command.get());
    return error.ok() ? Send(core_->partition, std::move(command)) : error;
  });
  Add<v1::ProgressRequest>(
      broker_, "Progress", kHot, [this, encode](UnaryCall* call, const Caller& caller, auto* request) {
        auto command = CommandFor<engine::ReportCommand, v1::ProgressResponse>(call, caller, encode);
        const Error error = service::DecodeProgress(core_->Decoding(), request, command.get());
        return error.ok() ? Send(core_->partition, std::move(command)) : error;
      });
  Add<v1::HeartbeatRequest>(broker_, "Heartbeat", kHot, [this](UnaryCall* call, const Caller& caller, auto* request) {
    return Heartbeat(call, caller, *request);
  });
}

Error Calls::Heartbeat(UnaryCall* call, const Caller& caller, const v1::HeartbeatRequest& request) {
  auto foreign = std::make_shared<std::vector<std::string>>();
  const uint64_t incarnation = core_->partition->incarnation();
  auto command = CommandFor<engine::HeartbeatCommand, v1::HeartbeatResponse>(
      call, caller, [foreign, incarnation](auto& answered, auto* response) {
        service::EncodeHeartbeat(answered, incarnation, *foreign, response);
      });
  const Error error = service::DecodeHeartbeat(core_->Decoding(), request, command.get(), foreign.get());
  return error.ok() ? Send(core_->partition, std::move(command)) : error;
}

void Calls::AddVerbs() {
  Add<v1::CancelRequest>(broker_, "Cancel", kCold, [this](UnaryCall* call, const Caller& caller, auto* request) {
    auto command = CommandFor<engine::CancelCommand, v1::CancelResponse>(
        call, caller, [](auto&, auto* response) { response->set_state(v1::TASK_STATE_CANCELLED); });
    const Error error = service::DecodeCancel(*request, command.get());
    return error.ok() ? Send(core_->partition, std::move(command)) : error;
  });
  Add<v1::ResumeRequest>(broker_, "Resume", kCold, [this](UnaryCall* call, const Caller& caller, auto* request) {
    auto command = CommandFor<engine::ResumeCommand, v1::ResumeResponse>(
        call, caller, [](auto&, auto* response) { response->set_state(v1::TASK_STATE_PENDING); });
    const Error error = service::DecodeResume(core_->Decoding(), *request, command.get());
    return error.ok() ? Send(core_->partition, std::move(command)) : error;
  });
  Add<v1::RetryTaskRequest>(admin_, "RetryTask", kCold, [this](UnaryCall* call, const Caller& caller, auto* request) {
    auto command = CommandFor<engine::RetryCommand, v1::RetryTaskResponse>(
        call, caller, [](auto&, auto* response) { response->set_state(v1::TASK_STATE_PENDING); });
    const Error error = service::DecodeRetry(*request, command.get());
    return error.ok() ? Send(core_->partition, std::move(command)) : error;
  });
  const auto beneath = [](auto& answered, auto* response) {
    response->set_state(service::WireState(answered.state, /*paused=*/false));
  };
  Add<v1::PauseTaskRequest>(
      admin_, "PauseTask", kCold, [this, beneath](UnaryCall* call, const Caller& caller, auto* request) {
        auto command = CommandFor<engine::PauseCommand, v1::PauseTaskResponse>(call, caller, beneath);
        const Error error = service::DecodePause(*request, command.get());
        return error.ok() ? Send(core_->partition, std::move(command)) : error;
      });
  Add<v1::UnpauseTaskRequest>(
      admin_, "UnpauseTask", kCold, [this, beneath](UnaryCall* call, const Caller& caller, auto* request) {
        auto command = CommandFor<engine::PauseCommand, v1::UnpauseTaskResponse>(call, caller, beneath);
        const Error error = service::DecodeUnpause(*request, command.get());
        return error.ok() ? Send(core_->partition, std::move(command)) : error;
      });
  const auto nothing = [](auto&, auto*) {};
  Add<v1::PauseTypeRequest>(
      admin_, "PauseType", kCold, [this, nothing](UnaryCall* call, const Caller& caller, auto* request) {
        auto command = CommandFor<engine::PauseTypeCommand, v1::PauseTypeResponse>(call, caller, nothing);
        const Error error = service::DecodePauseType(*request, command.get());
        return error.ok() ? Send(core_->partition, std::move(command)) : error;
      });
  Add<v1::UnpauseTypeRequest>(
      admin_, "UnpauseType", kCold, [this, nothing](UnaryCall* call, const Caller& caller, auto* request) {
        auto command = CommandFor<engine::PauseTypeCommand, v1::UnpauseTypeResponse>(call, caller, nothing);
        const Error error = service::DecodeUnpauseType(*request, command.get());
        return error.ok() ? Send(core_->partition, std::move(command)) : error;
      });
  Add<v1::SetTypeLimitRequest>(admin_, "SetTypeLimit", kCold,
                               [this](UnaryCall* call, const Caller& caller, auto* request) {
                                 auto command = CommandFor<engine::SetTypeLimitCommand, v1::SetTypeLimitResponse>(
                                     call, caller, service::EncodeSetTypeLimit);
                                 const Error error = service::DecodeSetTypeLimit(*request, command.get());
                                 return error.ok() ? Send(core_->partition, std::move(command)) : error;
                               });
  Add<v1::DrainWorkerRequest>(
      admin_, "DrainWorker", kCold, [this](UnaryCall* call, const Caller& caller, auto* request) {
        auto command =
            CommandFor<engine::DrainWorkerCommand, v1::DrainWorkerResponse>(call, caller, service::EncodeDrainWorker);
        const Error error = service::DecodeDrainWorker(*request, command.get());
        return error.ok() ? Send(core_->partition, std::move(command)) : error;
      });
  Add<v1::ListWorkersRequest>(
      admin_, "ListWorkers", kCold, [this](UnaryCall* call, const Caller& caller, auto* request) {
        auto command = CommandFor<engine::ListWorkersCommand, v1::ListWorkersResponse>(
            call, caller, [decoding = core_->Decoding(), filter = request->filter()](auto& answered, auto* response) {
              service::EncodeWorkers(decoding, filter, answered, response);
            });
        const Error error = service::DecodeListWorkers(core_->Decoding(), *request, command.get());
        return error.ok() ? Send(core_->partition, std::move(command)) : error;
      });
}

void Calls::AddJobs() {
  Add<v1::DeleteTaskRequest>(admin_, "DeleteTask", kCold, [this](UnaryCall* call, const Caller& caller, auto* request) {
    auto command = CommandFor<engine::DeleteCommand, v1::DeleteTaskResponse>(call, caller, service::EncodeDelete);
    const Error error = service::DecodeDelete(*request, command.get());
    return error.ok() ? Send(core_->partition, std::move(command)) : error;
  });
  Add<v1::StartJobRequest>(admin_, "StartJob", kCold, [this](UnaryCall* call, const Caller& caller, auto* request) {
    auto command = CommandFor<engine::StartJobCommand, v1::StartJobResponse>(call, caller, service::EncodeStartJob);
    const Error error = service::DecodeStartJob(*request, command.get());
    return error.ok() ? Send(core_->partition, std::move(command)) : error;
  });
  Add<v1::StopJobRequest>(admin_, "StopJob", kCold, [this](UnaryCall* call, const Caller& caller, auto* request) {
    auto command = CommandFor<engine::StopJobCommand, v1::StopJobResponse>(call, caller, service::EncodeStopJob);
    const Error error = service::DecodeStopJob(*request, command.get());
    return error.ok() ? Send(core_->partition, std::move(command)) : error;
  });
  Add<v1::GetJobRequest>(admin_, "GetJob", kCold, [this](UnaryCall* call, const Caller& caller, auto* request) {
    auto command = CommandFor<engine::ListJobsCommand, v1::GetJobResponse>(call, caller, service::EncodeGetJob);
    const Error error = service::DecodeGetJob(*request, command.get());
    return error.ok() ? Send(core_->partition, std::move(command)) : error;
  });
  Add<v1::ListJobsRequest>(admin_, "ListJobs", kCold, [this](UnaryCall* call, const Caller& caller, auto*) {
    return Send(core_->partition,
                CommandFor<engine::ListJobsCommand, v1::ListJobsResponse>(call, caller, service::EncodeListJobs));
  });
}

void Calls::AddSchedules() {
  Add<v1::CreateScheduleRequest>(
      admin_, "CreateSchedule", kCold, [this](UnaryCall* call, const Caller& caller, auto* request) {
        auto command = CommandFor<engine::CreateScheduleCommand, v1::CreateScheduleResponse>(
            call, caller, service::EncodeCreateSchedule);
        Error error = service::DecodeCreateSchedule(core_->Decoding(caller.types()), *request, command.get());
        if (error.ok()) error = core_->CheckSpace();
        return error.ok() ? Send(core_->partition, std::move(command)) : error;
      });
  const auto nothing = [](auto&, auto*) {};
  using Verb = engine::ChangeScheduleCommand::Verb;
  Add<v1::PauseScheduleRequest>(
      admin_, "PauseSchedule", kCold, [this, nothing](UnaryCall* call, const Caller& caller, auto* request) {
        return ChangeSchedule<v1::PauseScheduleResponse>(Verb::kPause, call, caller, *request, nothing);
      });
  Add<v1::UnpauseScheduleRequest>(admin_, "UnpauseSchedule", kCold,
                                  [this](UnaryCall* call, const Caller& caller, auto* request) {
                                    return ChangeSchedule<v1::UnpauseScheduleResponse>(
                                        Verb::kUnpause, call, caller, *request, service::EncodeUnpauseSchedule);
                                  });
  Add<v1::TriggerScheduleRequest>(admin_, "TriggerSchedule", kCold,
                                  [this](UnaryCall* call, const Caller& caller, auto* request) {
                                    return ChangeSchedule<v1::TriggerScheduleResponse>(
                                        Verb::kTrigger, call, caller, *request,
                                        [](auto& answered, auto* response) { response->set_task_id(answered.task); });
                                  });
  Add<v1::DeleteScheduleRequest>(
      admin_, "DeleteSchedule", kCold, [this, nothing](UnaryCall* call, const Caller& caller, auto* request) {
        return ChangeSchedule<v1::DeleteScheduleResponse>(Verb::kDelete, call, caller, *request, nothing);
      });
  Add<v1::PreviewScheduleRequest>(
      admin_, "PreviewSchedule", kCold, [this](UnaryCall* call, const Caller&, auto* request) {
        v1::PreviewScheduleResponse response;
        const Error error = service::PreviewSchedule(core_->clock->Read().wall, *request, &response);
        if (error.ok()) call->Reply(ToBuffer(response));
        return error;
      });
}

template <typename Response, typename Request, typename Encode>
Error Calls::ChangeSchedule(engine::ChangeScheduleCommand::Verb verb, UnaryCall* call, const Caller& caller,
                            const Request& request, Encode encode) {
  auto command = CommandFor<engine::ChangeScheduleCommand, Response>(call, caller, encode);
  command->verb = verb;
  std::string reason;
  if constexpr (std::is_same_v<Request, v1::PauseScheduleRequest>) reason = request.reason();
  Error error = service::DecodeChangeSchedule(request.name(), reason, command.get());
  if (error.ok() && verb == engine::ChangeScheduleCommand::Verb::kTrigger) error = core_->CheckSpace();
  return error.ok() ? Send(core_->partition, std::move(command)) : error;
}

}  // namespace baton::server
