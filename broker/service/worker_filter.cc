#include "broker/service/worker_filter.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "broker/service/check.h"
#include "broker/service/field.h"
#include "broker/service/limits.h"
#include "broker/service/sessions.h"

namespace baton::service {
namespace {

Error BadWorkerFilter(std::string message) { return InvalidArgument("BAD_FILTER", std::move(message)); }

bool HasHandler(const engine::WorkerInfo& worker, const std::string& type) {
  return std::any_of(worker.handlers.begin(), worker.handlers.end(),
                     [&type](const engine::HandlerInfo& handler) { return handler.type == type; });
}

bool IsWanted(const v1::WorkerFilter& filter, const engine::WorkerView& view) {
  const auto& states = filter.states();
  if (!states.empty() && std::find(states.begin(), states.end(), StateOf(view)) == states.end()) return false;
  if (!filter.pod_id().empty() && view.pod_id != filter.pod_id()) return false;
  if (!filter.type().empty() && !HasHandler(view.worker, filter.type())) return false;
  const engine::Capabilities& has = view.worker.capabilities;
  return std::all_of(filter.capabilities().begin(), filter.capabilities().end(), [&has](const std::string& wanted) {
    return std::find(has.begin(), has.end(), wanted) != has.end();
  });
}

}  // namespace

Error CheckWorkerFilter(const v1::WorkerFilter& filter) {
  // What cannot be read must not widen what is shown.
  if (!filter.GetReflection()->GetUnknownFields(filter).empty()) {
    return BadWorkerFilter("filter has a condition that this broker does not know: leave it out, or update the broker");
  }
  for (const int state : filter.states()) {
    if (state != v1::WORKER_STATE_UNSPECIFIED && v1::WorkerState_IsValid(state)) continue;
    return BadWorkerFilter(
        absl::StrCat("filter.states has ", state, ", which is no state: use values of WorkerState but 0"));
  }
  const Field field("filter");
  CHECK_FIELD(CheckName(Field(field, "pod_id"), filter.pod_id(), Presence::kOptional, kNameBytes));
  CHECK_FIELD(CheckName(Field(field, "type"), filter.type(), Presence::kOptional, kNameBytes));
  CHECK_FIELD(CheckCount(Field(field, "capabilities"), filter.capabilities_size(), kRequiredCapabilities,
                         "no task can require more"));
  for (int i = 0; i < filter.capabilities_size(); ++i) {
    CHECK_FIELD(CheckName(Field(field, "capabilities", i), filter.capabilities(i), Presence::kRequired, kNameBytes));
  }
  return {};
}

void EncodeWorkers(const v1::WorkerFilter& filter, const engine::ListWorkersCommand& command,
                   v1::ListWorkersResponse* response) {
  for (const engine::WorkerView& view : command.workers) {
    if (IsWanted(filter, view)) EncodeWorker(view, response->add_workers());
  }
}

}  // namespace baton::service
