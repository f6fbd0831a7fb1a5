#include "client_cli/commands/submit_options.h"

#include "client_cli/commands/filter_options.h"

namespace baton::cli {
namespace {

enum class Tasks { kOne, kMany };

void AddPayloadOptions(CLI::App& command, SubmitArguments& arguments, Tasks tasks) {
  auto* group = command.add_option_group("Payload", "None: the payload is empty");
  group->add_option("--json", arguments.json, "JSON: the text itself, @FILE, or - for standard input")
      ->type_name("TEXT|@FILE|-");
  group->add_option("--data", arguments.data, "Bytes: the text itself, @FILE, or - for standard input")
      ->type_name("TEXT|@FILE|-");
  command.add_option("--content-type", arguments.content_type, "What the payload is, for its readers")
      ->type_name("TYPE");
  if (tasks == Tasks::kMany) {
    group->add_option("--jsonl", arguments.json_lines, "Many tasks: each line of the file is the JSON payload of one")
        ->type_name("FILE|-");
    command.add_option("--count", arguments.count, "Submit the same task so many times")->type_name("N");
  }
  group->require_option(0, 1);
}

void AddTaskOptions(CLI::App& command, SubmitArguments& arguments, Tasks tasks) {
  // Numbers that are empty would be taken for none.
  RefuseEmptyValue(
      command.add_option("--priority", arguments.priority, "Larger runs first, -20 to 20 (default 0)")->type_name("N"));
  const std::string timeout = "Longest time one attempt may take (default 60s)";
  command
      .add_option("--timeout", arguments.timeout,
                  tasks == Tasks::kMany ? timeout + "; how long to wait for the end is --wait-timeout" : timeout)
      ->type_name("DURATION");
  RefuseEmptyValue(
      command.add_option("--max-retries", arguments.max_retries, "Attempts in all, the first included (default 3)")
          ->type_name("N"));
  command.add_option("--retry-interval", arguments.retry_interval, "Wait before a retry (default 0)")
      ->type_name("DURATION");
  command.add_option("--retry-backoff", arguments.retry_backoff, "fixed or exponential (default fixed)")
      ->type_name("KIND");
  command.add_option("--retry-cap", arguments.retry_cap, "Longest exponential wait (default 1h)")
      ->type_name("DURATION");
  RefuseEmptyValue(
      command.add_option("--retry-jitter", arguments.retry_jitter, "Share of the wait drawn at random, 0 to 1")
          ->type_name("SHARE"));
  command
      .add_option("--progress-timeout", arguments.progress_timeout,
                  "Longest time an attempt may go without reporting progress (default no limit)")
      ->type_name("DURATION");
  command
      .add_option("--start-timeout", arguments.start_timeout,
                  "Fail for good if no worker has begun after this time (default no limit)")
      ->type_name("DURATION");
  command
      .add_option("--total-timeout", arguments.total_timeout,
                  "Fail for good if it has not ended after this time, children included (default no limit)")
      ->type_name("DURATION");
  auto* require = command
                      .add_option("--require", arguments.required_capabilities,
                                  "Capability that the worker must have; repeatable. Replaces the handler's own")
                      ->type_name("NAME")
                      ->allow_extra_args(false);
  command.add_flag("--require-none", arguments.require_none, "Any worker will do, whatever the handler requires")
      ->excludes(require);
  command.add_option("--tag", arguments.tag, "A label to list by")->type_name("TEXT");
}

void AddSubmissionOptions(CLI::App& command, SubmitArguments& arguments) {
  auto* delay =
      command.add_option("--delay", arguments.delay, "Start this long from now at the earliest")->type_name("DURATION");
  command.add_option("--at", arguments.run_at, "Start then at the earliest, for example 2026-11-23T17:00:00Z")
      ->type_name("TIME")
      ->excludes(delay);
  auto* trace = command
                    .add_option("--trace-parent", arguments.trace_parent,
                                "Header traceparent of W3C Trace Context, for the handler and for its children")
                    ->type_name("TEXT");
  command.add_option("--trace-state", arguments.trace_state, "Header tracestate that goes with it")
      ->type_name("TEXT")
      ->needs(trace);
  auto* key = command
                  .add_option("--unique-key", arguments.unique_key,
                              "At most one task of this type with this key that has not ended")
                  ->type_name("KEY");
  RefuseEmptyValue(key);
  command
      .add_option("--unique-policy", arguments.unique_policy,
                  "If there is one: return-existing (default), reject, replace-pending")
      ->type_name("POLICY")
      ->needs(key);
  RefuseEmptyValue(command
                       .add_option("--request-id", arguments.request_id,
                                   "Makes it safe to repeat the command: within 24h the same id creates nothing new")
                       ->type_name("ID"));
}

void AddAnswerOptions(CLI::App& command, SubmitArguments& arguments) {
  auto* wait = command.add_flag("--wait", arguments.wait, "Wait for the end, print the result");
  command.add_option("--wait-timeout", arguments.wait_timeout, "Give up waiting after this time; the task goes on")
      ->type_name("DURATION")
      ->needs(wait);
  command.add_flag("-q,--quiet", arguments.quiet, "Print nothing but the ids")->excludes(wait);
}

void AddType(CLI::App& command, SubmitArguments& arguments) {
  command.add_option("type", arguments.type, "Type of the task, which selects its handler")
      ->required()
      ->type_name("TYPE");
}

}  // namespace

void AddScheduledTaskOptions(CLI::App& command, SubmitArguments& arguments) {
  AddType(command, arguments);
  AddPayloadOptions(command, arguments, Tasks::kOne);
  AddTaskOptions(command, arguments, Tasks::kOne);
}

void AddSubmitOptions(CLI::App& command, SubmitArguments& arguments) {
  AddType(command, arguments);
  AddPayloadOptions(command, arguments, Tasks::kMany);
  AddTaskOptions(command, arguments, Tasks::kMany);
  AddSubmissionOptions(command, arguments);
  AddAnswerOptions(command, arguments);
}

}  // namespace baton::cli
