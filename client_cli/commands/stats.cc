// baton stats
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client_cli/command_table.h"
#include "client_cli/text/duration_text.h"
#include "client_cli/text/message_json.h"
#include "client_cli/text/proto_time.h"

namespace baton::cli {
namespace {

// "12.3"; empty for nothing at all.
std::string Rate(double per_second) { return per_second == 0 ? "" : absl::StrFormat("%.3g", per_second); }

// "12ms/1.3s".
std::string Quantiles(bool has, const google::protobuf::Duration& half, const google::protobuf::Duration& most) {
  if (!has) return "";
  return absl::StrCat(FormatRoughDuration(ToMicroseconds(half)), "/", FormatRoughDuration(ToMicroseconds(most)));
}

// `statistics`: of a type, or of all.
template <typename Statistics>
std::vector<Cell> Row(const std::string& name, const Statistics& statistics) {
  const v1::StateCounts& counts = statistics.counts();
  const v1::Activity& activity = statistics.activity();
  const uint64_t failed = counts.permanently_failed();
  return {name,
          std::to_string(counts.pending()),
          statistics.due() == 0 ? "" : FormatRoughDuration(ToMicroseconds(statistics.oldest_due())),
          std::to_string(counts.running()),
          std::to_string(counts.suspended()),
          std::to_string(counts.completed()),
          {std::to_string(failed), failed > 0 ? Color::kRed : Color::kNone},
          std::to_string(counts.cancelled()),
          Rate(activity.created_per_second()),
          Rate(activity.completed_per_second()),
          {Rate(activity.failed_per_second()), Color::kRed},
          {Rate(activity.retried_per_second()), Color::kYellow},
          Quantiles(activity.has_queued_p50(), activity.queued_p50(), activity.queued_p99()),
          Quantiles(activity.has_ran_p50(), activity.ran_p50(), activity.ran_p99())};
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

ExitCode RunStats(Session& session) {
  absl::StatusOr<v1::GetStatisticsResponse> response = session.broker().GetStatistics(session.call_timeout());
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

}  // namespace

void AddStatsCommand(CommandTable& commands) {
  commands.Add("stats",
               "Counts tasks by state, in all and by type; rates and times (of half of the attempts/of 99 in 100) are "
               "those of the last minute",
               "  baton stats\n"
               "  baton stats -o json | jq .counts.pending\n",
               RunStats);
}

}  // namespace baton::cli
