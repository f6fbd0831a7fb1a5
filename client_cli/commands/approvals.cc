// baton approvals, baton approve, baton reject
#include <map>
#include <memory>
#include <optional>

#include "client_cli/command_table.h"
#include "client_cli/commands/filter_options.h"
#include "client_cli/commands/paging.h"
#include "client_cli/text/enum_text.h"
#include "client_cli/text/json_text.h"

namespace baton::cli {
namespace {

struct ApprovalsArguments {
  std::string type;
  std::string tag;
  std::string reason;
  std::string limit = "100";
};

// Those that wait longest, oldest first: at most `limit` of them, 0 for all.
class Oldest {
 public:
  explicit Oldest(uint64_t limit) : limit_(limit) {}

  void Add(const v1::Task& task) {
    tasks_.emplace(std::pair(task.suspended_at_us(), task.id()), task);
    if (limit_ != 0 && tasks_.size() > limit_) tasks_.erase(std::prev(tasks_.end()));
  }
  const auto& tasks() const { return tasks_; }

 private:
  const uint64_t limit_;
  std::map<std::pair<int64_t, uint64_t>, v1::Task> tasks_;
};

ExitCode RunApprovals(Session& session, const ApprovalsArguments& arguments) {
  absl::StatusOr<uint64_t> limit = ParseCount("--limit", arguments.limit, 0);
  if (!limit.ok()) return session.Fail(limit.status());
  v1::ListTasksRequest request;
  request.mutable_filter()->set_awaits_decision(true);
  request.mutable_filter()->set_type(arguments.type);
  request.mutable_filter()->set_tag(arguments.tag);
  request.mutable_filter()->set_suspend_reason(arguments.reason);
  Oldest oldest(*limit);
  // The broker lists the newest tasks first, so that all have to be seen.
  absl::Status listed = ForEachItem(
      request, 0,
      [&](const v1::ListTasksRequest& page) { return session.broker().ListTasks(page, session.call_timeout()); },
      [](const v1::ListTasksResponse& page) -> const auto& { return page.tasks(); },
      [&](const v1::Task& task) { oldest.Add(task); }, [] {});
  if (!listed.ok()) return session.Fail(listed);
  RecordWriter writer(session, {"ID", "TYPE", "STAGE", "STATE", "SINCE", "UNTIL", "ELSE", "REASON"});
  for (const auto& [key, task] : oldest.tasks()) {
    writer.Add({std::to_string(task.id()),
                task.type(),
                std::to_string(task.stage()),
                {EnumText(task.state()), StateColor(task.state())},
                session.Local(task.suspended_at_us()),
                session.Local(task.decide_by_us()),
                task.decide_by_us() == 0 ? "" : EnumText(task.when_undecided()),
                task.suspend_reason()},
               task);
  }
  return writer.Finish("nothing waits for a decision");
}

struct DecisionArguments {
  std::vector<std::string> ids;
  std::string comment;
  std::optional<int32_t> stage;
};

ExitCode Decide(Session& session, const DecisionArguments& arguments, bool approved) {
  absl::StatusOr<std::vector<uint64_t>> ids = ParseTaskIds(arguments.ids);
  if (!ids.ok()) return session.Fail(ids.status());
  Json decision{{"approved", approved}};
  if (!arguments.comment.empty()) decision["comment"] = arguments.comment;
  const std::string word = approved ? "approved" : "rejected";
  RecordWriter writer(session, {"ID", "DECISION", "STATE"});
  ExitCode code = ExitCode::kOk;
  for (const uint64_t id : *ids) {
    v1::ResumeRequest request;
    request.set_task_id(id);
    request.set_reason(arguments.comment.empty() ? word : arguments.comment);
    request.mutable_decision()->set_json(CompactJson(decision));
    if (arguments.stage.has_value()) request.set_stage(*arguments.stage);
    absl::StatusOr<v1::ResumeResponse> response = session.broker().Resume(request, session.call_timeout());
    if (!response.ok()) {
      code = session.Fail(response.status());
      if (code == ExitCode::kUnavailable) break;
      continue;
    }
    const std::string state = EnumText(response->state());
    writer.Add({std::to_string(id), word, {state, StateColor(response->state())}},
               Json{{"task_id", id}, {"decision", word}, {"state", state}});
  }
  writer.Finish("");
  return code;
}

void AddDecision(CommandTable& commands, const std::string& name, bool approved, const std::string& description,
                 const std::string& examples) {
  auto arguments = std::make_shared<DecisionArguments>();
  CLI::App& command = commands.Add(name, description, examples, [arguments, approved](Session& session) {
    return Decide(session, *arguments, approved);
  });
  command.add_option("id", arguments->ids, "Tasks")->required()->type_name("ID");
  command.add_option("--comment", arguments->comment, "For the handler, and kept in the history")->type_name("TEXT");
  RefuseEmptyValue(command
                       .add_option("--stage", arguments->stage,
                                   "The stage that was shown; refused if the task waits for something else by now")
                       ->type_name("N"));
}

}  // namespace

void AddApprovalsCommand(CommandTable& commands) {
  auto arguments = std::make_shared<ApprovalsArguments>();
  CLI::App& command = commands.Add("approvals", "Lists tasks that wait for a decision, the oldest wait first",
                                   "  baton approvals\n"
                                   "  baton approvals --type order -o jsonl | jq -r .suspend_reason | sort | uniq -c\n",
                                   [arguments](Session& session) { return RunApprovals(session, *arguments); });
  command.add_option("--type", arguments->type, "Only of this type")->type_name("TYPE");
  command.add_option("--tag", arguments->tag, "Only with this tag")->type_name("TEXT");
  command.add_option("--reason", arguments->reason, "Only what was suspended for this reason")->type_name("TEXT");
  command.add_option("--limit", arguments->limit, "At most so many; 0 for all (default 100)")->type_name("N");
  RefuseEmptyValues(command);
}

void AddApproveCommand(CommandTable& commands) {
  AddDecision(commands, "approve", true, "Wakes tasks with the decision {\"approved\": true}",
              "  baton approve 42 --comment 'looks right'\n"
              "  baton approve 42 --stage 1\n");
}

void AddRejectCommand(CommandTable& commands) {
  AddDecision(commands, "reject", false, "Wakes tasks with the decision {\"approved\": false}",
              "  baton reject 42 --comment 'ordered twice'\n");
}

}  // namespace baton::cli
