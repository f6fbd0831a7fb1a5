// baton list
#include <memory>

#include "client_cli/command_table.h"
#include "client_cli/commands/filter_options.h"
#include "client_cli/commands/paging.h"
#include "client_cli/commands/task_note.h"
#include "client_cli/text/enum_text.h"

namespace baton::cli {
namespace {

struct ListArguments {
  FilterArguments filter;
  std::string limit = "100";
};

std::vector<Cell> Row(Session& session, const v1::Task& task) {
  return {std::to_string(task.id()),
          task.type(),
          {EnumText(task.state()), StateColor(task.state())},
          task.tag(),
          std::to_string(task.attempt()),
          session.Local(task.created_at_us()),
          task.worker_id(),
          TaskNote(task)};
}

ExitCode RunList(Session& session, const ListArguments& arguments) {
  absl::StatusOr<v1::TaskFilter> filter = BuildFilter(arguments.filter, session.environment().now());
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
                                   "  baton list --state permanently_failed --ended-since 1h --error timeout\n"
                                   "  baton list --root 42 --limit 0 -o jsonl\n",
                                   [arguments](Session& session) { return RunList(session, *arguments); });
  AddFilterOptions(command, arguments->filter);
  command.add_option("--limit", arguments->limit, "At most so many; 0 for all (default 100)")->type_name("N");
}

}  // namespace baton::cli
