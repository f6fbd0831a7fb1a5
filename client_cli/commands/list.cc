// baton list
#include <memory>

#include "absl/strings/str_cat.h"
#include "client_cli/command_table.h"
#include "client_cli/commands/filter_options.h"
#include "client_cli/commands/paging.h"
#include "client_cli/text/enum_text.h"

namespace baton::cli {
namespace {

struct ListArguments {
  FilterArguments filter;
  std::string limit = "100";
};

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
  absl::StatusOr<v1::TaskFilter> filter = BuildFilter(arguments.filter);
  if (!filter.ok()) return session.Fail(filter.status());
  v1::ListTasksRequest request;
  *request.mutable_filter() = *std::move(filter);
  absl::StatusOr<uint64_t> limit = ParseCount("--limit", arguments.limit, 0);
  if (!limit.ok()) return session.Fail(limit.status());
  RecordWriter writer(session, {"ID", "TYPE", "STATE", "TAG", "ATTEMPT", "CREATED", "WORKER", "NOTE"});
  absl::Status listed = ForEachItem(
      request, *limit,
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
  AddFilterOptions(command, arguments->filter);
  command.add_option("--limit", arguments->limit, "At most so many; 0 for all (default 100)")->type_name("N");
}

}  // namespace baton::cli
