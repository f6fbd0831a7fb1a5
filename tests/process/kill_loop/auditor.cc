// The auditor of the kill loop: reads the ledgers, asks the broker for every task with its history, and compares.
// Usage: process_kill_auditor LEDGER...; environment: BATON_BROKER. Prints what is wrong, one line each, and a summary
// as JSON on the last line. Exit code: 0 nothing is wrong, 1 something is, 2 the broker or a ledger cannot be read.
#include <poll.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "broker/base/status_macros.h"
#include "client_cli/broker_client.h"
#include "client_cli/status_details.h"
#include "nlohmann/json.hpp"
#include "tests/process/kill_loop/check.h"
#include "tests/process/kill_loop/ledger.h"
#include "tests/process/kill_loop/promises.h"

namespace baton::kill_loop {
namespace {

constexpr absl::Duration kCallTimeout = absl::Seconds(60);
constexpr int kThreads = 4;
constexpr size_t kShown = 50;

std::unique_ptr<cli::Broker> Connect() {
  const char* address = std::getenv("BATON_BROKER");
  return cli::ConnectBroker(address != nullptr ? address : cli::kDefaultAddress);
}

// What was deleted goes within moments, also after a restart.
absl::Status AwaitDeletions(cli::Broker* broker, const Promises& promises) {
  const absl::Time deadline = absl::Now() + kCallTimeout;
  for (const auto& [id, task] : promises.tasks()) {
    if (!task.deleted) continue;
    v1::GetRequest request;
    request.set_task_id(id);
    absl::Status status = broker->Get(request, kCallTimeout).status();
    for (; status.ok() && absl::Now() < deadline; status = broker->Get(request, kCallTimeout).status()) {
      poll(nullptr, 0, 20);
    }
    // One that stays is found in the list.
    if (!status.ok() && cli::ReasonOf(status) != "TASK_EXPIRED") return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<uint64_t>> ListIds(cli::Broker* broker) {
  std::vector<uint64_t> ids;
  v1::ListTasksRequest request;
  request.set_page_size(1000);
  do {
    ASSIGN_OR_RETURN(const v1::ListTasksResponse page, broker->ListTasks(request, kCallTimeout));
    for (const v1::Task& task : page.tasks()) ids.push_back(task.id());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return ids;
}

absl::StatusOr<History> Fetch(cli::Broker* broker, uint64_t id) {
  History history;
  v1::GetRequest get;
  get.set_task_id(id);
  get.mutable_parts()->set_payload(true);
  get.mutable_parts()->set_result(true);
  ASSIGN_OR_RETURN(v1::GetResponse got, broker->Get(get, kCallTimeout));
  history.task = std::move(*got.mutable_task());
  v1::ListEventsRequest events;
  events.set_task_id(id);
  events.set_page_size(1000);
  do {
    ASSIGN_OR_RETURN(const v1::ListEventsResponse page, broker->ListEvents(events, kCallTimeout));
    history.events.insert(history.events.end(), page.events().begin(), page.events().end());
    events.set_page_token(page.next_page_token());
  } while (!events.page_token().empty());
  v1::ListAttemptsRequest attempts;
  attempts.set_task_id(id);
  attempts.set_page_size(1000);
  do {
    ASSIGN_OR_RETURN(const v1::ListAttemptsResponse page, broker->ListAttempts(attempts, kCallTimeout));
    history.attempts.insert(history.attempts.end(), page.attempts().begin(), page.attempts().end());
    attempts.set_page_token(page.next_page_token());
  } while (!attempts.page_token().empty());
  return history;
}

// Fetches and checks all tasks, with some calls under way at a time.
class Audit {
 public:
  Audit(std::vector<uint64_t> ids, const Promises& promises, Findings* findings)
      : ids_(std::move(ids)), promises_(promises), findings_(*findings), summaries_(ids_.size()) {}

  absl::StatusOr<std::vector<Summary>> Run() {
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) threads.emplace_back([this] { Work(); });
    for (std::thread& thread : threads) thread.join();
    RETURN_IF_ERROR(status_);
    CheckRun(summaries_, promises_, &findings_);
    return std::move(summaries_);
  }

 private:
  void Work() {
    const std::unique_ptr<cli::Broker> broker = Connect();
    for (size_t i = next_++; i < ids_.size(); i = next_++) {
      const absl::StatusOr<History> history = Fetch(broker.get(), ids_[i]);
      if (!history.ok()) {
        absl::MutexLock lock(&mutex_);
        status_.Update(history.status());
        return;
      }
      Findings found;
      CheckTask(*history, promises_.of(ids_[i]), &found);
      summaries_[i] = Summarize(*history);
      absl::MutexLock lock(&mutex_);
      findings_.insert(findings_.end(), found.begin(), found.end());
    }
  }

  const std::vector<uint64_t> ids_;
  const Promises& promises_;
  std::atomic<size_t> next_ = 0;
  absl::Mutex mutex_;
  Findings& findings_;
  absl::Status status_;
  // Each element belongs to the thread that has drawn its number.
  std::vector<Summary> summaries_;
};

// The broker's own counts are those of its list.
void CheckCounts(const std::vector<Summary>& tasks, const v1::StateCounts& counts, Findings* findings) {
  const auto check = [&](v1::TaskState state, uint64_t counted) {
    uint64_t listed = 0;
    for (const Summary& task : tasks) listed += task.state == state ? 1 : 0;
    if (listed == counted) return;
    findings->push_back(
        absl::StrCat("the broker counts ", counted, " tasks ", v1::TaskState_Name(state), " and lists ", listed));
  };
  check(v1::TASK_STATE_PENDING, counts.pending());
  check(v1::TASK_STATE_RUNNING, counts.running());
  check(v1::TASK_STATE_SUSPENDED, counts.suspended());
  check(v1::TASK_STATE_COMPLETED, counts.completed());
  check(v1::TASK_STATE_PERMANENTLY_FAILED, counts.permanently_failed());
  check(v1::TASK_STATE_CANCELLED, counts.cancelled());
}

nlohmann::json SummaryOf(const std::vector<Summary>& tasks, const Promises& promises, const Findings& findings) {
  std::map<std::string, uint64_t> states;
  std::map<std::string, uint64_t> attempts;
  for (const Summary& task : tasks) {
    ++states[v1::TaskState_Name(task.state)];
    for (const Summary::Attempt& attempt : task.attempts) ++attempts[v1::AttemptOutcome_Name(attempt.outcome)];
  }
  const PromiseCounts& counts = promises.counts();
  return {{"findings", findings.size()},
          {"tasks", tasks.size()},
          {"states", states},
          {"attempts", attempts},
          {"items_submitted", promises.submissions().size()},
          {"items_rejected", promises.rejected().size()},
          {"item_answers", counts.answers},
          {"outcomes_acknowledged", counts.accepted},
          {"outcomes_refused", counts.refused},
          {"repeats", counts.repeats},
          {"forgeries", counts.forgeries},
          {"reports_acknowledged", counts.reports},
          {"parts_acknowledged", counts.parts},
          {"retries_acknowledged", counts.retries},
          {"deletions_acknowledged", counts.deletions}};
}

absl::StatusOr<bool> RunAudit(const std::vector<std::string>& ledgers) {
  Findings findings;
  Promises promises;
  for (const std::string& ledger : ledgers) {
    ASSIGN_OR_RETURN(const std::vector<LedgerLine> lines, ReadLedger(ledger));
    promises.Add(lines, &findings);
  }
  const std::unique_ptr<cli::Broker> broker = Connect();
  RETURN_IF_ERROR(AwaitDeletions(broker.get(), promises));
  ASSIGN_OR_RETURN(const std::vector<uint64_t> ids, ListIds(broker.get()));
  ASSIGN_OR_RETURN(const std::vector<Summary> tasks, Audit(ids, promises, &findings).Run());
  ASSIGN_OR_RETURN(const v1::GetStatisticsResponse statistics, broker->GetStatistics({}, kCallTimeout));
  CheckCounts(tasks, statistics.counts(), &findings);
  for (size_t i = 0; i < findings.size() && i < kShown; ++i) std::puts(findings[i].c_str());
  std::puts(SummaryOf(tasks, promises, findings).dump().c_str());
  return findings.empty();
}

}  // namespace
}  // namespace baton::kill_loop

int main(int count, char** words) {
  const absl::StatusOr<bool> good = baton::kill_loop::RunAudit({words + 1, words + count});
  if (good.ok()) return *good ? 0 : 1;
  std::fprintf(stderr, "%s\n", good.status().ToString().c_str());
  return 2;
}
