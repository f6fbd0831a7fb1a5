#include "tests/fuzz/calls.h"

#include <iterator>
#include <string>
#include <vector>

#include "broker/engine/format/keys.h"
#include "broker/engine/inspection_commands.h"
#include "broker/service/attempt_token.h"
#include "broker/service/explain.h"
#include "broker/service/outcomes.h"
#include "broker/service/sessions.h"
#include "broker/service/submit.h"
#include "tests/fuzz/asking.h"
#include "tests/fuzz/verbs.h"

namespace baton::fuzz {
namespace {

using service::ReadService;

void Submit(Input& input, World* world) {
  const auto request = TakeRequest<v1::SubmitRequest>(input, *world);
  auto command = std::make_unique<Asking<engine::SubmitCommand>>();
  command->actor = "local";
  Error error = service::DecodeSubmit(world->Decoding(), request, command.get());
  if (error.ok() && service::NeedsLookUp(*command)) {
    error = service::LookUpKeys(*world->broker->Snapshot(), world->Decoding().now, command.get());
  }
  Ask<v1::SubmitResponse>(world, error, std::move(command), [&](auto& answered, v1::SubmitResponse* response) {
    service::EncodeSubmit(answered, response);
    BATON_CHECK(response->results_size() == request.tasks_size(), "tasks were submitted without an answer");
    for (const v1::SubmitResult& result : response->results()) {
      if (!result.has_error()) world->submitted.insert(result.task_id());
    }
  });
}

void Complete(Input& input, World* world) {
  auto request = TakeRequest<v1::CompleteRequest>(input, *world);
  const v1::CompleteRequest sent = request;
  auto command = std::make_unique<Asking<engine::CompleteCommand>>();
  command->actor = "local";
  const Error error = service::DecodeComplete(world->Decoding(), &request, command.get());
  Ask<v1::CompleteResponse>(world, error, std::move(command), [&](auto& answered, v1::CompleteResponse* response) {
    service::EncodeItemResults(answered.results, response->mutable_results());
    BATON_CHECK(response->results_size() == sent.outcomes_size(), "outcomes were sent without an answer");
    for (int i = 0; i < sent.outcomes_size(); ++i) {
      const v1::Outcome& outcome = sent.outcomes(i);
      if (response->results(i).has_error() || !outcome.has_succeeded()) continue;
      world->completed.insert(engine::ReadU64(absl::string_view(outcome.attempt_token()).substr(8)));
    }
  });
}

template <typename Request, typename Response>
void Report(Input& input, World* world, Error (*decode)(const service::Decoding&, Request*, engine::ReportCommand*)) {
  auto request = TakeRequest<Request>(input, *world);
  const int items = request.items_size();
  auto command = std::make_unique<Asking<engine::ReportCommand>>();
  command->actor = "local";
  const Error error = decode(world->Decoding(), &request, command.get());
  Ask<Response>(world, error, std::move(command), [items](auto& answered, Response* response) {
    service::EncodeItemResults(answered.results, response->mutable_results());
    BATON_CHECK(response->results_size() == items, "reports were sent without an answer");
  });
}

void Audit(Input& input, World* world) {
  Report<v1::AuditRequest, v1::AuditResponse>(input, world, service::DecodeAudit);
}

void Progress(Input& input, World* world) {
  Report<v1::ProgressRequest, v1::ProgressResponse>(input, world, service::DecodeProgress);
}

void SpawnChildren(Input& input, World* world) {
  const auto request = TakeRequest<v1::SpawnChildrenRequest>(input, *world);
  auto command = std::make_unique<Asking<engine::SpawnChildrenCommand>>();
  command->actor = "local";
  const Error error = service::DecodeSpawnChildren(world->Decoding(), request, command.get());
  Ask<v1::SpawnChildrenResponse>(world, error, std::move(command),
                                 [](auto& answered, auto* response) { response->set_staged(answered.staged); });
}

void Heartbeat(Input& input, World* world) {
  const auto request = TakeRequest<v1::HeartbeatRequest>(input, *world);
  auto command = std::make_unique<Asking<engine::HeartbeatCommand>>();
  std::vector<std::string> foreign;
  const Error error = service::DecodeHeartbeat(world->Decoding(), request, command.get(), &foreign);
  Ask<v1::HeartbeatResponse>(world, error, std::move(command), [&](auto& answered, auto* response) {
    service::EncodeHeartbeat(answered, world->broker->incarnation(), foreign, response);
  });
}

void ListChildOutcomes(Input& input, World* world) {
  const auto request = TakeRequest<v1::ListChildOutcomesRequest>(input, *world);
  engine::AttemptId attempt;
  const Error refused = service::ReadAttemptToken(service::Field("attempt_token"), request.attempt_token(),
                                                  world->broker->incarnation(), &attempt);
  if (!refused.ok()) return CheckRefusal(refused);
  world->reads->ListChildOutcomes(attempt, request, [&](const Error& error, const auto& response) {
    if (!error.ok()) return CheckRefusal(error);
    CheckTravels(response);
    world->page_token = response.next_page_token();
  });
}

void Explain(Input& input, World* world) {
  const auto request = TakeRequest<v1::ExplainRequest>(input, *world);
  const Error refused = service::DecodeExplain(request);
  if (!refused.ok()) return CheckRefusal(refused);
  world->reads->Explain(request, [&](const Error& error, const service::Explanation& explanation) {
    if (!error.ok()) return CheckRefusal(error);
    auto command = std::make_unique<Asking<engine::ExplainCommand>>();
    if (!service::NeedsEngine(explanation, command.get())) return CheckTravels(explanation.response);
    Ask<v1::ExplainResponse>(world, Error(), std::move(command), [&](auto& answered, auto* response) {
      *response = explanation.response;
      service::EncodeExplain(answered, world->Decoding().now, response);
    });
  });
}

template <auto kRead>
void ReadWith(Input& input, World* world) {
  Read(input, world, kRead);
}

using Caller = void (*)(Input& input, World* world);
// What moves tasks on comes more often.
constexpr Caller kCallers[] = {
    Submit,
    Submit,
    Submit,
    Complete,
    Complete,
    Complete,
    Audit,
    Progress,
    SpawnChildren,
    Heartbeat,
    ListChildOutcomes,
    Explain,
    ReadWith<&ReadService::Get>,
    ReadWith<&ReadService::ListTasks>,
    ReadWith<&ReadService::ListEvents>,
    ReadWith<&ReadService::ListAttempts>,
    ReadWith<&ReadService::GetWorkflowSummary>,
    ReadWith<&ReadService::ListTypes>,
    ReadWith<&ReadService::GetSchedule>,
    ReadWith<&ReadService::ListSchedules>,
    ReadWith<&ReadService::GetStatistics>,
    ReadWith<&ReadService::GetServerInfo>,
    CallVerb,
    CallVerb,
    CallVerb,
    CallVerb,
    CallVerb,
    CallVerb,
};

}  // namespace

void Call(Input& input, World* world) { kCallers[input.Below(std::size(kCallers))](input, world); }

}  // namespace baton::fuzz
