// Rules on workers.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client_cli/doctor/rules.h"
#include "client_cli/doctor/thresholds.h"
#include "client_cli/text/duration_text.h"
#include "client_cli/text/proto_time.h"

namespace baton::cli::doctor {
namespace {

std::string Holding(const v1::Worker& worker) {
  return absl::StrCat("holds ", worker.attempts(), worker.attempts() == 1 ? " task" : " tasks");
}

void CheckSilent(const Facts& facts, Finding finding, std::vector<Finding>* found) {
  for (const v1::Worker& worker : facts.workers) {
    const absl::Duration silent = absl::Microseconds(ToMicroseconds(worker.last_seen()));
    const bool is_gone = worker.state() == v1::WORKER_STATE_DISCONNECTED;
    const double share = worker.attempts() > 0 ? kSilentShare : kIdleSilentShare;
    if (!is_gone && silent < share * facts.settings.beat_window) continue;
    Finding quiet = finding;
    quiet.subject = worker.worker_id();
    quiet.what = absl::StrCat("worker ", worker.worker_id(), is_gone ? " has lost its connection" : " does not beat",
                              ": seen ", FormatRoughDuration(silent), " ago, and ", Holding(worker), " (",
                              worker.attempts() > 0 ? "they go to others: " : "", "workers.beat_window is ",
                              FormatRoughDuration(facts.settings.beat_window), ")");
    quiet.remedy = absl::StrCat("see whether its process runs and gets processor time",
                                worker.pod_id().empty() ? "" : absl::StrCat(", in pod ", worker.pod_id()),
                                ": `baton workers` shows when it was seen");
    found->push_back(std::move(quiet));
  }
}

void CheckDraining(const Facts& facts, Finding finding, std::vector<Finding>* found) {
  for (const v1::Worker& worker : facts.workers) {
    const auto longest = facts.longest_of_draining.find(worker.worker_id());
    if (worker.state() != v1::WORKER_STATE_DRAINING || longest == facts.longest_of_draining.end()) continue;
    const absl::Duration ran = facts.now - absl::FromUnixMicros(longest->second.started_at_us());
    if (ran <= facts.settings.drain_deadline) continue;
    Finding draining = finding;
    draining.subject = worker.worker_id();
    draining.what = absl::StrCat("worker ", worker.worker_id(), " is draining, and still ", Holding(worker), ": task ",
                                 longest->second.id(), " for ", FormatRoughDuration(ran), " (server.drain_deadline is ",
                                 FormatRoughDuration(facts.settings.drain_deadline), ")");
    draining.remedy =
        absl::StrCat("let it finish, or stop its process: the task is run again by others; `baton explain ",
                     longest->second.id(), "` tells how far it is");
    found->push_back(std::move(draining));
  }
}

}  // namespace

std::vector<Rule> WorkerRules() {
  return {{"silent-worker", CheckSilent, "workers", "baton workers"},
          {"draining-worker", CheckDraining, "workers", "baton workers --state draining"}};
}

}  // namespace baton::cli::doctor
