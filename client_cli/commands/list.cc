// baton list
#include <memory>

#include "absl/strings/str_cat.h"
#include "client_cli/command_table.h"
#include "client_cli/commands/paging.h"
#include "client_cli/text/enum_text.h"

namespace baton::cli {
namespace {

struct ListArguments {
  std::vector<std::string> states;
  std::string type;
  std::string tag;
  std::string parent;
  std::string root;
  std::string limit = "100";
};

absl::StatusOr<v1::ListTasksRequest> BuildRequest(const ListArguments& arguments) {
  v1::ListTasksRequest request;
  v1::TaskFilter& filter = *request.mutable_filter();
  for (const std::string& text : arguments.states) {
    auto state = ParseEnum<v1::TaskState>("--state", text);
    if (!state.ok()) return state.status();
    filter.add_states(*state);
  }
  filter.set_type(arguments.type);
  filter.set_tag(arguments.tag);
  absl::StatusOr<uint64_t> parent = arguments.parent.empty() ? 0 : ParseTaskId(arguments.parent);
  if (!parent.ok()) return parent.status();
  filter.set_parent_id(*parent);
  absl::StatusOr<uint64_t> root = arguments.root.empty() ? 0 : ParseTaskId(arguments.root);
  if (!root.ok()) return root.status();
  filter.set_root_id(*root);
  return request;
}

// The one thing about a task that is most worth knowing in its state.
std::string Note(const v1::Task& task) {
  switch (task.state()) {
    case v1::TASK_STATE_PERMANENTLY_FAILED:
      return task.last_error();
    case v1::TASK_STATE_CANCELLED:
      return task.cancel_reason();
    case v1::TASK_STATE_RUNNING:
      return task.progress().text();
    case v1::TASK_STATE_SUSPENDED:
      if (task.children_remaining() > 0) {
        return absl::StrCat("waits for ", task.children_remaining(), " of ", task.children_total(), " children");
      }
      return task.suspend_reason();
    case v1::TASK_STATE_PENDING:
      return task.last_error().empty() ? task.waiting_for() : absl::StrCat("retry after: ", task.last_error());
    default:
      return task.waiting_for();
  }
}

std::vector<Cell> Row(Session& session, const v1::Task& task) {
  return {std::to_string(task.id()),
          task.type(),
          {EnumText(task.state()), StateColor(task.state())},
          task.tag(),
          std::to_string(task.attempt()),
          session.Local(task.created_at_us()),
          task.worker_id(),
          Note(task)};
}

ExitCode RunList(Session& session, const ListArguments& arguments) {
  absl::StatusOr<v1::ListTasksRequest> request = BuildRequest(arguments);
  if (!request.ok()) return session.Fail(request.status());
  absl::StatusOr<uint64_t> limit = ParseCount("--limit", arguments.limit, 0);
  if (!limit.ok()) return session.Fail(limit.status());
  RecordWriter writer(session, {"ID", "TYPE", "STATE", "TAG", "ATTEMPT", "CREATED", "WORKER", "NOTE"});
  absl::Status listed = ForEachItem(
      *request, *limit,
      [&](const v1::ListTasksRequest& page) { return session.broker().ListTasks(page, session.call_timeout()); },
      [](const v1::ListTasksResponse& page) -> const auto& { return page.tasks(); },
      [&](const v1::Task& task) { writer.Add(Row(session, task), task); }, [&] { writer.Flush(); });
  if (!listed.ok()) return session.Fail(listed);
  return writer.Finish("no such tasks");
}

}  // namespace

void AddListCommand(CommandTable& commands) {
  auto arguments = std::make_shared<ListArguments>();
  CLI::App& command = commands.Add("list", "Lists tasks, newest first",
                                   "  baton list --state pending,running --type resize\n"
                                   "  baton list --root 42 --limit 0 -o jsonl\n",
                                   [arguments](Session& session) { return RunList(session, *arguments); });
  command.add_option("--state", arguments->states, "Only in these states; repeatable, or separated by commas")
      ->type_name("STATE")
      ->delimiter(',')
      ->allow_extra_args(false);
  command.add_option("--type", arguments->type, "Only of this type")->type_name("TYPE");
  command.add_option("--tag", arguments->tag, "Only with this tag")->type_name("TEXT");
  command.add_option("--parent", arguments->parent, "Only direct children of this task")->type_name("ID");
  command.add_option("--root", arguments->root, "Only this task and its descendants")->type_name("ID");
  command.add_option("--limit", arguments->limit, "At most so many; 0 for all (default 100)")->type_name("N");
}

}  // namespace baton::cli
