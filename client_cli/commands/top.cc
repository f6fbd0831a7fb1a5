// baton top
#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "client_cli/command_table.h"
#include "client_cli/text/duration_text.h"
#include "client_cli/text/message_json.h"
#include "client_cli/top/ask.h"
#include "client_cli/top/screen.h"
#include "client_cli/top/terminal.h"

namespace baton::cli {
namespace {

constexpr absl::Duration kShortestInterval = absl::Milliseconds(200);
constexpr absl::Duration kLongestInterval = absl::Minutes(1);
// The clock and the notices of the screen go on between the rounds.
constexpr absl::Duration kDrawInterval = absl::Seconds(1);
// No key is looked at while the broker is asked, so it may not take long where nothing else is said.
constexpr absl::Duration kScreenTimeout = absl::Seconds(2);
constexpr char kReason[] = "baton top";

struct TopArguments {
  std::string interval = "1s";
  std::string count;
};

struct TopOptions {
  absl::Duration interval;
  // Rounds; 0: no end.
  uint64_t count = 0;
};

// Whether the broker may come back.
bool MayPass(const absl::Status& status) { return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status); }

// The screen, until somebody leaves it.
class LiveView {
 public:
  LiveView(Session& session, const TopOptions& options, top::Terminal& terminal)
      : session_(session), options_(options), terminal_(terminal), model_(session.address()) {}

  absl::Status Run() {
    absl::Time next = Now();
    absl::Status drawn = Draw();
    for (uint64_t rounds = 0; drawn.ok();) {
      // A clock that was set back must not stop the view.
      if (Now() >= next || next - Now() > options_.interval) {
        model_.Take(top::Ask(session_.broker(), model_.query(), &failures_, timeout()), Now());
        next = Now() + options_.interval;
        ++rounds;
        drawn = Draw();
        if (options_.count != 0 && rounds == options_.count) return model_.error();
      }
      const top::Input input = terminal_.Wait(std::min(next - Now(), kDrawInterval));
      if (input.leave) break;
      for (const top::Key key : input.keys) {
        const top::Effect effect = model_.Press(key, Now());
        if (effect.quit) return absl::OkStatus();
        if (effect.pause.has_value()) Change(*effect.pause);
        if (effect.ask) next = Now();
      }
      drawn = Draw();
    }
    return drawn;
  }

 private:
  absl::Time Now() const { return session_.environment().now(); }
  absl::Duration timeout() const { return session_.options().timeout.value_or(kScreenTimeout); }

  absl::Status Draw() {
    const top::ScreenStyle style = {
        .size = terminal_.size(), .color = session_.style().color, .time_zone = session_.environment().time_zone};
    return terminal_.Draw(top::RenderScreen(model_, style, Now()));
  }

  void Change(const top::PauseOrder& order) {
    const absl::Status status = order.pause ? Pause(order.type) : Unpause(order.type);
    model_.Note(status.ok() ? absl::StrCat(order.pause ? "paused " : "unpaused ", order.type)
                            : top::ShortError(status, session_.address()),
                Now());
  }

  absl::Status Pause(const std::string& type) {
    v1::PauseTypeRequest request;
    request.set_type(type);
    request.set_reason(kReason);
    return session_.broker().PauseType(request, timeout());
  }

  absl::Status Unpause(const std::string& type) {
    v1::UnpauseTypeRequest request;
    request.set_type(type);
    return session_.broker().UnpauseType(request, timeout());
  }

  Session& session_;
  const TopOptions& options_;
  top::Terminal& terminal_;
  top::Model model_;
  top::LatestFailures failures_;
};

ExitCode RunOnTerminal(Session& session, const TopOptions& options) {
  absl::Status ended;
  {
    absl::StatusOr<std::unique_ptr<top::Terminal>> terminal = session.environment().open_terminal();
    if (!terminal.ok()) return session.Fail(terminal.status());
    ended = LiveView(session, options, **terminal).Run();
  }
  return ended.ok() ? ExitCode::kOk : session.Fail(ended);
}

// The statistics as JSON, one after the other.
ExitCode RunForPrograms(Session& session, const TopOptions& options) {
  const Environment& environment = session.environment();
  RecordWriter writer(session, {});
  for (uint64_t rounds = 0; options.count == 0 || rounds < options.count;) {
    if (rounds > 0) environment.sleep(options.interval);
    const absl::StatusOr<v1::GetStatisticsResponse> response =
        session.broker().GetStatistics({}, session.call_timeout());
    if (response.ok()) {
      ++rounds;
      writer.Add({}, *response);
      writer.Flush();
    } else {
      const ExitCode code = session.Fail(response.status());
      // One that was there may come back.
      if (rounds == 0 || !MayPass(response.status())) return code;
    }
    if (!environment.out) break;
  }
  return writer.Finish("");
}

absl::StatusOr<TopOptions> ReadOptions(const TopArguments& arguments) {
  TopOptions options;
  const absl::StatusOr<int64_t> interval = ParseDuration("--interval", arguments.interval);
  if (!interval.ok()) return interval.status();
  options.interval = absl::Microseconds(*interval);
  if (options.interval < kShortestInterval || options.interval > kLongestInterval) {
    return absl::InvalidArgumentError(absl::StrCat("--interval: ", arguments.interval, " is not between 200ms and 1m"));
  }
  if (arguments.count.empty()) return options;
  const absl::StatusOr<uint64_t> count = ParseCount("--count", arguments.count, 1);
  if (!count.ok()) return count.status();
  options.count = *count;
  return options;
}

ExitCode RunTop(Session& session, const TopArguments& arguments) {
  const absl::StatusOr<TopOptions> options = ReadOptions(arguments);
  if (!options.ok()) return session.Fail(options.status());
  if (session.options().format == OutputFormat::kJson && options->count == 0) {
    return session.Fail(absl::InvalidArgumentError(
        "-o json is one document, which has to end: give --count N, or use -o jsonl for one object a line"));
  }
  if (!session.is_table()) return RunForPrograms(session, *options);
  if (!session.environment().open_terminal) {
    return session.Fail(absl::InvalidArgumentError(
        "top draws on a terminal, and standard input and output are not both one: use `baton stats` to look once, or "
        "`baton top -o jsonl` for an object every interval"));
  }
  return RunOnTerminal(session, *options);
}

}  // namespace

void AddTopCommand(CommandTable& commands) {
  auto arguments = std::make_shared<TopArguments>();
  CLI::App& command =
      commands.Add("top", "Shows live what the broker does: types, workers, failures. On a terminal; ? tells its keys",
                   "  baton top\n"
                   "  baton top --interval 5s\n"
                   "  baton top -o jsonl --count 60 | jq .activity\n",
                   [arguments](Session& session) { return RunTop(session, *arguments); });
  command.add_option("--interval", arguments->interval, "Time between two looks, 200ms ... 1m (default 1s)")
      ->type_name("DURATION");
  command.add_option("--count", arguments->count, "End after so many looks (default: when told to)")->type_name("N");
}

}  // namespace baton::cli
