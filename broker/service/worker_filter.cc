#include "broker/service/worker_filter.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "broker/service/check.h"
#include "broker/service/field.h"
#include "broker/service/limits.h"
#include "broker/service/read/page_token.h"
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

// Numbers of sessions mean nothing to another store.
std::string WorkerListName(const Decoding& decoding, const v1::WorkerFilter& filter) {
  return absl::StrCat("workers ", decoding.incarnation, " ", filter.SerializeAsString());
}

}  // namespace

Error DecodeListWorkers(const Decoding& decoding, const v1::ListWorkersRequest& request,
                        engine::ListWorkersCommand* command) {
  const auto largest = static_cast<int32_t>(decoding.limits.page_size);
  CHECK_FIELD(ResolvePageSize(request.page_size(), std::min(kDefaultPageSize, largest), largest, &command->most));
  CHECK_FIELD(CheckWorkerFilter(request.filter()));
  command->most_bytes = PageBytes(decoding.limits);
  if (request.page_token().empty()) return {};
  std::vector<uint64_t> position;
  CHECK_FIELD(DecodePageToken(WorkerListName(decoding, request.filter()), request.page_token(), 1, &position));
  command->after = position[0];
  return {};
}

void EncodeWorkers(const Decoding& decoding, const v1::WorkerFilter& filter, const engine::ListWorkersCommand& command,
                   v1::ListWorkersResponse* response) {
  const size_t most_bytes = PageBytes(decoding.limits);
  engine::SessionNumber last = command.after;
  bool more = command.more;
  size_t bytes = 0;
  for (const engine::WorkerView& view : command.workers) {
    if (IsWanted(filter, view)) {
      v1::Worker worker;
      EncodeWorker(view, &worker);
      bytes += worker.ByteSizeLong();
      // A single one may be larger than a page.
      if (response->workers_size() > 0 && bytes > most_bytes) {
        more = true;
        break;
      }
      *response->add_workers() = std::move(worker);
    }
    last = view.session;
  }
  if (more) response->set_next_page_token(EncodePageToken(WorkerListName(decoding, filter), {last}));
}

}  // namespace baton::service
