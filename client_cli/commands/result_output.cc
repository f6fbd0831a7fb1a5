#include "client_cli/commands/result_output.h"

#include "absl/strings/match.h"
#include "client_cli/text/enum_text.h"
#include "client_cli/text/message_json.h"
#include "client_cli/text/payload_text.h"
#include "client_cli/waiting.h"

namespace baton::cli {

ExitCode ReportIfNotCompleted(Session& session, const v1::Task& task) {
  if (task.state() == v1::TASK_STATE_COMPLETED) return ExitCode::kOk;
  session.environment().err << "baton: " << Printable(WhyNotCompleted(task)) << "\n`baton events " << task.id()
                            << "` shows its history." << std::endl;
  return ExitCode::kTaskDidNotComplete;
}

ExitCode ReportHidden(Session& session, const v1::Task& task) {
  session.environment().err << "baton: task " << task.id()
                            << " has a result, but the access token may not see payloads: one of role observe with "
                               "payloads, or of role operate, may"
                            << std::endl;
  return ExitCode::kOther;
}

ExitCode PrintResult(Session& session, const v1::Task& task) {
  if (!session.is_table()) {
    session.Print(MessageJson(task));
  } else if (IsHidden(task.result())) {
    return ReportHidden(session, task);
  } else if (task.state() == v1::TASK_STATE_COMPLETED) {
    const std::string& bytes = PayloadBytes(task.result());
    // A program gets every byte; on a terminal they might do something.
    const bool as_it_is = session.options().raw || !session.environment().out_is_terminal;
    session.environment().out << (as_it_is ? bytes : PrintableLines(bytes));
    // The shell's prompt belongs on a line of its own.
    bool wants_newline = session.environment().out_is_terminal && !bytes.empty() && !absl::EndsWith(bytes, "\n");
    if (wants_newline) session.environment().out << '\n';
  }
  session.environment().out.flush();
  return ReportIfNotCompleted(session, task);
}

ExitCode PrintEnded(Session& session, const std::vector<v1::Task>& tasks) {
  RecordWriter writer(session, {"ID", "STATE", "RESULT"});
  ExitCode code = ExitCode::kOk;
  for (const v1::Task& task : tasks) {
    bool completed = task.state() == v1::TASK_STATE_COMPLETED;
    if (!completed) code = ExitCode::kTaskDidNotComplete;
    std::string outcome = completed                                  ? PayloadPreview(task.result())
                          : task.state() == v1::TASK_STATE_CANCELLED ? task.cancel_reason()
                                                                     : task.last_error();
    writer.Add({std::to_string(task.id()), {EnumText(task.state()), StateColor(task.state())}, outcome}, task);
  }
  writer.Finish("no task has ended");
  return code;
}

}  // namespace baton::cli
