// The unary calls, from their messages to commands of the engine and back, as broker/server/calls.cc makes them.
#include <vector>

#include "broker/service/attempt_token.h"
#include "broker/service/field.h"
#include "broker/service/outcomes.h"
#include "broker/service/schedules.h"
#include "broker/service/sessions.h"
#include "broker/service/submit.h"
#include "worker_sdk/test_kit/in_process_connection.h"

namespace baton::inline sdk {
namespace testing {

using internal::Answer;
using internal::CallOptions;

template <typename Response>
void InProcessConnection::Call(Answer<Response> answer, std::function<Error(const CallPtr<Response>&)> handle) {
  const auto call = std::make_shared<OpenCallOf<Response>>(std::move(answer));
  if (closed_) return call->Fail(absl::CancelledError("the connection was closed"));
  Post([this, call, handle = std::move(handle)] {
    if (closed_) return call->Fail(absl::CancelledError("the connection was closed"));
    if (cut_off_) return call->Fail(absl::UnavailableError("the test has cut this worker off from the broker"));
    calls_[call.get()] = call;
    const Error error = handle(call);
    Response none;
    if (!error.ok()) Finish(call, error, none);
  });
}

template <typename Response>
void InProcessConnection::Finish(const CallPtr<Response>& call, const Error& error, Response& response) {
  calls_.erase(call.get());
  call->Finish(StatusOf(error), response);
}

template <typename Command, typename Response, typename Encode>
std::unique_ptr<Answering<Command>> InProcessConnection::CommandFor(const CallPtr<Response>& call, Encode encode) {
  auto command = std::make_unique<Answering<Command>>();
  command->actor = "local";
  command->on_answer = [self = shared_from_this(), call, encode = std::move(encode)](Command& answered) {
    Response response;
    if (answered.error.ok()) encode(answered, &response);
    self->Finish(call, answered.error, response);
  };
  return command;
}

#define BATON_CALL(method)                                                                      \
  void InProcessConnection::method(const v1::method##Request& request, CallOptions /*options*/, \
                                   Answer<v1::method##Response> answer)

// ── Work ─────────────────────────────────────────────────────────────────────────────────────────────────────────

BATON_CALL(Heartbeat) {
  Call<v1::HeartbeatResponse>(std::move(answer), [this, request](const auto& call) {
    const auto foreign = std::make_shared<std::vector<std::string>>();
    auto command = CommandFor<engine::HeartbeatCommand>(
        call, [foreign, incarnation = core_->partition().incarnation()](auto& answered, auto* response) {
          service::EncodeHeartbeat(answered, incarnation, *foreign, response);
        });
    const Error error = service::DecodeHeartbeat(core_->Decoding(), request, command.get(), foreign.get());
    return Send(error, std::move(command));
  });
}

BATON_CALL(Complete) {
  Call<v1::CompleteResponse>(std::move(answer), [this, request = request](const auto& call) mutable {
    auto command = CommandFor<engine::CompleteCommand>(call, [](auto& answered, auto* response) {
      service::EncodeItemResults(answered.results, response->mutable_results());
    });
    const Error error = service::DecodeComplete(core_->Decoding(), &request, command.get());
    return Send(error, std::move(command));
  });
}

BATON_CALL(Audit) {
  Call<v1::AuditResponse>(std::move(answer), [this, request = request](const auto& call) mutable {
    auto command = CommandFor<engine::ReportCommand>(call, [](auto& answered, auto* response) {
      service::EncodeItemResults(answered.results, response->mutable_results());
    });
    const Error error = service::DecodeAudit(core_->Decoding(), &request, command.get());
    return Send(error, std::move(command));
  });
}

BATON_CALL(Progress) {
  Call<v1::ProgressResponse>(std::move(answer), [this, request = request](const auto& call) mutable {
    auto command = CommandFor<engine::ReportCommand>(call, [](auto& answered, auto* response) {
      service::EncodeItemResults(answered.results, response->mutable_results());
    });
    const Error error = service::DecodeProgress(core_->Decoding(), &request, command.get());
    return Send(error, std::move(command));
  });
}

BATON_CALL(SpawnChildren) {
  Call<v1::SpawnChildrenResponse>(std::move(answer), [this, request](const auto& call) {
    auto command = CommandFor<engine::SpawnChildrenCommand>(
        call, [](auto& answered, auto* response) { response->set_staged(answered.staged); });
    const Error error = service::DecodeSpawnChildren(core_->Decoding(), request, command.get());
    return Send(error, std::move(command));
  });
}

BATON_CALL(ListChildOutcomes) {
  Call<v1::ListChildOutcomesResponse>(std::move(answer), [this, request](const auto& call) {
    engine::AttemptId attempt;
    const Error error = service::ReadAttemptToken(service::Field("attempt_token"), request.attempt_token(),
                                                  core_->partition().incarnation(), &attempt);
    if (!error.ok()) return error;
    core_->reads().ListChildOutcomes(attempt, request,
                                     [self = shared_from_this(), call](const Error& failure, auto response) {
                                       self->Finish(call, failure, response);
                                     });
    return Error{};
  });
}

// ── Submitters ───────────────────────────────────────────────────────────────────────────────────────────────────

BATON_CALL(Submit) {
  Call<v1::SubmitResponse>(std::move(answer), [this, request](const auto& call) {
    auto command = CommandFor<engine::SubmitCommand>(
        call, [](auto& answered, auto* response) { service::EncodeSubmit(answered, response); });
    const service::Decoding decoding = core_->Decoding();
    Error error = service::DecodeSubmit(decoding, request, command.get());
    if (error.ok() && service::NeedsLookUp(*command)) {
      error = service::LookUpKeys(*core_->partition().Snapshot(), decoding.now, command.get());
    }
    return Send(error, std::move(command));
  });
}

BATON_CALL(Get) {
  Call<v1::GetResponse>(std::move(answer), [this, request](const auto& call) {
    core_->reads().Get(request, [self = shared_from_this(), call](const Error& failure, auto response) {
      self->Finish(call, failure, response);
    });
    return Error{};
  });
}

BATON_CALL(Wait) {
  Call<v1::WaitResponse>(std::move(answer), [this, request](const auto& call) {
    OpenWaits::Wait wait{.request = request};
    wait.deadline = core_->driver().clock().Read().steady + request.timeout_us();
    wait.passes_time = core_->options().waits_pass_time;
    wait.done = [self = shared_from_this(), call](const Error& failure, auto response) {
      self->Finish(call, failure, response);
    };
    core_->waits().Add(std::move(wait));
    return Error{};
  });
}

BATON_CALL(Cancel) {
  Call<v1::CancelResponse>(std::move(answer), [this, request](const auto& call) {
    auto command = CommandFor<engine::CancelCommand>(
        call, [](auto&, auto* response) { response->set_state(v1::TASK_STATE_CANCELLED); });
    const Error error = service::DecodeCancel(request, command.get());
    return Send(error, std::move(command));
  });
}

BATON_CALL(Resume) {
  Call<v1::ResumeResponse>(std::move(answer), [this, request](const auto& call) {
    auto command = CommandFor<engine::ResumeCommand>(
        call, [](auto&, auto* response) { response->set_state(v1::TASK_STATE_PENDING); });
    const Error error = service::DecodeResume(core_->Decoding(), request, command.get());
    return Send(error, std::move(command));
  });
}

// ── Schedules ────────────────────────────────────────────────────────────────────────────────────────────────────

BATON_CALL(CreateSchedule) {
  Call<v1::CreateScheduleResponse>(std::move(answer), [this, request](const auto& call) {
    auto command = CommandFor<engine::CreateScheduleCommand>(
        call, [](auto& answered, auto* response) { service::EncodeCreateSchedule(answered, response); });
    const Error error = service::DecodeCreateSchedule(core_->Decoding(), request, command.get());
    return Send(error, std::move(command));
  });
}

template <typename Response, typename Request, typename Encode>
void InProcessConnection::ChangeSchedule(engine::ChangeScheduleCommand::Verb verb, const Request& request,
                                         const std::string& reason, Answer<Response> answer, Encode encode) {
  Call<Response>(std::move(answer), [this, verb, name = request.name(), reason, encode](const auto& call) {
    auto command = CommandFor<engine::ChangeScheduleCommand>(call, encode);
    command->verb = verb;
    const Error error = service::DecodeChangeSchedule(name, reason, command.get());
    return Send(error, std::move(command));
  });
}

using Verb = engine::ChangeScheduleCommand::Verb;

BATON_CALL(PauseSchedule) {
  ChangeSchedule(Verb::kPause, request, request.reason(), std::move(answer), [](auto&, auto*) {});
}

BATON_CALL(UnpauseSchedule) {
  ChangeSchedule(Verb::kUnpause, request, "", std::move(answer),
                 [](auto& answered, auto* response) { service::EncodeUnpauseSchedule(answered, response); });
}

BATON_CALL(TriggerSchedule) {
  ChangeSchedule(Verb::kTrigger, request, "", std::move(answer),
                 [](auto& answered, auto* response) { response->set_task_id(answered.task); });
}

BATON_CALL(DeleteSchedule) {
  ChangeSchedule(Verb::kDelete, request, "", std::move(answer), [](auto&, auto*) {});
}

#undef BATON_CALL

}  // namespace testing
}  // namespace baton::inline sdk
