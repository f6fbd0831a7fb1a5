// baton types, baton types list, baton types pause, baton types unpause, baton types limit
#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "client_cli/command_table.h"
#include "client_cli/text/options_text.h"
#include "client_cli/text/proto_time.h"

namespace baton::cli {
namespace {

std::string Number(uint64_t number) { return std::to_string(number); }

std::string Definition(const v1::TypeInfo& info) {
  if (!info.has_options()) return "(no worker ever registered it)";
  std::string text = AllOptionsText(info.options());
  if (!info.description().empty()) absl::StrAppend(&text, text.empty() ? "" : "; ", info.description());
  return text;
}

Cell Pause(Session& session, const v1::TypeInfo& info) {
  if (!info.has_pause()) return {""};
  const std::string reason = info.pause().reason().empty() ? "" : absl::StrCat(": ", info.pause().reason());
  const std::string since = session.Local(ToTime(info.pause().paused_at()));
  return {absl::StrCat("by ", info.pause().actor(), " ", since, reason), Color::kYellow};
}

Cell Running(const v1::TypeInfo& info) {
  const std::string running = Number(info.counts().running());
  if (!info.has_limit()) return {running};
  const bool reached = info.counts().running() >= static_cast<uint64_t>(info.limit().max_running());
  return {absl::StrCat(running, "/", info.limit().max_running()), reached ? Color::kYellow : Color::kNone};
}

std::vector<Cell> Row(Session& session, const v1::TypeInfo& info) {
  const v1::StateCounts& counts = info.counts();
  return {info.type(),
          std::to_string(info.workers()),
          Number(counts.pending()),
          {Number(info.unservable()), info.unservable() > 0 ? Color::kYellow : Color::kNone},
          Running(info),
          Number(counts.suspended()),
          Number(counts.completed()),
          {Number(counts.permanently_failed()), counts.permanently_failed() > 0 ? Color::kRed : Color::kNone},
          Number(counts.cancelled()),
          Pause(session, info),
          Definition(info)};
}

struct ListArguments {
  bool unservable = false;
};

using Listed = std::shared_ptr<ListArguments>;

ExitCode RunTypes(Session& session, const ListArguments& arguments) {
  absl::StatusOr<v1::ListTypesResponse> response = session.broker().ListTypes(session.call_timeout());
  if (!response.ok()) return session.Fail(response.status());
  RecordWriter writer(session, {"TYPE", "WORKERS", "PENDING", "UNSERVABLE", "RUNNING", "SUSPENDED", "COMPLETED",
                                "FAILED", "CANCELLED", "PAUSED", "DEFINITION"});
  for (const v1::TypeInfo& info : response->types()) {
    if (!arguments.unservable || info.unservable() > 0) writer.Add(Row(session, info), info);
  }
  return writer.Finish(arguments.unservable ? "live workers can run all tasks there are"
                                            : "no types yet: none was registered or submitted");
}

// What a verb below `types` does; an option before or behind it that chooses what is listed would be of no effect.
CommandTable::Run Verb(const Listed& listed, CommandTable::Run run) {
  return [listed, run = std::move(run)](Session& session) {
    if (!listed->unservable) return run(session);
    return session.Fail(absl::InvalidArgumentError("--unservable is for the list of types: name those that are meant"));
  };
}

struct PauseArguments {
  std::vector<std::string> types;
  std::string reason;
};

// Does it to each type by `call`, which answers with a status.
template <typename Call>
ExitCode RunForEach(Session& session, const PauseArguments& arguments, bool paused, Call&& call) {
  RecordWriter writer(session, {"TYPE", "PAUSED"});
  ExitCode code = ExitCode::kOk;
  for (const std::string& type : arguments.types) {
    const absl::Status status = call(type);
    if (!status.ok()) {
      code = session.Fail(status);
      if (code == ExitCode::kUnavailable) break;
      continue;
    }
    writer.Add({type, {paused ? "yes" : "no", paused ? Color::kYellow : Color::kNone}},
               Json{{"type", type}, {"paused", paused}});
  }
  writer.Finish("");
  return code;
}

bool IsUsed(const v1::TypeInfo& info) {
  const v1::StateCounts& counts = info.counts();
  return info.has_options() || counts.pending() + counts.running() + counts.suspended() + counts.completed() +
                                       counts.permanently_failed() + counts.cancelled() >
                                   0;
}

// A type may be held back before anything of it is there. But whoever has mistyped the name of another one believes
// that this one is held back.
void TellUnused(Session& session, const std::vector<std::string>& types) {
  const absl::StatusOr<v1::ListTypesResponse> known = session.broker().ListTypes(session.call_timeout());
  if (!known.ok()) return;
  for (const v1::TypeInfo& info : known->types()) {
    if (IsUsed(info) || std::find(types.begin(), types.end(), info.type()) == types.end()) continue;
    session.environment().err << "No worker ever registered type " << info.type()
                              << ", and there is no task of it: `baton types` lists all types." << std::endl;
  }
}

ExitCode RunPauseType(Session& session, const PauseArguments& arguments) {
  const ExitCode code = RunForEach(session, arguments, true, [&](const std::string& type) {
    v1::PauseTypeRequest request;
    request.set_type(type);
    request.set_reason(arguments.reason);
    return session.broker().PauseType(request, session.call_timeout());
  });
  if (code == ExitCode::kOk) TellUnused(session, arguments.types);
  return code;
}

ExitCode RunUnpauseType(Session& session, const PauseArguments& arguments) {
  return RunForEach(session, arguments, false, [&](const std::string& type) {
    v1::UnpauseTypeRequest request;
    request.set_type(type);
    return session.broker().UnpauseType(request, session.call_timeout());
  });
}

struct LimitArguments {
  std::string type, limit, reason;
};

ExitCode RunLimitType(Session& session, const LimitArguments& arguments) {
  v1::SetTypeLimitRequest request;
  request.set_type(arguments.type);
  request.set_reason(arguments.reason);
  int32_t limit = 0;
  if (arguments.limit != "none") {
    if (!absl::SimpleAtoi(arguments.limit, &limit) || limit < 1) {
      return session.Fail(absl::InvalidArgumentError(absl::StrCat(
          "LIMIT is '", arguments.limit, "': give how many may run at the same time, from 1 on, or 'none'")));
    }
    request.set_max_running(limit);
  }
  const absl::StatusOr<v1::SetTypeLimitResponse> response =
      session.broker().SetTypeLimit(request, session.call_timeout());
  if (!response.ok()) return session.Fail(response.status());
  RecordWriter writer(session, {"TYPE", "LIMIT", "RUNNING"});
  writer.Add({arguments.type, limit == 0 ? "none" : std::to_string(limit), std::to_string(response->running())},
             Json{{"type", arguments.type}, {"max_running", limit}, {"running", response->running()}});
  if (limit > 0) TellUnused(session, {arguments.type});
  return writer.Finish("");
}

void AddLimit(CommandTable& commands, CLI::App& types, const Listed& listed) {
  auto arguments = std::make_shared<LimitArguments>();
  CLI::App& limit =
      commands.AddBelow(types, "limit", "Has at most so many tasks of a type run at the same time, over all workers",
                        "  baton types limit send-mail 5 --reason 'the mail server takes no more'\n"
                        "  baton types limit send-mail none\n",
                        Verb(listed, [arguments](Session& session) { return RunLimitType(session, *arguments); }));
  limit.add_option("type", arguments->type, "Type")->required()->type_name("TYPE");
  limit.add_option("limit", arguments->limit, "1 ... 1,000,000, or none; what runs already goes on")
      ->required()
      ->type_name("LIMIT");
  limit.add_option("--reason", arguments->reason, "Why; shown with the type")->type_name("TEXT");
}

void AddPauses(CommandTable& commands, CLI::App& types, const Listed& listed) {
  auto arguments = std::make_shared<PauseArguments>();
  CLI::App& pause =
      commands.AddBelow(types, "pause", "Holds all tasks of a type back, also those that come later",
                        "  baton types pause send-mail --reason 'the mail server is down'\n",
                        Verb(listed, [arguments](Session& session) { return RunPauseType(session, *arguments); }));
  CLI::App& unpause =
      commands.AddBelow(types, "unpause", "Lets tasks of a paused type go on", "  baton types unpause send-mail\n",
                        Verb(listed, [arguments](Session& session) { return RunUnpauseType(session, *arguments); }));
  unpause.alias("resume");
  for (CLI::App* command : {&pause, &unpause}) {
    command->add_option("type", arguments->types, "Types")->required()->type_name("TYPE");
  }
  pause.add_option("--reason", arguments->reason, "Why; shown with the type and its tasks")->type_name("TEXT");
}

}  // namespace

void AddTypesCommand(CommandTable& commands) {
  const auto arguments = std::make_shared<ListArguments>();
  const auto list = [arguments](Session& session) { return RunTypes(session, *arguments); };
  CLI::App& types = commands.Add("types", "Lists task types: workers, counts by state, registered options",
                                 "  baton types\n"
                                 "  baton types --unservable\n"
                                 "  baton types pause send-mail --reason 'the mail server is down'\n"
                                 "  baton types limit send-mail 5\n",
                                 list);
  types.require_subcommand(0, 1);  // Or a type named "pause" would be taken for a verb.
  CLI::App& below = commands.AddBelow(types, "list", "Lists task types: the same as `baton types` alone",
                                      "  baton types list\n"
                                      "  baton types list -o jsonl | jq 'select(.counts.pending > 1000)'\n",
                                      list);
  for (CLI::App* command : {&types, &below}) {
    command->add_flag("--unservable", arguments->unservable, "Only those with tasks that no live worker can run");
  }
  AddPauses(commands, types, arguments);
  AddLimit(commands, types, arguments);
}

}  // namespace baton::cli
