// baton stats
#include <map>
#include <memory>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "client_cli/command_table.h"
#include "client_cli/commands/filter_options.h"
#include "client_cli/text/duration_text.h"
#include "client_cli/text/enum_text.h"
#include "client_cli/text/message_json.h"
#include "client_cli/text/proto_time.h"
#include "client_cli/text/rate_text.h"

namespace baton::cli {
namespace {

// In a colour, if there is anything.
Cell RateCell(double per_second, Color color) { return {RateText(per_second), per_second > 0 ? color : Color::kNone}; }

// "12ms/1.3s".
std::string Quantiles(bool has, const google::protobuf::Duration& half, const google::protobuf::Duration& most) {
  if (!has) return "";
  return absl::StrCat(FormatRoughDuration(ToMicroseconds(half)), "/", FormatRoughDuration(ToMicroseconds(most)));
}

// NEW/S, DONE/S, FAILED/S, RETRIED/S, QUEUED, RAN.
std::vector<Cell> RateCells(const v1::Activity& activity) {
  return {RateText(activity.created_per_second()),
          RateText(activity.completed_per_second()),
          RateCell(activity.failed_per_second(), Color::kRed),
          RateCell(activity.retried_per_second(), Color::kYellow),
          Quantiles(activity.has_queued_p50(), activity.queued_p50(), activity.queued_p99()),
          Quantiles(activity.has_ran_p50(), activity.ran_p50(), activity.ran_p99())};
}

// `statistics`: of a type, or of all.
template <typename Statistics>
std::vector<Cell> Row(const std::string& name, const Statistics& statistics) {
  const v1::StateCounts& counts = statistics.counts();
  const uint64_t failed = counts.permanently_failed();
  std::vector<Cell> row = {name,
                           std::to_string(counts.pending()),
                           statistics.due() == 0 ? "" : FormatRoughDuration(ToMicroseconds(statistics.oldest_due())),
                           std::to_string(counts.running()),
                           std::to_string(counts.suspended()),
                           std::to_string(counts.completed()),
                           {std::to_string(failed), failed > 0 ? Color::kRed : Color::kNone},
                           std::to_string(counts.cancelled())};
  for (Cell& cell : RateCells(statistics.activity())) row.push_back(std::move(cell));
  return row;
}

void PrintSummary(Session& session, const v1::GetStatisticsResponse& statistics) {
  DetailList details(session.environment().out, session.style());
  details.Add("workers", absl::StrCat(statistics.workers()));
  details.Add("slots taken", absl::StrCat(statistics.slots_taken(), " of ", statistics.slots()));
  std::string due = absl::StrCat(statistics.due());
  if (statistics.due() > 0) {
    absl::StrAppend(&due, ", the oldest for ", FormatRoughDuration(ToMicroseconds(statistics.oldest_due())));
  }
  details.Add("due", due);
  std::string unservable = absl::StrCat(statistics.unservable());
  if (statistics.unservable() > 0) absl::StrAppend(&unservable, ", no live worker can run them");
  details.Add("unservable", {unservable, statistics.unservable() > 0 ? Color::kYellow : Color::kNone});
  details.Print();
}

struct StatsArguments {
  FilterArguments filter;
  bool by_tag = false;
  bool rates = false;
};

// By tag, type and state, in this order.
using CountsByGroup = std::map<std::tuple<std::string, std::string, v1::TaskState>, v1::TaskCount>;

void AddTo(const v1::TaskCount& count, v1::TaskCount* sum) {
  const uint64_t tasks = sum->tasks() + count.tasks();
  const bool waits_longer =
      count.has_oldest_due() && ToMicroseconds(count.oldest_due()) > ToMicroseconds(sum->oldest_due());
  if (sum->tasks() == 0 || waits_longer) *sum = count;
  sum->set_tasks(tasks);
}

// The counts of all pages together.
absl::StatusOr<CountsByGroup> CountAll(Session& session, v1::CountTasksRequest request) {
  CountsByGroup counts;
  do {
    const absl::StatusOr<v1::CountTasksResponse> page = session.broker().CountTasks(request, session.call_timeout());
    if (!page.ok()) return page.status();
    for (const v1::TaskCount& count : page->counts()) {
      AddTo(count, &counts[{count.tag(), count.type(), count.state()}]);
    }
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  return counts;
}

// Of tasks that match. They are counted one by one, so there are no rates.
ExitCode RunCounts(Session& session, const v1::CountTasksRequest& request) {
  const absl::StatusOr<CountsByGroup> counts = CountAll(session, request);
  if (!counts.ok()) return session.Fail(counts.status());
  std::vector<std::string> header = {"TYPE", "STATE", "TASKS", "OLDEST"};
  if (request.group_by_tag()) header.insert(header.begin(), "TAG");
  RecordWriter writer(session, header);
  for (const auto& [group, count] : *counts) {
    std::vector<Cell> row = {count.type(),
                             {EnumText(count.state()), StateColor(count.state())},
                             std::to_string(count.tasks()),
                             count.has_oldest_due() ? FormatRoughDuration(ToMicroseconds(count.oldest_due())) : ""};
    if (request.group_by_tag()) row.insert(row.begin(), count.tag());
    writer.Add(std::move(row), count);
  }
  return writer.Finish("no such tasks");
}

// Of the last minute, by tag and type.
ExitCode RunRates(Session& session, const v1::TaskFilter& filter) {
  v1::TaskFilter rest = filter;
  rest.clear_tag();
  rest.clear_type();
  if (rest.ByteSizeLong() > 0) {
    return session.Fail(absl::InvalidArgumentError(
        "--rates goes with --tag and --type alone: what happens is counted by tag and type; leave the other conditions "
        "out, or leave out --rates to count the tasks that match them"));
  }
  v1::GetStatisticsRequest request;
  request.set_by_tag(true);
  absl::StatusOr<v1::GetStatisticsResponse> response = session.broker().GetStatistics(request, session.call_timeout());
  if (!response.ok()) return session.Fail(response.status());
  RecordWriter writer(session, {"TAG", "TYPE", "NEW/S", "DONE/S", "FAILED/S", "RETRIED/S", "QUEUED", "RAN"});
  const auto add = [&](std::vector<Cell> row, const v1::TagStatistics& statistics) {
    for (Cell& cell : RateCells(statistics.activity())) row.push_back(std::move(cell));
    writer.Add(std::move(row), statistics);
  };
  for (const v1::TagStatistics& tag : response->tags()) {
    if (!filter.tag().empty() && filter.tag() != tag.tag()) continue;
    if (!filter.type().empty() && filter.type() != tag.type()) continue;
    add({tag.tag(), tag.type()}, tag);
  }
  if (response->has_other_tags() && filter.ByteSizeLong() == 0) {
    v1::TagStatistics others;
    *others.mutable_activity() = response->other_tags();
    add({"(others)", ""}, others);
  }
  return writer.Finish("nothing happened to such tasks");
}

ExitCode RunStatistics(Session& session) {
  absl::StatusOr<v1::GetStatisticsResponse> response = session.broker().GetStatistics({}, session.call_timeout());
  if (!response.ok()) return session.Fail(response.status());
  if (!session.is_table()) return session.Print(MessageJson(*response));
  PrintSummary(session, *response);
  session.environment().out << '\n';
  Table table(session.environment().out,
              {"TYPE", "PENDING", "OLDEST", "RUNNING", "SUSPENDED", "COMPLETED", "FAILED", "CANCELLED", "NEW/S",
               "DONE/S", "FAILED/S", "RETRIED/S", "QUEUED", "RAN"},
              session.style());
  table.AddRow(Row("(all)", *response));
  for (const v1::TypeStatistics& type : response->types()) table.AddRow(Row(type.type(), type));
  table.Flush();
  return ExitCode::kOk;
}

ExitCode RunStats(Session& session, const StatsArguments& arguments) {
  absl::StatusOr<v1::TaskFilter> filter = BuildFilter(arguments.filter, session.environment().now());
  if (!filter.ok()) return session.Fail(filter.status());
  if (arguments.rates) return RunRates(session, *filter);
  v1::CountTasksRequest request;
  request.set_group_by_tag(arguments.by_tag);
  const bool counts_all = filter->ByteSizeLong() == 0 && !arguments.by_tag;
  *request.mutable_filter() = *std::move(filter);
  return counts_all ? RunStatistics(session) : RunCounts(session, request);
}

}  // namespace

void AddStatsCommand(CommandTable& commands) {
  auto arguments = std::make_shared<StatsArguments>();
  CLI::App& command = commands.Add(
      "stats",
      "Counts tasks by state, in all and by type; rates and times (of half of the attempts/of 99 in 100) are those of "
      "the last minute. With conditions or --by-tag: counts the tasks that match, by type and state, and tells how "
      "long the oldest has been due. With --rates: rates and times by tag and type",
      "  baton stats\n"
      "  baton stats --tag nightly\n"
      "  baton stats --by-tag --type resize --state pending,running\n"
      "  baton stats --by-tag --state permanently-failed --ended-since 1h\n"
      "  baton stats --rates --tag nightly\n"
      "  baton stats -o json | jq .counts.pending\n",
      [arguments](Session& session) { return RunStats(session, *arguments); });
  AddFilterOptions(command, arguments->filter);
  command.add_flag("--by-tag", arguments->by_tag, "Counts each tag apart, and tasks without one by themselves");
  command.add_flag(
      "--rates", arguments->rates,
      "Instead of counts, what happened over the last minute to tasks with a tag, by tag and type; with --tag "
      "and --type only to those");
}

}  // namespace baton::cli
