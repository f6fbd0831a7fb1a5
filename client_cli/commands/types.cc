// baton types
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client_cli/command_table.h"
#include "client_cli/text/options_text.h"

namespace baton::cli {
namespace {

std::string Number(uint64_t number) { return std::to_string(number); }

std::string Definition(const v1::TypeInfo& info) {
  if (!info.has_options()) return "(no worker ever registered it)";
  std::string text = OptionsText(info.options());
  if (info.options().has_priority())
    absl::StrAppend(&text, text.empty() ? "" : ", ", "priority ", info.options().priority());
  if (info.options().required_capabilities().names_size() > 0) {
    absl::StrAppend(&text, text.empty() ? "" : ", ", "requires ",
                    absl::StrJoin(info.options().required_capabilities().names(), "+"));
  }
  if (!info.description().empty()) absl::StrAppend(&text, text.empty() ? "" : "; ", info.description());
  return text;
}

std::vector<Cell> Row(const v1::TypeInfo& info) {
  const v1::StateCounts& counts = info.counts();
  return {info.type(),
          std::to_string(info.workers()),
          Number(counts.pending()),
          {Number(info.unservable()), info.unservable() > 0 ? Color::kYellow : Color::kNone},
          Number(counts.running()),
          Number(counts.suspended()),
          Number(counts.completed()),
          {Number(counts.permanently_failed()), counts.permanently_failed() > 0 ? Color::kRed : Color::kNone},
          Number(counts.cancelled()),
          Definition(info)};
}

ExitCode RunTypes(Session& session) {
  absl::StatusOr<v1::ListTypesResponse> response = session.broker().ListTypes(session.call_timeout());
  if (!response.ok()) return session.Fail(response.status());
  RecordWriter writer(session, {"TYPE", "WORKERS", "PENDING", "UNSERVABLE", "RUNNING", "SUSPENDED", "COMPLETED",
                                "FAILED", "CANCELLED", "DEFINITION"});
  for (const v1::TypeInfo& info : response->types()) writer.Add(Row(info), info);
  return writer.Finish("no types yet: none was registered or submitted");
}

}  // namespace

void AddTypesCommand(CommandTable& commands) {
  commands.Add("types", "Lists task types: workers, counts by state, registered options",
               "  baton types\n"
               "  baton types -o jsonl | jq 'select(.unservable > 0)'\n",
               RunTypes);
}

}  // namespace baton::cli
