#include <utility>

#include "absl/strings/str_cat.h"
#include "baton/v1/admin.pb.h"
#include "broker/server/calls_parts.h"
#include "broker/service/attempt_token.h"
#include "broker/service/explain.h"
#include "broker/service/field.h"
#include "broker/service/schedules.h"

namespace baton::server {

template <typename Request, typename Response>
void Calls::AddRead(RawService* service, const std::string& name,
                    void (service::ReadService::*read)(const Request&, std::function<void(Error, Response)>)) {
  Add<Request>(service, name, kCold, [this, read](UnaryCall* call, const Caller& caller, Request* request) {
    return HandOver(ReplyFrom<Response>(call, caller, core_->mailbox), [this, read, request](auto done) {
      (core_->reads->*read)(*request, std::move(done));
      return Error{};
    });
  });
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
  AddRead(admin_, "CountTasks", &ReadService::CountTasks);
  AddRead(admin_, "GetServerInfo", &ReadService::GetServerInfo);
  Add<v1::CreateBackupRequest>(
      admin_, "CreateBackup", kCold, [this](UnaryCall* call, const Caller& caller, auto* request) {
        return core_->backups->Create(*request, ReplyFrom<v1::CreateBackupResponse>(call, caller, core_->mailbox));
      });
  Add<v1::ListBackupsRequest>(admin_, "ListBackups", kCold, [this](UnaryCall* call, const Caller& caller, auto*) {
    return HandOver(ReplyFrom<v1::ListBackupsResponse>(call, caller, core_->mailbox),
                    [this](auto done) { return core_->backups->List(std::move(done)); });
  });
  Add<v1::GetScheduleRequest>(
      admin_, "GetSchedule", kCold,
      [this](UnaryCall* call, const Caller& caller, auto* request) { return GetSchedule(call, caller, *request); });
  Add<v1::ExplainRequest>(admin_, "Explain", kCold, [this](UnaryCall* call, const Caller& caller, auto* request) {
    return Explain(call, caller, *request);
  });
  Add<v1::WaitRequest>(broker_, "Wait", kCancellable, [this](UnaryCall* call, const Caller& caller, auto* request) {
    return Wait(call, caller, *request);
  });
  Add<v1::ListChildOutcomesRequest>(broker_, "ListChildOutcomes", kCold,
                                    [this](UnaryCall* call, const Caller& caller, auto* request) {
                                      return ListChildOutcomes(call, caller, *request);
                                    });
}

Error Calls::GetSchedule(UnaryCall* call, const Caller& caller, const v1::GetScheduleRequest& request) {
  Error wrong = service::CheckScheduleName(request.name());
  if (!wrong.ok()) return wrong;
  return HandOver(ReplyFrom<v1::GetScheduleResponse>(call, caller, core_->mailbox), [this, &request](auto done) {
    core_->reads->GetSchedule(request, std::move(done));
    return Error{};
  });
}

Error Calls::Explain(UnaryCall* call, const Caller& caller, const v1::ExplainRequest& request) {
  Error wrong = service::DecodeExplain(request);
  if (!wrong.ok()) return wrong;
  std::function<void(Error, service::Explanation)> go_on = [this, call, caller](const Error& error,
                                                                                service::Explanation explanation) {
    // Here, before the two ways part on which it is answered: the engine adds neither tasks nor payloads.
    if (caller.token != nullptr) Redact(*caller.token, &explanation.response);
    core_->mailbox->Post([this, call, caller, error, explanation = std::move(explanation)] {
      if (!error.ok()) return call->Fail(error);
      AskEngine(call, caller, explanation);
    });
  };
  return HandOver(std::move(go_on), [this, &request](auto done) {
    core_->reads->Explain(request, std::move(done));
    return Error{};
  });
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

Error Calls::Wait(UnaryCall* call, const Caller& caller, const v1::WaitRequest& request) {
  service::ReadService* reads = core_->reads;
  const auto wait = reads->Wait(request, ReplyFrom<v1::WaitResponse>(call, caller, core_->mailbox));
  // The answer, even one given at once, comes through the mailbox: the call is still there.
  if (wait != 0) call->OnCancel([reads, wait] { reads->CancelWait(wait); });
  return {};
}

Error Calls::ListChildOutcomes(UnaryCall* call, const Caller& caller, const v1::ListChildOutcomesRequest& request) {
  engine::AttemptId attempt;
  Error error = service::ReadAttemptToken(service::Field("attempt_token"), request.attempt_token(),
                                          core_->partition->incarnation(), &attempt);
  if (!error.ok()) return error;
  return HandOver(ReplyFrom<v1::ListChildOutcomesResponse>(call, caller, core_->mailbox),
                  [this, attempt, &request](auto done) {
                    core_->reads->ListChildOutcomes(attempt, request, std::move(done));
                    return Error{};
                  });
}

}  // namespace baton::server
