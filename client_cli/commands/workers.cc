// baton workers, baton workers list, baton workers drain
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client_cli/command_table.h"
#include "client_cli/commands/filter_options.h"
#include "client_cli/text/duration_text.h"
#include "client_cli/text/enum_text.h"
#include "client_cli/text/proto_time.h"
#include "client_cli/worker_list.h"

namespace baton::cli {
namespace {

Cell State(v1::WorkerState state) {
  return {EnumText(state), state == v1::WORKER_STATE_CONNECTED ? Color::kGreen : Color::kYellow};
}

std::vector<Cell> Row(const v1::Worker& worker) {
  auto type = [](std::string* out, const v1::Handler& handler) {
    absl::StrAppend(out, handler.type());
    if (handler.max_concurrency() > 0) absl::StrAppend(out, "(", handler.max_concurrency(), ")");
  };
  return {worker.worker_id(),
          State(worker.state()),
          absl::StrCat(worker.slots_taken(), "/", worker.slots()),
          worker.has_last_seen() ? absl::StrCat(FormatRoughDuration(ToMicroseconds(worker.last_seen())), " ago") : "",
          worker.pod_id(),
          absl::StrJoin(worker.capabilities(), ","),
          absl::StrJoin(worker.task_ids(), ","),
          absl::StrJoin(worker.handlers(), ",", type)};
}

struct WorkersArguments {
  std::vector<std::string> states;
  std::string pod;
  std::string type;
  std::vector<std::string> capabilities;
};

absl::StatusOr<v1::WorkerFilter> BuildWorkerFilter(const WorkersArguments& arguments) {
  v1::WorkerFilter filter;
  for (const std::string& text : arguments.states) {
    const absl::StatusOr<v1::WorkerState> state = ParseEnum<v1::WorkerState>("--state", text);
    if (!state.ok()) return state.status();
    filter.add_states(*state);
  }
  filter.set_pod_id(arguments.pod);
  filter.set_type(arguments.type);
  for (const std::string& capability : arguments.capabilities) filter.add_capabilities(capability);
  return filter;
}

ExitCode RunWorkers(Session& session, const WorkersArguments& arguments) {
  const absl::StatusOr<v1::WorkerFilter> filter = BuildWorkerFilter(arguments);
  if (!filter.ok()) return session.Fail(filter.status());
  const absl::StatusOr<v1::ListWorkersResponse> response =
      ListAllWorkers(session.broker(), *filter, session.call_timeout());
  if (!response.ok()) return session.Fail(response.status());
  RecordWriter writer(session, {"WORKER", "STATE", "SLOTS", "SEEN", "POD", "CAPABILITIES", "TASKS", "TYPES"});
  for (const v1::Worker& worker : response->workers()) writer.Add(Row(worker), worker);
  return writer.Finish(filter->ByteSizeLong() == 0 ? "no live workers" : "no such live workers");
}

void AddWorkersOptions(CLI::App& command, WorkersArguments& arguments) {
  command.add_option("--state", arguments.states, "Only in these states; repeatable, or separated by commas")
      ->type_name("STATE")
      ->delimiter(',')
      ->allow_extra_args(false);
  command.add_option("--pod", arguments.pod, "Only of this pod")->type_name("POD");
  command.add_option("--type", arguments.type, "Only with a handler of this type")->type_name("TYPE");
  command
      .add_option("--capability", arguments.capabilities,
                  "Only with this capability; of several, with all; repeatable, or separated by commas")
      ->type_name("TEXT")
      ->delimiter(',')
      ->allow_extra_args(false);
  RefuseEmptyValues(command);
}

struct DrainArguments {
  std::vector<std::string> workers;
  std::string reason;
};

// `listed`: options before or behind the verb, which would be taken to choose workers.
ExitCode RunDrain(Session& session, const WorkersArguments& listed, const DrainArguments& arguments) {
  if (!listed.states.empty() || !listed.pod.empty() || !listed.type.empty() || !listed.capabilities.empty()) {
    return session.Fail(absl::InvalidArgumentError(
        "drain takes workers by name: --state, --pod, --type and --capability are for the list"));
  }
  RecordWriter writer(session, {"WORKER", "STATE", "HOLDS"});
  ExitCode code = ExitCode::kOk;
  for (const std::string& worker : arguments.workers) {
    v1::DrainWorkerRequest request;
    request.set_worker_id(worker);
    request.set_reason(arguments.reason);
    const absl::StatusOr<v1::DrainWorkerResponse> response =
        session.broker().DrainWorker(request, session.call_timeout());
    if (!response.ok()) {
      code = session.Fail(response.status());
      if (code == ExitCode::kUnavailable) break;
      continue;
    }
    const Cell state = State(v1::WORKER_STATE_DRAINING);
    writer.Add({worker, state, std::to_string(response->attempts())},
               Json{{"worker_id", worker}, {"state", state.text}, {"attempts", response->attempts()}});
  }
  writer.Finish("");
  return code;
}

}  // namespace

void AddWorkersCommand(CommandTable& commands) {
  auto listed = std::make_shared<WorkersArguments>();
  const auto list = [listed](Session& session) { return RunWorkers(session, *listed); };
  CLI::App& workers =
      commands.Add("workers", "Lists live workers: slots taken, capabilities, the tasks they hold, limits of handlers",
                   "  baton workers\n"
                   "  baton workers --state draining,disconnected\n"
                   "  baton workers --type render --capability GPU -o jsonl | jq -r .worker_id\n"
                   "  baton workers drain worker-7 --reason 'its host is retired'\n",
                   list);
  AddWorkersOptions(workers, *listed);
  workers.require_subcommand(0, 1);
  // It takes the options of the command above it, before and behind the word.
  commands.AddBelow(workers, "list", "Lists live workers: the same as `baton workers` alone",
                    "  baton workers list\n"
                    "  baton workers list --state draining,disconnected\n"
                    "The options are those of `baton workers`: see `baton workers --help`.\n",
                    list);
  auto arguments = std::make_shared<DrainArguments>();
  CLI::App& drain =
      commands.AddBelow(workers, "drain", "Has workers finish what they run, and leave: they are given nothing new",
                        "  baton workers drain worker-7 --reason 'its host is retired'\n",
                        [listed, arguments](Session& session) { return RunDrain(session, *listed, *arguments); });
  drain.add_option("worker", arguments->workers, "Workers")->required()->type_name("WORKER");
  drain.add_option("--reason", arguments->reason, "Why; the worker logs it")->type_name("TEXT");
}

}  // namespace baton::cli
