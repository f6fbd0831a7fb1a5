#include "broker/server/calls.h"

#include <chrono>
#include <utility>

#include "baton/v1/admin.pb.h"
#include "broker/server/message_buffer.h"
#include "broker/service/attempt_token.h"
#include "broker/service/explain.h"
#include "broker/service/field.h"
#include "broker/service/jobs.h"
#include "broker/service/outcomes.h"
#include "broker/service/read/convert.h"
#include "broker/service/routing.h"
#include "broker/service/schedules.h"
#include "broker/service/sessions.h"
#include "broker/service/submit.h"

namespace baton::server {
namespace {

// Methods that carry the load have this many calls ready to be taken; the others a few.
constexpr UnaryMethod::Options kHot = {.listening = 64};
constexpr UnaryMethod::Options kCold = {.listening = 4};
constexpr UnaryMethod::Options kCancellable = {.listening = 16, .cancellable = true};

// A message that is used again gives its memory back after a request of this size.
constexpr size_t kKeptMessageBytes = 1 << 20;

// A caller that has given up wants no work to begin.
Error CheckDeadline(const grpc::ServerContext& context, WallMicros now) {
  const auto deadline = context.deadline().time_since_epoch();
  if (std::chrono::duration_cast<std::chrono::microseconds>(deadline).count() >= now) return {};
  return {absl::StatusCode::kDeadlineExceeded, "DEADLINE_EXCEEDED",
          "the caller's deadline passed before the broker began: nothing was done"};
}

// A command that answers `call` with what encode(Command&, Response*) makes of its results.
template <typename Command, typename Response, typename Encode>
std::unique_ptr<Answering<Command>> CommandFor(UnaryCall* call, const Caller& caller, Encode encode) {
  auto command = std::make_unique<Answering<Command>>();
  command->actor = caller.actor;
  command->bytes = call->request().Length();
  command->on_answer = [call, encode = std::move(encode)](Command& answered) {
    if (!answered.error.ok()) return call->Fail(answered.error);
    // Used again and again: all commands are answered by one thread.
    static thread_local Response response;
    response.Clear();
    encode(answered, &response);
    call->Reply(ToBuffer(response));
  };
  return command;
}

template <typename Command>
Error Send(engine::Partition* partition, std::unique_ptr<Command> command) {
  std::unique_ptr<engine::Command> sent = std::move(command);
  return partition->Send(sent);
}

// Answers `call` from any thread.
template <typename Response>
std::function<void(Error, Response)> ReplyFrom(UnaryCall* call, Mailbox* mailbox) {
  return [call, mailbox](const Error& error, const Response& response) {
    if (!error.ok()) return mailbox->Post([call, error] { call->Fail(error); });
    mailbox->Post([call, buffer = ToBuffer(response)] { call->Reply(buffer); });
  };
}

}  // namespace

Calls::Calls(Core* core, RawService* broker, RawService* admin, grpc::ServerCompletionQueue* queue)
    : core_(core), broker_(broker), admin_(admin), queue_(queue) {
  AddSubmitting();
  AddOutcomes();
  AddVerbs();
  AddJobs();
  AddSchedules();
  AddReads();
}

void Calls::Start() {
  for (const auto& method : methods_) method->Start();
}

template <typename Request>
void Calls::Add(RawService* service, const std::string& name, UnaryMethod::Options options, Handle<Request> handle) {
  const int index = service->descriptor().FindMethodByName(name)->index();
  auto run = [this, handle = std::move(handle), request = std::make_shared<Request>()](UnaryCall* call) {
    Caller caller;
    Error error = CallerOf(call->context(), &caller);
    if (error.ok()) error = CheckDeadline(call->context(), core_->clock->Read().wall);
    if (error.ok()) error = ParseMessage(&call->request(), request.get());
    const bool large = call->request().Length() > kKeptMessageBytes;
    if (error.ok()) error = handle(call, caller, request.get());
    if (!error.ok()) call->Fail(error);
    if (large) *request = Request();
  };
  methods_.push_back(std::make_unique<UnaryMethod>(service, index, queue_, options, std::move(run)));
}

template <typename Request, typename Response>
void Calls::AddRead(RawService* service, const std::string& name,
                    void (service::ReadService::*read)(const Request&, std::function<void(Error, Response)>)) {
  Add<Request>(service, name, kCold, [this, read](UnaryCall* call, const Caller&, Request* request) {
    (core_->reads->*read)(*request, ReplyFrom<Response>(call, core_->mailbox));
    return Error{};
  });
}

void Calls::AddSubmitting() {
  Add<v1::SubmitRequest>(broker_, "Submit", kHot, [this](UnaryCall* call, const Caller& caller, auto* request) {
    return Submit(call, caller, *request);
  });
  Add<v1::SpawnChildrenRequest>(
      broker_, "SpawnChildren", kCold, [this](UnaryCall* call, const Caller& caller, auto* request) {
        auto command = CommandFor<engine::SpawnChildrenCommand, v1::SpawnChildrenResponse>(
            call, caller, [](auto& answered, auto* response) { response->set_staged(answered.staged); });
        const Error error = service::DecodeSpawnChildren(core_->Decoding(), *request, command.get());
        return error.ok() ? Send(core_->partition, std::move(command)) : error;
      });
}

Error Calls::Submit(UnaryCall* call, const Caller& caller, const v1::SubmitRequest& request) {
  if (core_->draining) return DrainingError();
  auto command = CommandFor<engine::SubmitCommand, v1::SubmitResponse>(call, caller, service::EncodeSubmit);
  const service::Decoding decoding = core_->Decoding();
  Error error = service::DecodeSubmit(decoding, request, command.get());
  if (error.ok() && service::NeedsLookUp(*command)) {
    error = service::LookUpKeys(*core_->partition->Snapshot(), decoding.now, command.get());
  }
  return error.ok() ? Send(core_->partition, std::move(command)) : error;
}

void Calls::AddOutcomes() {
  const auto encode = [](auto& answered, auto* response) {
    service::EncodeItemResults(answered.results, response->mutable_results());
  };
  Add<v1::CompleteRequest>(
      broker_, "Complete", kHot, [this, encode](UnaryCall* call, const Caller& caller, auto* request) {
        auto command = CommandFor<engine::CompleteCommand, v1::CompleteResponse>(call, caller, encode);
        const Error error = service::DecodeComplete(core_->Decoding(), request, command.get());
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
  Add<v1::ListWorkersRequest>(admin_, "ListWorkers", kCold, [this](UnaryCall* call, const Caller& caller, auto*) {
    return Send(core_->partition,
                CommandFor<engine::ListWorkersCommand, v1::ListWorkersResponse>(call, caller, service::EncodeWorkers));
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
        const Error error = service::DecodeCreateSchedule(core_->Decoding(), *request, command.get());
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
  const Error error = service::DecodeChangeSchedule(request.name(), reason, command.get());
  return error.ok() ? Send(core_->partition, std::move(command)) : error;
}

void Calls::AddReads() {
  using service::ReadService;
  AddRead(broker_, "Get", &ReadService::Get);
  AddRead(admin_, "ListTasks", &ReadService::ListTasks);
  AddRead(admin_, "ListEvents", &ReadService::ListEvents);
  AddRead(admin_, "ListAttempts", &ReadService::ListAttempts);
  AddRead(admin_, "GetWorkflowSummary", &ReadService::GetWorkflowSummary);
  AddRead(admin_, "ListTypes", &ReadService::ListTypes);
  AddRead(admin_, "ListSchedules", &ReadService::ListSchedules);
  AddRead(admin_, "GetStatistics", &ReadService::GetStatistics);
  AddRead(admin_, "GetServerInfo", &ReadService::GetServerInfo);
  Add<v1::GetScheduleRequest>(admin_, "GetSchedule", kCold, [this](UnaryCall* call, const Caller&, auto* request) {
    const Error error = service::CheckScheduleName(request->name());
    if (error.ok()) core_->reads->GetSchedule(*request, ReplyFrom<v1::GetScheduleResponse>(call, core_->mailbox));
    return error;
  });
  Add<v1::ExplainRequest>(admin_, "Explain", kCold, [this](UnaryCall* call, const Caller& caller, auto* request) {
    return Explain(call, caller, *request);
  });
  Add<v1::WaitRequest>(broker_, "Wait", kCancellable,
                       [this](UnaryCall* call, const Caller&, auto* request) { return Wait(call, *request); });
  Add<v1::ListChildOutcomesRequest>(
      broker_, "ListChildOutcomes", kCold,
      [this](UnaryCall* call, const Caller&, auto* request) { return ListChildOutcomes(call, *request); });
}

Error Calls::Explain(UnaryCall* call, const Caller& caller, const v1::ExplainRequest& request) {
  const Error wrong = service::DecodeExplain(request);
  if (!wrong.ok()) return wrong;
  core_->reads->Explain(request, [this, call, caller](const Error& error, const service::Explanation& explanation) {
    core_->mailbox->Post([this, call, caller, error, explanation] {
      if (!error.ok()) return call->Fail(error);
      AskEngine(call, caller, explanation);
    });
  });
  return {};
}

void Calls::AskEngine(UnaryCall* call, const Caller& caller, const service::Explanation& explanation) {
  auto command = CommandFor<engine::ExplainCommand, v1::ExplainResponse>(
      call, caller, [this, said = explanation.response](auto& answered, auto* response) {
        *response = said;
        service::EncodeExplain(answered, core_->clock->Read().wall, response);
      });
  if (!service::NeedsEngine(explanation, command.get())) return call->Reply(ToBuffer(explanation.response));
  const Error error = Send(core_->partition, std::move(command));
  if (!error.ok()) call->Fail(error);
}

Error Calls::Wait(UnaryCall* call, const v1::WaitRequest& request) {
  service::ReadService* reads = core_->reads;
  const auto wait = reads->Wait(request, ReplyFrom<v1::WaitResponse>(call, core_->mailbox));
  // The answer, even one given at once, comes through the mailbox: the call is still there.
  if (wait != 0) call->OnCancel([reads, wait] { reads->CancelWait(wait); });
  return {};
}

Error Calls::ListChildOutcomes(UnaryCall* call, const v1::ListChildOutcomesRequest& request) {
  engine::AttemptId attempt;
  Error error = service::ReadAttemptToken(service::Field("attempt_token"), request.attempt_token(),
                                          core_->partition->incarnation(), &attempt);
  if (!error.ok()) return error;
  core_->reads->ListChildOutcomes(attempt, request, ReplyFrom<v1::ListChildOutcomesResponse>(call, core_->mailbox));
  return {};
}

}  // namespace baton::server
