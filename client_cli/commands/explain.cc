// baton explain
#include <memory>

#include "absl/strings/str_cat.h"
#include "client_cli/command_table.h"
#include "client_cli/explanation.h"
#include "client_cli/text/enum_text.h"
#include "client_cli/text/message_json.h"

namespace baton::cli {
namespace {

void PrintChildren(Session& session, const v1::ExplainResponse& response) {
  if (response.unfinished_children().empty()) return;
  session.environment().out << '\n';
  Table table(session.environment().out, {"CHILD", "TYPE", "STATE", "WAITING FOR"}, session.style());
  for (const v1::Task& child : response.unfinished_children()) {
    table.AddRow({absl::StrCat(child.id()),
                  child.type(),
                  {EnumText(child.state()), StateColor(child.state())},
                  child.waiting_for()});
  }
  table.Flush();
}

void PrintExplanation(Session& session, const v1::ExplainResponse& response) {
  DetailList details(session.environment().out, session.style());
  const Environment& environment = session.environment();
  for (const auto& [label, value] : Explanation(response, environment.now(), environment.time_zone)) {
    details.Add(label, value);
  }
  details.Print();
  PrintChildren(session, response);
}

ExitCode RunExplain(Session& session, const std::string& text) {
  absl::StatusOr<uint64_t> id = ParseTaskId(text);
  if (!id.ok()) return session.Fail(id.status());
  v1::ExplainRequest request;
  request.set_task_id(*id);
  absl::StatusOr<v1::ExplainResponse> response = session.broker().Explain(request, session.call_timeout());
  if (!response.ok()) return session.Fail(response.status());
  if (!session.is_table()) return session.Print(MessageJson(*response));
  PrintExplanation(session, *response);
  return ExitCode::kOk;
}

}  // namespace

void AddExplainCommand(CommandTable& commands) {
  auto id = std::make_shared<std::string>();
  CLI::App& command = commands.Add("explain", "Tells why a task does not run and when it may, or who runs it",
                                   "  baton explain 42\n"
                                   "  baton explain 42 -o json | jq -r '.obstacles[].kind'\n",
                                   [id](Session& session) { return RunExplain(session, *id); });
  command.add_option("id", *id, "Task")->required()->type_name("ID");
}

}  // namespace baton::cli
