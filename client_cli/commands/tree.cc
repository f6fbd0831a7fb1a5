// baton tree
#include <algorithm>
#include <map>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client_cli/command_table.h"
#include "client_cli/commands/history_options.h"
#include "client_cli/commands/workflow.h"
#include "client_cli/progress_display.h"
#include "client_cli/text/duration_text.h"
#include "client_cli/text/enum_text.h"
#include "client_cli/text/message_json.h"
#include "client_cli/text/style.h"

namespace baton::cli {
namespace {

struct TreeArguments {
  std::string id;
  std::string children = "20";
  std::string limit = "10000";
};

// How long it has taken, or has been there.
int64_t AgeOf(Session& session, const v1::Task& task) {
  const int64_t end = task.ended_at_us() != 0 ? task.ended_at_us() : absl::ToUnixMicros(session.environment().now());
  return std::max<int64_t>(end - task.created_at_us(), 0);
}

std::string NoteOf(const v1::Task& task) {
  switch (task.state()) {
    case v1::TASK_STATE_COMPLETED:
      return "";
    case v1::TASK_STATE_PERMANENTLY_FAILED:
      return task.last_error();
    case v1::TASK_STATE_CANCELLED:
      return task.cancel_reason();
    case v1::TASK_STATE_RUNNING:
      return absl::StrCat("at ", task.worker_id(), task.progress().text().empty() ? "" : ", ", task.progress().text());
    default:
      return task.waiting_for();
  }
}

class TreePrinter {
 public:
  // `most`: children shown of each parent; 0: all.
  TreePrinter(Session& session, const Workflow& workflow, uint64_t most)
      : session_(session), workflow_(workflow), most_(most), color_(session.style().color) {}

  // `lead` goes before the lines of what is below.
  void Print(uint64_t id, const std::string& branch, const std::string& lead) {
    const v1::Task& task = workflow_.tasks.at(id);
    const std::string state = EnumText(task.state());
    const double fraction = task.state() == v1::TASK_STATE_RUNNING ? ProgressFraction(task) : -1;
    std::string line = absl::StrCat(branch, id, "  ", Printable(task.type()), "  ",
                                    color_ ? Paint(state, StateColor(task.state())) : state, "  ",
                                    FormatRoughDuration(AgeOf(session_, task)));
    if (task.stage() > 0) absl::StrAppend(&line, "  stage ", task.stage());
    if (task.attempt() > 1) absl::StrAppend(&line, "  attempt ", task.attempt());
    if (fraction >= 0) absl::StrAppend(&line, "  ", static_cast<int>(fraction * 100), "%");
    const std::string note = NoteOf(task);
    if (!note.empty()) absl::StrAppend(&line, "  ", Printable(note));
    session_.environment().out << line << '\n';
    PrintChildren(id, lead);
  }

 private:
  void PrintChildren(uint64_t parent, const std::string& lead) {
    const auto found = workflow_.children.find(parent);
    if (found == workflow_.children.end()) return;
    const std::vector<uint64_t>& children = found->second;
    const size_t shown = most_ == 0 || children.size() <= most_ ? children.size() : static_cast<size_t>(most_);
    for (size_t i = 0; i < shown; ++i) {
      const bool last = i + 1 == children.size();
      Print(children[i], lead + (last ? "└─ " : "├─ "), lead + (last ? "   " : "│  "));
    }
    if (shown == children.size()) return;
    std::map<std::string, size_t> rest;
    for (size_t i = shown; i < children.size(); ++i) ++rest[EnumText(workflow_.tasks.at(children[i]).state())];
    std::vector<std::string> parts;
    for (const auto& [state, count] : rest) parts.push_back(absl::StrCat(count, " ", state));
    session_.environment().out << lead << "└─ … " << children.size() - shown << " more: " << absl::StrJoin(parts, ", ")
                               << '\n';
  }

  Session& session_;
  const Workflow& workflow_;
  const uint64_t most_;
  const bool color_;
};

// The task with its descendants inside.
Json TreeJson(const Workflow& workflow, uint64_t id) {
  Json task = MessageJson(workflow.tasks.at(id));
  Json children = Json::array();
  const auto found = workflow.children.find(id);
  if (found != workflow.children.end()) {
    for (const uint64_t child : found->second) children.push_back(TreeJson(workflow, child));
  }
  task["children"] = std::move(children);
  return task;
}

ExitCode RunTree(Session& session, const TreeArguments& arguments) {
  absl::StatusOr<uint64_t> id = ParseTaskId(arguments.id);
  if (!id.ok()) return session.Fail(id.status());
  absl::StatusOr<uint64_t> most = ParseCount("--children", arguments.children, 0);
  if (!most.ok()) return session.Fail(most.status());
  absl::StatusOr<uint64_t> limit = ParseCount("--limit", arguments.limit, 0);
  if (!limit.ok()) return session.Fail(limit.status());
  absl::StatusOr<v1::Task> top = GetTask(session, *id);
  if (!top.ok()) return session.Fail(top.status());
  absl::StatusOr<Workflow> workflow = ReadWorkflow(session, *top, *limit);
  if (!workflow.ok()) return session.Fail(workflow.status());
  if (!session.is_table()) {
    session.Print(TreeJson(*workflow, *id));
  } else {
    TreePrinter(session, *workflow, *most).Print(*id, "", "");
  }
  if (!workflow->complete) {
    session.environment().err << "baton: the workflow has more than " << *limit << " tasks: not all are shown (--limit)"
                              << std::endl;
  }
  return ExitCode::kOk;
}

}  // namespace

void AddTreeCommand(CommandTable& commands) {
  auto arguments = std::make_shared<TreeArguments>();
  CLI::App& command = commands.Add("tree", "Draws a task and its descendants: states, durations, progress",
                                   "  baton tree 42\n"
                                   "  baton tree 42 --children 0 --limit 0\n"
                                   "  baton tree 42 -o json | jq '.children[] | select(.state != \"COMPLETED\")'\n",
                                   [arguments](Session& session) { return RunTree(session, *arguments); });
  command.add_option("id", arguments->id, "Task")->required()->type_name("ID");
  command.add_option("--children", arguments->children, "At most so many of each parent; 0 for all (default 20)")
      ->type_name("N");
  command.add_option("--limit", arguments->limit, "Read at most so many tasks; 0 for all (default 10000)")
      ->type_name("N");
}

}  // namespace baton::cli
