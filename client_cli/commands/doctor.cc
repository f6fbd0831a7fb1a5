// baton doctor
#include <algorithm>
#include <memory>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client_cli/command_table.h"
#include "client_cli/commands/filter_options.h"
#include "client_cli/doctor/examine.h"
#include "client_cli/doctor/rules.h"
#include "client_cli/doctor/thresholds.h"

namespace baton::cli {
namespace {

using doctor::Finding;
using doctor::NotChecked;
using doctor::Severity;

struct DoctorArguments {
  std::string data_dir;
  bool json = false;
};

const char* SeverityText(Severity severity) { return severity == Severity::kError ? "error" : "warning"; }

Json FindingJson(const Finding& finding) {
  return {{"rule", finding.rule},
          {"severity", SeverityText(finding.severity)},
          {"subject", finding.subject},
          {"what", finding.what},
          {"remedy", finding.remedy}};
}

// "3 errors, 1 warning"; of many, "14995 errors of 2 kinds".
std::string Tally(const std::vector<Finding>& findings) {
  std::vector<std::string> parts;
  for (const Severity severity : {Severity::kError, Severity::kWarning}) {
    const auto count = std::count_if(findings.begin(), findings.end(),
                                     [severity](const Finding& finding) { return finding.severity == severity; });
    if (count == 0) continue;
    parts.push_back(absl::StrCat(count, " ", SeverityText(severity), count == 1 ? "" : "s"));
    if (count <= static_cast<ptrdiff_t>(doctor::kShownOfAKind)) continue;
    std::set<std::string> kinds;
    for (const Finding& finding : findings) {
      if (finding.severity == severity) kinds.insert(finding.rule);
    }
    absl::StrAppend(&parts.back(), " of ", kinds.size(), kinds.size() == 1 ? " kind" : " kinds");
  }
  return absl::StrJoin(parts, ", ");
}

void PrintFinding(Session& session, const Finding& finding) {
  std::ostream& out = session.environment().out;
  const bool is_error = finding.severity == Severity::kError;
  const std::string word = is_error ? "error    " : "warning  ";
  out << (session.style().color ? Paint(word, is_error ? Color::kRed : Color::kYellow) : word)
      << Printable(finding.what) << '\n'
      << "      -> " << Printable(finding.remedy) << '\n';
}

// "         and 14995 more types: `baton types --unservable`".
std::string OthersLine(const std::string& name, size_t others) {
  const std::vector<doctor::Rule>& rules = doctor::AllRules();
  const auto rule = std::find_if(rules.begin(), rules.end(), [&](const auto& one) { return one.name == name; });
  const bool is_listed = rule != rules.end() && rule->list != nullptr;
  return absl::StrCat("         and ", others, " more ", is_listed ? rule->subjects : "of this kind",
                      is_listed ? absl::StrCat(": `", rule->list, "`") : ": -o json has all of them");
}

// Those of a kind stand together. Of many a few are shown, and how many others there are.
void PrintFindings(Session& session, const std::vector<Finding>& findings) {
  for (auto first = findings.begin(); first != findings.end();) {
    const auto end = std::find_if(first, findings.end(), [first](const Finding& finding) {
      return finding.rule != first->rule || finding.severity != first->severity;
    });
    const auto count = static_cast<size_t>(end - first);
    // The line about the others would take the place of a single one.
    const size_t shown = count <= doctor::kShownOfAKind + 1 ? count : doctor::kShownOfAKind;
    for (size_t i = 0; i < shown; ++i) PrintFinding(session, first[static_cast<ptrdiff_t>(i)]);
    if (shown < count) session.environment().out << OthersLine(first->rule, count - shown) << '\n';
    first = end;
  }
}

void PrintForPeople(Session& session, const std::string& subject, const doctor::Report& report) {
  std::ostream& out = session.environment().out;
  PrintFindings(session, report.findings);
  for (const NotChecked& missing : report.not_checked) {
    out << "not checked: " << Printable(missing.what) << " (" << Printable(missing.why) << ")\n";
  }
  out << Printable(subject) << ": " << (report.findings.empty() ? "nothing is wrong" : Tally(report.findings)) << '\n';
}

void Print(Session& session, OutputFormat format, const std::string& subject, const doctor::Report& report) {
  std::ostream& out = session.environment().out;
  Json findings = Json::array();
  for (const Finding& finding : report.findings) findings.push_back(FindingJson(finding));
  Json missing = Json::array();
  for (const NotChecked& part : report.not_checked) missing.push_back({{"what", part.what}, {"why", part.why}});
  switch (format) {
    case OutputFormat::kTable:
      return PrintForPeople(session, subject, report);
    case OutputFormat::kJson:
      out << PrettyJson({{"subject", subject}, {"findings", findings}, {"not_checked", missing}}) << '\n';
      return;
    case OutputFormat::kJsonLines:
      for (const Json& finding : findings) out << CompactJson(finding) << '\n';
      return;
  }
}

ExitCode RunDoctor(Session& session, const DoctorArguments& arguments) {
  const OutputFormat format = arguments.json ? OutputFormat::kJson : session.options().format;
  doctor::Report report;
  if (!arguments.data_dir.empty()) {
    absl::StatusOr<std::vector<Finding>> findings = doctor::ExamineStore(session.environment(), arguments.data_dir);
    if (!findings.ok()) return session.Fail(findings.status());
    report.findings = *std::move(findings);
    Print(session, format, absl::StrCat("store ", arguments.data_dir), report);
    return report.findings.empty() ? ExitCode::kOk : ExitCode::kFinding;
  }
  const std::string subject = absl::StrCat("broker at ", session.address());
  const absl::StatusOr<doctor::Facts> facts = doctor::Examine(session, &report.not_checked);
  if (!facts.ok()) {
    report.findings.push_back(doctor::DescribeUnreachable(facts.status(), session.address()));
    Print(session, format, subject, report);
    return ExitCodeFor(facts.status());
  }
  report.findings = doctor::Diagnose(*facts);
  Print(session, format, subject, report);
  return report.findings.empty() ? ExitCode::kOk : ExitCode::kFinding;
}

}  // namespace

void AddDoctorCommand(CommandTable& commands) {
  auto arguments = std::make_shared<DoctorArguments>();
  CLI::App& command = commands.Add(
      "doctor",
      "Looks for what is wrong with a broker, and says what to do about each. Exit code 0: nothing is wrong; 1: "
      "something is; 5 or 6: the broker cannot be asked, and why",
      "  baton doctor\n"
      "  baton --profile production doctor --json | jq -r '.findings[].what'\n"
      "  baton doctor --data-dir /var/lib/baton\n",
      [arguments](Session& session) { return RunDoctor(session, *arguments); });
  command
      .add_option("--data-dir", arguments->data_dir,
                  "Looks at the data directory of a stopped broker instead, by `batond verify`")
      ->type_name("DIR");
  RefuseEmptyValues(command);
  command.add_flag("--json", arguments->json, "Same as --format json");
}

}  // namespace baton::cli
