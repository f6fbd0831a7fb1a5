#include "client_cli/commands/filter_options.h"

#include "client_cli/session.h"
#include "client_cli/text/enum_text.h"

namespace baton::cli {

void AddFilterOptions(CLI::App& command, FilterArguments& arguments) {
  command.add_option("--state", arguments.states, "Only in these states; repeatable, or separated by commas")
      ->type_name("STATE")
      ->delimiter(',')
      ->allow_extra_args(false);
  command.add_option("--type", arguments.type, "Only of this type")->type_name("TYPE");
  command.add_option("--tag", arguments.tag, "Only with this tag")->type_name("TEXT");
  command.add_option("--parent", arguments.parent, "Only direct children of this task")->type_name("ID");
  command.add_option("--root", arguments.root, "Only this task and its descendants")->type_name("ID");
  command.add_flag("--awaits-decision", arguments.awaits_decision, "Only those that wait for a decision");
}

absl::StatusOr<v1::TaskFilter> BuildFilter(const FilterArguments& arguments) {
  v1::TaskFilter filter;
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
  filter.set_awaits_decision(arguments.awaits_decision);
  return filter;
}

}  // namespace baton::cli
