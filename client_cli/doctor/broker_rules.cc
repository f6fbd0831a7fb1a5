// Rules on the broker itself: its version, its disk, its backups, its records, its schedules.
#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "client_cli/doctor/rules.h"
#include "client_cli/doctor/thresholds.h"
#include "client_cli/text/duration_text.h"
#include "client_cli/text/proto_time.h"
#include "client_cli/text/size_text.h"

namespace baton::cli::doctor {
namespace {

// "1.10.2" as numbers, which compare as versions do.
std::vector<int> VersionNumbers(const std::string& version) {
  std::vector<int> numbers;
  for (absl::string_view part : absl::StrSplit(version, '.')) {
    int number = 0;
    if (!absl::SimpleAtoi(part, &number)) break;
    numbers.push_back(number);
  }
  return numbers;
}

void CheckVersion(const Facts& facts, Finding finding, std::vector<Finding>* found) {
  const std::string& theirs = facts.info.version();
  if (theirs.empty() || theirs == facts.version) return;
  finding.what = absl::StrCat("this program is baton ", facts.version, ", the broker is batond ", theirs);
  const bool is_older = VersionNumbers(facts.version) < VersionNumbers(theirs);
  finding.remedy = is_older ? absl::StrCat("install baton ", theirs, " here: `apt install ./baton_", theirs, "_*.deb`")
                            : absl::StrCat("upgrade the broker: `apt install ./batond_", facts.version,
                                           "_*.deb` on its machine, or use baton ", theirs, " here");
  found->push_back(std::move(finding));
}

void CheckDisk(const Facts& facts, Finding finding, std::vector<Finding>* found) {
  if (!facts.free_bytes.has_value()) return;
  const uint64_t reserve = facts.settings.reserve_bytes;
  const auto wanted =
      std::max<uint64_t>(kLeastFreeBytes, static_cast<uint64_t>(kReserveFactor * static_cast<double>(reserve)));
  if (*facts.free_bytes >= wanted) return;
  const bool refuses = *facts.free_bytes < reserve;
  if (refuses) finding.severity = Severity::kError;
  finding.what = absl::StrCat("the disk of ", facts.info.data_dir(), " has ", SizeText(*facts.free_bytes), " left",
                              refuses ? ", and new tasks are refused" : "",
                              reserve == 0 ? "" : absl::StrCat(" (storage.reserve_bytes is ", SizeText(reserve), ")"));
  finding.remedy =
      absl::StrCat("make room on it, or remove ended tasks: `baton retention run --older-than 1h` (the store has ",
                   SizeText(facts.info.store_bytes()), ")");
  found->push_back(std::move(finding));
}

void CheckBackups(const Facts& facts, Finding finding, std::vector<Finding>* found) {
  if (!facts.backups.has_value()) return;
  finding.remedy = "make one now, and one a night by a timer: `baton backup nightly-$(date +%F)`";
  if (facts.backups->empty()) {
    finding.what = "there is a backup directory, and no backup in it";
    found->push_back(std::move(finding));
    return;
  }
  const absl::Duration age = facts.now - ToTime(facts.backups->front().created_at());
  if (age <= kBackupAge) return;
  finding.what =
      absl::StrCat("the newest backup, ", facts.backups->front().name(), ", is ", FormatRoughDuration(age), " old");
  found->push_back(std::move(finding));
}

void CheckDamage(const Facts& facts, Finding finding, std::vector<Finding>* found) {
  if (facts.damaged.empty()) return;
  constexpr size_t kNamed = 10;
  std::vector<uint64_t> ids;
  for (const v1::Task& task : facts.damaged) {
    if (ids.size() < kNamed) ids.push_back(task.id());
  }
  finding.severity = Severity::kError;
  finding.subject = absl::StrCat(ids.front());
  finding.what = absl::StrCat("the records of ", facts.damaged.size(), facts.damaged.size() == 1 ? " task" : " tasks",
                              " cannot be read, and are set aside: ", absl::StrJoin(ids, ", "),
                              ids.size() < facts.damaged.size() ? ", ..." : "");
  finding.remedy =
      absl::StrCat("stop the broker, then look at its store: `baton doctor --data-dir ", facts.info.data_dir(), "`");
  found->push_back(std::move(finding));
}

void CheckSchedules(const Facts& facts, Finding finding, std::vector<Finding>* found) {
  for (const v1::Schedule& schedule : facts.schedules) {
    // Who pauses one on purpose knows it.
    if (schedule.state() != v1::SCHEDULE_STATE_PAUSED || schedule.pause_actor() != "broker") continue;
    Finding failed = finding;
    failed.severity = Severity::kError;
    failed.subject = schedule.definition().name();
    failed.what = absl::StrCat("schedule ", failed.subject, " is paused since ",
                               FormatRoughDuration(facts.now - ToTime(schedule.paused_at())), " ago, because ",
                               schedule.pause_reason().empty() ? "its task failed for good" : schedule.pause_reason());
    failed.remedy = absl::StrCat("`baton get ", schedule.last_task_id(),
                                 "` tells why it failed; then `baton schedule unpause ", failed.subject, "`");
    found->push_back(std::move(failed));
  }
}

void CheckSkipping(const Facts& facts, Finding finding, std::vector<Finding>* found) {
  for (const v1::Schedule& schedule : facts.schedules) {
    // More often than not, the last task had not ended when the next one was due.
    if (schedule.state() != v1::SCHEDULE_STATE_ACTIVE || !schedule.last_task_lives()) continue;
    if (schedule.skipped() <= schedule.fired()) continue;
    Finding skipping = finding;
    skipping.subject = schedule.definition().name();
    skipping.what = absl::StrCat("schedule ", skipping.subject, " created ", schedule.fired(), " tasks and skipped ",
                                 schedule.skipped(), " times, because the task before had not ended");
    skipping.remedy = absl::StrCat("`baton explain ", schedule.last_task_id(),
                                   "` tells what it waits for; a rarer schedule, "
                                   "or a timeout of the task, helps: `baton schedule show ",
                                   skipping.subject, "`");
    found->push_back(std::move(skipping));
  }
}

}  // namespace

std::vector<Rule> BrokerRules() {
  return {{"version", CheckVersion},
          {"disk", CheckDisk},
          {"backup", CheckBackups},
          {"damage", CheckDamage},
          {"schedule", CheckSchedules, "schedules", "baton schedule list"},
          {"schedule-skips", CheckSkipping, "schedules", "baton schedule list"}};
}

}  // namespace baton::cli::doctor
