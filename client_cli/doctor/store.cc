// The store of a stopped broker: `batond verify` in other words.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "client_cli/doctor/examine.h"

namespace baton::cli::doctor {
namespace {

// What `batond verify` ends with.
constexpr int kClean = 0;
constexpr int kDamaged = 1;
// What it begins a complaint with.
constexpr char kSpeaker[] = "batond: ";

std::vector<std::string> Lines(const std::string& text) { return absl::StrSplit(text, '\n', absl::SkipWhitespace()); }

// As a shell takes it.
std::string ShellWord(const std::string& text) {
  const bool is_plain = text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:-") ==
                        std::string::npos;
  return is_plain ? text : absl::StrCat("'", absl::StrReplaceAll(text, {{"'", "'\\''"}}), "'");
}

// What was complained about, without the name of the program. The log of the store may stand before it.
std::string Complaint(const ProgramOutput& output) {
  const std::vector<std::string> lines = Lines(output.err);
  if (lines.empty()) return absl::StrCat("batond verify ended with exit code ", output.exit_code);
  const auto said = std::find_if(lines.begin(), lines.end(),
                                 [](const std::string& line) { return absl::StartsWith(line, kSpeaker); });
  return std::string(absl::StripPrefix(said == lines.end() ? lines.front() : *said, kSpeaker));
}

// A copy into a directory that is there would end up below it.
std::string RestoreAdvice(std::string directory) {
  while (directory.size() > 1 && directory.back() == '/') directory.pop_back();
  return absl::StrCat("restore a backup (deploy/README.md, Restore): `mv ", ShellWord(directory), " ",
                      ShellWord(directory + "-damaged"), " && cp -a BACKUP ", ShellWord(directory), "`");
}

// Nothing is damaged then: another directory was meant.
bool IsNoStore(const std::string& complaint) {
  return absl::EndsWith(complaint, " does not exist") || absl::EndsWith(complaint, " holds no store") ||
         absl::EndsWith(complaint, ": name a directory");
}

Finding Unverified(const ProgramOutput& output, const std::string& directory) {
  const std::string complaint = Complaint(output);
  const std::string again = absl::StrCat("`baton doctor --data-dir ", ShellWord(directory), "`");
  std::string remedy = absl::StrCat("name the data directory of a stopped broker, as a user who may read it: ", again);
  if (absl::StrContains(complaint, "is in use by another batond")) {
    remedy = absl::StrCat("stop the broker first: `systemctl stop batond`, then ", again);
  } else if (IsNoStore(complaint)) {
    remedy = "correct --data-dir: name the data directory of a stopped broker (its setting server.data_dir)";
  }
  return {.rule = "store-unverified",
          .severity = Severity::kError,
          .subject = directory,
          .what = absl::StrCat("the store cannot be looked at: ", complaint),
          .remedy = remedy};
}

// A store that opens: findings, one a line, their tally, what was looked at, and the way out.
Finding Damaged(const std::vector<std::string>& lines, const std::string& directory) {
  Finding finding{.rule = "store-damage", .severity = Severity::kError, .subject = directory};
  std::string tally;
  for (const std::string& line : lines) {
    const std::string start = line.substr(0, line.find(':'));
    if (absl::EndsWith(start, " finding") || absl::EndsWith(start, " findings")) tally = line;
  }
  finding.what = absl::StrCat("the store is damaged, ", tally, ", the first one ", lines.front());
  const std::string repair = absl::StrCat("`batond verify ", ShellWord(directory), " --repair");
  finding.remedy =
      absl::StartsWith(lines.back(), "Nothing is lost")
          ? absl::StrCat("nothing is lost, all of it can be rebuilt: ", repair, "`")
          : absl::StrCat(RestoreAdvice(directory), "; or give up the tasks with a finding marked (lost): ", repair,
                         " --drop-lost`");
  return finding;
}

// A store that does not open.
Finding Unreadable(const std::string& complaint, const std::string& directory) {
  // Any directory with files of such names looks like that, /var/log for one: it must not be moved away.
  const bool may_be_another = absl::StrContains(complaint, "but no file CURRENT");
  return {.rule = "store-damage",
          .severity = Severity::kError,
          .subject = directory,
          .what = complaint,
          .remedy = may_be_another ? "correct --data-dir if it does not name the data directory of a broker; if it "
                                     "does, restore a backup (deploy/README.md, Restore)"
                                   : RestoreAdvice(directory)};
}

}  // namespace

absl::StatusOr<std::vector<Finding>> ExamineStore(const Environment& environment, const std::string& directory) {
  const absl::StatusOr<ProgramOutput> output = environment.run_batond({"verify", directory});
  if (!output.ok()) return output.status();
  if (output->exit_code == kClean) return std::vector<Finding>();
  const std::vector<std::string> lines = Lines(output->out);
  if (output->exit_code != kDamaged) return std::vector<Finding>{Unverified(*output, directory)};
  if (!lines.empty()) return std::vector<Finding>{Damaged(lines, directory)};
  return std::vector<Finding>{Unreadable(Complaint(*output), directory)};
}

}  // namespace baton::cli::doctor
