#include "client_cli/commands/filter_options.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "client_cli/session.h"
#include "client_cli/text/enum_text.h"
#include "client_cli/text/proto_time.h"
#include "client_cli/text/time_text.h"

namespace baton::cli {
namespace {

// Sets the field that `mutable_field` answers, if there is a text.
template <typename MutableField>
absl::Status SetTime(const char* option, const std::string& text, absl::Time now, MutableField&& mutable_field) {
  if (text.empty()) return absl::OkStatus();
  const absl::StatusOr<int64_t> time = ParsePastTime(option, text, now);
  if (time.ok()) *mutable_field() = FromMicroseconds(*time);
  return time.status();
}

absl::Status SetTimes(const FilterArguments& arguments, absl::Time now, v1::TaskFilter* filter) {
  absl::Status status =
      SetTime("--created-since", arguments.created_since, now, [filter] { return filter->mutable_created_since(); });
  status.Update(SetTime("--created-before", arguments.created_before, now,
                        [filter] { return filter->mutable_created_before(); }));
  status.Update(
      SetTime("--ended-since", arguments.ended_since, now, [filter] { return filter->mutable_ended_since(); }));
  status.Update(SetTime(arguments.ended_before_option, arguments.ended_before, now,
                        [filter] { return filter->mutable_ended_before(); }));
  return status;
}

// As ParseEnum. Columns of counts call those that failed for good FAILED, and so may whoever has read them there.
absl::StatusOr<v1::TaskState> ParseState(const std::string& text) {
  if (absl::EqualsIgnoreCase(text, "failed")) return v1::TASK_STATE_PERMANENTLY_FAILED;
  return ParseEnum<v1::TaskState>("--state", text);
}

// As it has to be written on a command line.
std::string ShellWord(absl::string_view value) {
  const bool plain = std::all_of(value.begin(), value.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || absl::StrContains("_.:/,+-", c);
  });
  return plain ? std::string(value) : absl::StrCat("'", absl::StrReplaceAll(value, {{"'", "'\\''"}}), "'");
}

}  // namespace

void RefuseEmptyValue(CLI::Option* option) {
  option->check([](const std::string& value) {
    return value.empty() ? std::string("it is empty; leave it out, or name what is meant") : std::string();
  });
}

void RefuseEmptyValues(CLI::App& command) {
  for (CLI::Option* option :
       command.get_options([](const CLI::Option* each) { return each->get_items_expected_max() > 0; })) {
    RefuseEmptyValue(option);
  }
}

void AddFilterOptions(CLI::App& command, FilterArguments& arguments) {
  command.add_option("--state", arguments.states, "Only in these states; repeatable, or separated by commas")
      ->type_name("STATE")
      ->delimiter(',')
      ->allow_extra_args(false);
  command.add_option("--type", arguments.type, "Only of this type")->type_name("TYPE");
  command.add_option("--tag", arguments.tag, "Only with this tag")->type_name("TEXT");
  command.add_option("--parent", arguments.parent, "Only direct children of this task")->type_name("ID");
  command.add_option("--root", arguments.root, "Only this task and its descendants")->type_name("ID");
  command.add_option("--worker", arguments.worker, "Only those whose attempt runs, or ran last, on this worker")
      ->type_name("WORKER");
  command.add_option("--schedule", arguments.schedule, "Only those that this schedule created")->type_name("NAME");
  command.add_option("--created-since", arguments.created_since, "Only those created at this time or later")
      ->type_name("TIME|AGE");
  command.add_option("--created-before", arguments.created_before, "Only those created before this time")
      ->type_name("TIME|AGE");
  command.add_option("--ended-since", arguments.ended_since, "Only those that ended at this time or later")
      ->type_name("TIME|AGE");
  command.add_option("--ended-before", arguments.ended_before, "Only those that ended before this time")
      ->type_name("TIME|AGE");
  command
      .add_option("--error", arguments.error, "Only those whose error, or reason of cancelling, has this text in it")
      ->type_name("TEXT");
  command
      .add_option("--suspended-for", arguments.suspend_reason, "Only those that wait for a decision for this reason")
      ->type_name("TEXT");
  command.add_flag("--awaits-decision", arguments.awaits_decision, "Only those that wait for a decision");
  RefuseEmptyValues(command);
}

absl::StatusOr<v1::TaskFilter> BuildFilter(const FilterArguments& arguments, absl::Time now) {
  v1::TaskFilter filter;
  for (const std::string& text : arguments.states) {
    const absl::StatusOr<v1::TaskState> state = ParseState(text);
    if (!state.ok()) return state.status();
    filter.add_states(*state);
  }
  filter.set_type(arguments.type);
  filter.set_tag(arguments.tag);
  absl::StatusOr<uint64_t> parent = arguments.parent.empty() ? 0 : ParseTaskId(arguments.parent, "--parent");
  if (!parent.ok()) return parent.status();
  filter.set_parent_id(*parent);
  absl::StatusOr<uint64_t> root = arguments.root.empty() ? 0 : ParseTaskId(arguments.root, "--root");
  if (!root.ok()) return root.status();
  filter.set_root_id(*root);
  filter.set_awaits_decision(arguments.awaits_decision);
  filter.set_schedule(arguments.schedule);
  filter.set_worker_id(arguments.worker);
  filter.set_error(arguments.error);
  filter.set_suspend_reason(arguments.suspend_reason);
  const absl::Status status = SetTimes(arguments, now, &filter);
  if (!status.ok()) return status;
  return filter;
}

std::string FilterText(const v1::TaskFilter& filter) {
  std::string text;
  const auto add = [&text](absl::string_view option, absl::string_view value) {
    if (!value.empty()) absl::StrAppend(&text, text.empty() ? "" : " ", option, " ", ShellWord(value));
  };
  const auto id = [](uint64_t number) { return number == 0 ? "" : absl::StrCat(number); };
  const auto time = [](bool has, const google::protobuf::Timestamp& instant) {
    return has ? FormatUtc(ToTime(instant)) : "";
  };
  std::string states;
  for (const int state : filter.states()) {
    absl::StrAppend(&states, states.empty() ? "" : ",", EnumText(static_cast<v1::TaskState>(state)));
  }
  add("--type", filter.type());
  add("--tag", filter.tag());
  add("--parent", id(filter.parent_id()));
  add("--root", id(filter.root_id()));
  add("--worker", filter.worker_id());
  add("--schedule", filter.schedule());
  add("--created-since", time(filter.has_created_since(), filter.created_since()));
  add("--created-before", time(filter.has_created_before(), filter.created_before()));
  add("--ended-since", time(filter.has_ended_since(), filter.ended_since()));
  add("--ended-before", time(filter.has_ended_before(), filter.ended_before()));
  add("--error", filter.error());
  add("--suspended-for", filter.suspend_reason());
  if (filter.awaits_decision()) absl::StrAppend(&text, text.empty() ? "" : " ", "--awaits-decision");
  add("--state", states);
  return text;
}

}  // namespace baton::cli
