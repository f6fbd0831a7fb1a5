// baton watch
#include <algorithm>
#include <map>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "client_cli/command_table.h"
#include "client_cli/commands/filter_options.h"
#include "client_cli/commands/result_output.h"
#include "client_cli/commands/task_note.h"
#include "client_cli/progress_display.h"
#include "client_cli/status_details.h"
#include "client_cli/text/enum_text.h"
#include "client_cli/text/json_text.h"
#include "client_cli/waiting.h"

namespace baton::cli {
namespace {

// How long a broker that was there before may be unreachable.
constexpr absl::Duration kOutage = absl::Seconds(30);
constexpr absl::Duration kRetryDelay = absl::Milliseconds(500);
// Of so many tasks that have not ended it is known how they were shown last.
constexpr size_t kRemembered = 100'000;
// How often it is asked at most which of those that a filter chooses run, and how many of them are told of.
constexpr absl::Duration kRunningPause = absl::Seconds(1);
constexpr int32_t kRunningListed = 100;

struct WatchArguments {
  std::string id;
  bool workflow = false;
  bool initial = false;
  // Set: to be told where to go on, too.
  std::optional<std::string> resume_token;
  FilterArguments filter;
};

// What is followed, and until when.
struct Target {
  v1::WatchRequest request;
  // The watch is over when this task has ended; 0: never.
  uint64_t task = 0;
  // And when all others that were told have ended.
  bool with_others = false;
  // Programs are told the token of each response, too.
  bool tells_tokens = false;
};

// Prints what changes, stream after stream.
class Watcher {
 public:
  Watcher(Session& session, Target target)
      : session_(session),
        target_(std::move(target)),
        deadline_(WaitDeadline(session, session.options().timeout)),
        display_(session.environment()),
        writer_(session, {"TIME", "ID", "TYPE", "STATE", "ATTEMPT", "WORKER", "NOTE"}) {}

  ExitCode Run() {
    while (true) {
      is_foreign_ = false;
      absl::Status status =
          session_.broker().Watch(target_.request, std::max(deadline_ - Now(), absl::Milliseconds(1)),
                                  [this](const v1::WatchResponse& response) { return Take(response); });
      // That is as if its broker were gone.
      if (is_foreign_ || (created_at_us_ != 0 && ReasonOf(status) == "TASK_NOT_FOUND")) {
        status = absl::UnavailableError(absl::StrCat("the broker that answers now has another store, without the task ",
                                                     target_.task, " that is watched"));
      }
      if (!status.ok() && MayGoOn(status)) continue;
      display_.Clear();
      writer_.Finish(reached_ ? "nothing has changed" : "");
      if (status.ok()) return ReportIfNotCompleted(session_, ended_);
      return session_.Fail(reached_ && absl::IsDeadlineExceeded(status) ? TimedOut() : status);
    }
  }

 private:
  absl::Time Now() const { return session_.environment().now(); }

  // False when all that is followed has ended, or another broker tells of another task of that number.
  bool Take(const v1::WatchResponse& response) {
    for (const v1::Task& task : response.tasks()) {
      if (task.id() != target_.task) continue;
      is_foreign_ = created_at_us_ != 0 && task.created_at_us() != created_at_us_;
      if (is_foreign_) return false;
      created_at_us_ = task.created_at_us();
    }
    reached_ = true;
    unreachable_since_ = absl::InfiniteFuture();
    target_.request.set_resume_token(response.resume_token());
    if (!response.tasks().empty()) display_.Clear();
    for (const v1::Task& task : response.tasks()) TakeTask(task);
    if (target_.tells_tokens && !session_.is_table()) {
      writer_.Add({}, Json{{"resume_token", response.resume_token()}});
    }
    writer_.Flush();
    if (ended_.id() != 0 && (!target_.with_others || (live_.empty() && response.caught_up()))) return false;
    if (!response.tasks().empty() || target_.task == 0) ShowRunning();
    return true;
  }

  void TakeTask(const v1::Task& task) {
    Print(task);
    const bool ended = IsTerminal(task.state());
    if (ended && task.id() == target_.task) ended_ = task;
    if (HasBar(task)) {
      running_[task.id()] = task;
    } else {
      running_.erase(task.id());
    }
    if (ended) live_.erase(task.id());
    // Those that match no more are never told to have ended.
    if (target_.task == 0 && live_.size() > kRemembered) live_.clear();
    if (target_.task == 0 && running_.size() > kRemembered) running_.clear();
  }

  bool HasBar(const v1::Task& task) const { return task.state() == v1::TASK_STATE_RUNNING && display_.is_bar(); }

  // Unless it looks as it did before.
  void Print(const v1::Task& task) {
    // What a bar shows needs no line for each step.
    const std::string note = HasBar(task) ? "" : TaskNote(task);
    std::vector<Cell> row = {absl::FormatTime("%H:%M:%S", Now(), session_.environment().time_zone),
                             std::to_string(task.id()),
                             task.type(),
                             {EnumText(task.state()), StateColor(task.state())},
                             std::to_string(task.attempt()),
                             task.worker_id(),
                             note};
    std::string look = absl::StrCat(task.state(), " ", task.attempt(), " ", task.stage(), " ", note);
    std::string& last = live_[task.id()];
    if (session_.is_table() && last == look) return;
    last = std::move(look);
    writer_.Add(std::move(row), task);
  }

  void ShowRunning() {
    if (target_.task == 0 && display_.is_bar()) FindRunning();
    std::vector<const v1::Task*> tasks;
    for (const auto& [id, task] : running_) tasks.push_back(&task);
    display_.ShowTasks(tasks, all_found_);
  }

  // A task that a filter chooses no more is not told to have ended, and its bar would stay for ever; and some may have
  // run before anything was told. So what runs now is asked for.
  void FindRunning() {
    v1::ListTasksRequest request;
    *request.mutable_filter() = target_.request.filter();
    const auto& states = request.filter().states();
    const bool may_run =
        states.empty() || std::find(states.begin(), states.end(), v1::TASK_STATE_RUNNING) != states.end();
    if (!may_run || Now() < next_find_) return;
    next_find_ = Now() + kRunningPause;
    request.mutable_filter()->clear_states();
    request.mutable_filter()->add_states(v1::TASK_STATE_RUNNING);
    request.set_page_size(kRunningListed);
    const absl::Duration left = std::max(deadline_ - Now(), absl::Milliseconds(1));
    const absl::StatusOr<v1::ListTasksResponse> page =
        session_.broker().ListTasks(request, std::min(session_.call_timeout(), left));
    // Those that were told have to do.
    if (!page.ok()) return;
    running_.clear();
    for (const v1::Task& task : page->tasks()) {
      if (HasBar(task)) running_[task.id()] = task;
    }
    all_found_ = page->next_page_token().empty();
  }

  // Whether another stream may tell the rest; pauses before it is opened if the broker is gone.
  bool MayGoOn(const absl::Status& status) {
    if (!reached_ || Now() >= deadline_) return false;
    if (ReasonOf(status) == "WATCH_EXPIRED" && !target_.request.resume_token().empty()) {
      Remark("changes may have been missed: the broker does not know any more what came first; watching on from now");
      target_.request.clear_resume_token();
      return true;
    }
    if (!absl::IsUnavailable(status)) return false;
    if (unreachable_since_ == absl::InfiniteFuture()) Remark("the broker does not answer, trying again");
    unreachable_since_ = std::min(unreachable_since_, Now());
    if (Now() - unreachable_since_ >= kOutage) return false;
    session_.environment().sleep(kRetryDelay);
    session_.Reconnect();
    return true;
  }

  void Remark(absl::string_view text) {
    display_.Clear();
    session_.environment().err << "baton: " << text << std::endl;
  }

  absl::Status TimedOut() const {
    return MakeStatus(absl::StatusCode::kDeadlineExceeded, "the time given is over; what was watched goes on",
                      kWaitTimedOut);
  }

  Session& session_;
  Target target_;
  const absl::Time deadline_;
  ProgressDisplay display_;
  RecordWriter writer_;
  bool reached_ = false;
  // Of the task that is followed, which tells it from one of another store; 0: not seen yet.
  int64_t created_at_us_ = 0;
  // Of several addresses another one answers now, whose store has other tasks of the same numbers.
  bool is_foreign_ = false;
  absl::Time unreachable_since_ = absl::InfiniteFuture();
  // How those that have not ended were shown last.
  std::map<uint64_t, std::string> live_;
  // Those that have a bar, and whether there are no others.
  std::map<uint64_t, v1::Task> running_;
  bool all_found_ = true;
  absl::Time next_find_ = absl::InfinitePast();
  v1::Task ended_;
};

absl::StatusOr<Target> FollowTask(Session& session, uint64_t id, bool workflow) {
  Target target;
  target.task = id;
  target.with_others = workflow;
  target.request.set_initial(true);
  if (!workflow) {
    target.request.set_task_id(id);
    return target;
  }
  v1::GetRequest request;
  request.set_task_id(id);
  const absl::StatusOr<v1::GetResponse> response = session.broker().Get(request, session.call_timeout());
  if (!response.ok()) return response.status();
  target.task = response->task().root_id();
  target.request.mutable_filter()->set_root_id(target.task);
  return target;
}

absl::StatusOr<Target> TargetOf(Session& session, const WatchArguments& arguments) {
  absl::StatusOr<v1::TaskFilter> filter = BuildFilter(arguments.filter, session.environment().now());
  if (!filter.ok()) return filter.status();
  if (!arguments.id.empty()) {
    if (filter->ByteSizeLong() > 0) {
      return absl::InvalidArgumentError("a task id and options that choose tasks exclude each other: leave one out");
    }
    if (arguments.resume_token.has_value()) {
      return absl::InvalidArgumentError(
          "--resume-token: a task with an id is told as it is, and then what changes: leave the token out");
    }
    const absl::StatusOr<uint64_t> id = ParseTaskId(arguments.id);
    if (!id.ok()) return id.status();
    return FollowTask(session, *id, arguments.workflow);
  }
  if (arguments.workflow) return absl::InvalidArgumentError("--workflow: which one? Give the id of one of its tasks");
  Target target;
  *target.request.mutable_filter() = *std::move(filter);
  target.request.set_initial(arguments.initial);
  target.request.set_resume_token(arguments.resume_token.value_or(""));
  target.tells_tokens = arguments.resume_token.has_value();
  return target;
}

ExitCode RunWatch(Session& session, const WatchArguments& arguments) {
  absl::StatusOr<Target> target = TargetOf(session, arguments);
  if (!target.ok()) return session.Fail(target.status());
  return Watcher(session, *std::move(target)).Run();
}

}  // namespace

void AddWatchCommand(CommandTable& commands) {
  auto arguments = std::make_shared<WatchArguments>();
  CLI::App& command = commands.Add(
      "watch", "Tells what happens to tasks, as it happens",
      "  baton watch 42\n"
      "  baton watch 42 --workflow\n"
      "  baton watch --type resize --state permanently_failed -o jsonl\n"
      "  baton watch --type resize -o jsonl --resume-token \"$(cat token)\"\n"
      "With an id until the task, or its whole workflow, has ended; the exit code is that of `baton wait`. Otherwise\n"
      "until it is interrupted. On a terminal bars show how far those are that run, ten at most. A restart of the\n"
      "broker in between loses nothing. What lasts for moments only may be left out: `baton events` has the whole\n"
      "history. With --resume-token neither does a restart of the watch itself: a line {\"resume_token\": ...} after\n"
      "what was told, and every now and then, has the token for the next time; an empty one is for the first time. "
      "The\n"
      "broker takes those that are no older than its setting engine.watch_window.\n",
      [arguments](Session& session) { return RunWatch(session, *arguments); });
  command.add_option("id", arguments->id, "Task; without it, all that the options choose")->type_name("ID");
  command.add_flag("--workflow", arguments->workflow, "The whole workflow that the task belongs to");
  command.add_flag("--initial", arguments->initial, "First list those there are, newest first");
  AddFilterOptions(command, arguments->filter);
  // Behind the others, because it may be empty.
  command
      .add_option_function<std::string>(
          "--resume-token", [arguments](const std::string& token) { arguments->resume_token = token; },
          "Go on after this token, which a watch of the same tasks has told; and tell tokens, with -o jsonl")
      ->type_name("TOKEN");
}

}  // namespace baton::cli
