// Rules on types: what keeps their tasks from running, and what becomes of them.
#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client_cli/doctor/rules.h"
#include "client_cli/doctor/thresholds.h"
#include "client_cli/text/duration_text.h"
#include "client_cli/text/proto_time.h"

namespace baton::cli::doctor {
namespace {

// What rates are about, at most.
constexpr absl::Duration kRateWindow = absl::Minutes(1);

// "1 task waits", "12 tasks of type resize wait".
std::string Waiting(uint64_t tasks, const std::string& type = "") {
  return absl::StrCat(tasks, tasks == 1 ? " task" : " tasks", type.empty() ? "" : " of type ", type,
                      tasks == 1 ? " waits" : " wait");
}

std::map<std::string, const v1::TypeStatistics*> StatisticsByType(const Facts& facts) {
  std::map<std::string, const v1::TypeStatistics*> types;
  for (const v1::TypeStatistics& type : facts.statistics.types()) types[type.type()] = &type;
  return types;
}

void CheckPaused(const Facts& facts, Finding finding, std::vector<Finding>* found) {
  for (const v1::TypeInfo& type : facts.types) {
    if (!type.has_pause() || type.counts().pending() == 0) continue;
    Finding paused = finding;
    paused.subject = type.type();
    paused.what = absl::StrCat("type ", type.type(), " was paused by ", type.pause().actor(), " ",
                               FormatRoughDuration(facts.now - ToTime(type.pause().paused_at())), " ago, and ",
                               Waiting(type.counts().pending()),
                               type.pause().reason().empty() ? "" : absl::StrCat(": ", type.pause().reason()));
    paused.remedy = absl::StrCat("if that is over: `baton types unpause ", type.type(), "`");
    found->push_back(std::move(paused));
  }
}

void CheckUnservable(const Facts& facts, Finding finding, std::vector<Finding>* found) {
  for (const v1::TypeInfo& type : facts.types) {
    if (type.has_pause() || type.unservable() == 0) continue;
    Finding unservable = finding;
    unservable.severity = Severity::kError;
    unservable.subject = type.type();
    unservable.what = absl::StrCat(Waiting(type.unservable(), type.type()),
                                   type.workers() == 0 ? ", and no connected worker has a handler of it"
                                                       : ", and no worker has the capabilities that they require");
    const auto example = facts.unservable.find(type.type());
    unservable.remedy =
        example == facts.unservable.end()
            ? absl::StrCat("start a worker that can: `baton workers --type ", type.type(), "` lists those there are")
            : absl::StrCat("start a worker that can: `baton explain ", example->second, "` tells what is missing");
    found->push_back(std::move(unservable));
  }
}

bool LimitIsReached(const v1::TypeInfo& type) {
  return type.has_limit() && type.counts().running() >= static_cast<uint64_t>(type.limit().max_running());
}

void CheckLimits(const Facts& facts, Finding finding, std::vector<Finding>* found) {
  const auto statistics = StatisticsByType(facts);
  for (const v1::TypeInfo& type : facts.types) {
    const auto counted = statistics.find(type.type());
    if (!LimitIsReached(type) || type.has_pause()) continue;
    if (counted == statistics.end() || counted->second->due() == 0) continue;
    Finding limited = finding;
    limited.subject = type.type();
    limited.what = absl::StrCat("type ", type.type(), " is at its limit of ", type.limit().max_running(), ", set by ",
                                type.limit().actor(), ", and ", Waiting(counted->second->due()));
    limited.remedy = absl::StrCat("if more may run at a time: `baton types limit ", type.type(), " ",
                                  2 * int64_t{type.limit().max_running()}, "`");
    found->push_back(std::move(limited));
  }
}

// Other rules tell what a paused, limited or unservable type waits for.
bool IsExplained(const v1::TypeInfo& type) { return type.has_pause() || type.unservable() > 0 || LimitIsReached(type); }

void CheckWaits(const Facts& facts, Finding finding, std::vector<Finding>* found) {
  const auto statistics = StatisticsByType(facts);
  for (const v1::TypeInfo& type : facts.types) {
    const auto counted = statistics.find(type.type());
    if (IsExplained(type) || counted == statistics.end() || counted->second->due() == 0) continue;
    const absl::Duration oldest = absl::Microseconds(ToMicroseconds(counted->second->oldest_due()));
    if (oldest < kOldestWait) continue;
    const bool is_full = facts.statistics.slots_taken() >= facts.statistics.slots();
    Finding waits = finding;
    waits.subject = type.type();
    waits.what = absl::StrCat(Waiting(counted->second->due(), type.type()), ", the oldest for ",
                              FormatRoughDuration(oldest), is_full ? ": all slots of all workers are taken" : "");
    waits.remedy = absl::StrCat("start more workers, or give them more slots: `baton workers --type ", type.type(),
                                "` shows what those that there are do");
    found->push_back(std::move(waits));
  }
}

// Share of the tasks that failed for good, among those that completed or failed.
double Share(double failed, double completed) { return failed + completed == 0 ? 0 : failed / (failed + completed); }

// For how long what the rates tell was counted: of a broker that was started lately, since then.
double SecondsCounted(const Facts& facts) {
  if (!facts.info.has_started_at()) return absl::ToDoubleSeconds(kRateWindow);
  const absl::Duration up = facts.now - ToTime(facts.info.started_at());
  return absl::ToDoubleSeconds(std::clamp(up, absl::Seconds(1), kRateWindow));
}

void CheckFailures(const Facts& facts, Finding finding, std::vector<Finding>* found) {
  for (const v1::TypeStatistics& type : facts.statistics.types()) {
    const v1::Activity& activity = type.activity();
    const double lately = Share(activity.failed_per_second(), activity.completed_per_second());
    const double usual =
        Share(static_cast<double>(type.counts().permanently_failed()), static_cast<double>(type.counts().completed()));
    if (activity.failed_per_second() * SecondsCounted(facts) < kLeastFailures || lately < kFailingShare) continue;
    if (lately < kRise * usual && lately < kAlwaysFailing) continue;
    Finding failing = finding;
    failing.severity = lately >= kAlwaysFailing ? Severity::kError : Severity::kWarning;
    failing.subject = type.type();
    failing.what = absl::StrFormat(
        "%.0f %% of the tasks of type %s that ended in the last minute failed for good "
        "(of all that are kept: %.0f %%)",
        100 * lately, type.type(), 100 * usual);
    failing.remedy =
        absl::StrCat("read the errors: `baton list --type ", type.type(),
                     " --state permanently-failed --limit 10`; when it is mended: `baton bulk retry --type ",
                     type.type(), " --state permanently-failed`");
    found->push_back(std::move(failing));
  }
}

void CheckDecisions(const Facts& facts, Finding finding, std::vector<Finding>* found) {
  if (facts.undecided == 0) return;
  const v1::Task& task = facts.oldest_undecided;
  const absl::Duration waited = facts.now - absl::FromUnixMicros(task.suspended_at_us());
  finding.subject = absl::StrCat(task.id());
  finding.what = absl::StrCat(facts.undecided, facts.undecided == 1 ? " task has" : " tasks have",
                              " waited for a decision for more than ", FormatRoughDuration(kDecisionWait), ", task ",
                              task.id(), " for ", FormatRoughDuration(waited),
                              task.suspend_reason().empty() ? "" : absl::StrCat(": ", task.suspend_reason()));
  finding.remedy = absl::StrCat("decide: `baton approvals` lists them; `baton approve ", task.id(),
                                "`, or `baton reject ", task.id(), "`");
  found->push_back(std::move(finding));
}

}  // namespace

std::vector<Rule> TypeRules() {
  return {{"unservable", CheckUnservable, "types", "baton types --unservable"},
          {"paused", CheckPaused, "types", "baton types"},
          {"limit", CheckLimits, "types", "baton types"},
          {"waits", CheckWaits, "types", "baton stats"},
          {"failures", CheckFailures, "types", "baton stats"},
          {"undecided", CheckDecisions}};
}

}  // namespace baton::cli::doctor
