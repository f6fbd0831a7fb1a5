// baton workers
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client_cli/command_table.h"
#include "client_cli/text/duration_text.h"
#include "client_cli/text/enum_text.h"
#include "client_cli/text/proto_time.h"

namespace baton::cli {
namespace {

Cell State(v1::WorkerState state) {
  return {EnumText(state), state == v1::WORKER_STATE_CONNECTED ? Color::kGreen : Color::kYellow};
}

std::vector<Cell> Row(const v1::Worker& worker) {
  auto type = [](std::string* out, const v1::Handler& handler) { absl::StrAppend(out, handler.type()); };
  return {worker.worker_id(),
          State(worker.state()),
          absl::StrCat(worker.slots_taken(), "/", worker.slots()),
          worker.has_last_seen() ? absl::StrCat(FormatRoughDuration(ToMicroseconds(worker.last_seen())), " ago") : "",
          worker.pod_id(),
          absl::StrJoin(worker.capabilities(), ","),
          absl::StrJoin(worker.task_ids(), ","),
          absl::StrJoin(worker.handlers(), ",", type)};
}

ExitCode RunWorkers(Session& session) {
  absl::StatusOr<v1::ListWorkersResponse> response = session.broker().ListWorkers(session.call_timeout());
  if (!response.ok()) return session.Fail(response.status());
  RecordWriter writer(session, {"WORKER", "STATE", "SLOTS", "SEEN", "POD", "CAPABILITIES", "TASKS", "TYPES"});
  for (const v1::Worker& worker : response->workers()) writer.Add(Row(worker), worker);
  return writer.Finish("no live workers");
}

}  // namespace

void AddWorkersCommand(CommandTable& commands) {
  commands.Add("workers", "Lists live workers: slots taken, capabilities, the tasks they hold",
               "  baton workers\n"
               "  baton workers -o jsonl | jq -r .worker_id\n",
               RunWorkers);
}

}  // namespace baton::cli
