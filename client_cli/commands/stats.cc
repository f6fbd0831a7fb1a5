// baton stats
#include "absl/strings/str_cat.h"
#include "client_cli/command_table.h"
#include "client_cli/text/duration_text.h"
#include "client_cli/text/message_json.h"
#include "client_cli/text/proto_time.h"

namespace baton::cli {
namespace {

std::vector<Cell> Row(const std::string& name, const v1::StateCounts& counts) {
  uint64_t failed = counts.permanently_failed();
  return {name,
          std::to_string(counts.pending()),
          std::to_string(counts.running()),
          std::to_string(counts.suspended()),
          std::to_string(counts.completed()),
          {std::to_string(failed), failed > 0 ? Color::kRed : Color::kNone},
          std::to_string(counts.cancelled())};
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
              {"TYPE", "PENDING", "RUNNING", "SUSPENDED", "COMPLETED", "FAILED", "CANCELLED"}, session.style());
  table.AddRow(Row("(all)", response->counts()));
  for (const v1::TypeStatistics& type : response->types()) table.AddRow(Row(type.type(), type.counts()));
  table.Flush();
  return ExitCode::kOk;
}

}  // namespace

void AddStatsCommand(CommandTable& commands) {
  commands.Add("stats", "Counts tasks by state, in all and by type, and slots",
               "  baton stats\n"
               "  baton stats -o json | jq .counts.pending\n",
               RunStats);
}

}  // namespace baton::cli
