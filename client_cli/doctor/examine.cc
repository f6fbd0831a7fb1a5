#include "client_cli/doctor/examine.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "client_cli/doctor/thresholds.h"
#include "client_cli/status_details.h"
#include "client_cli/text/proto_time.h"
#include "client_cli/worker_list.h"

namespace baton::cli::doctor {
namespace {

bool IsOnThisMachine(absl::string_view address) {
  absl::ConsumePrefix(&address, "tls://");
  return absl::StartsWith(address, "unix:") || absl::StartsWith(address, "127.") ||
         absl::StartsWith(address, "localhost:") || absl::StartsWith(address, "[::1]");
}

// One look at a broker.
class Examination {
 public:
  Examination(Session& session, std::vector<NotChecked>* not_checked) : session_(session), not_checked_(not_checked) {}

  absl::StatusOr<Facts> Run() && {
    absl::StatusOr<v1::GetServerInfoResponse> info = broker().GetServerInfo(session_.call_timeout());
    if (!info.ok()) return info.status();
    facts_.info = *std::move(info);
    facts_.address = session_.address();
    facts_.version = session_.environment().version;
    facts_.now = session_.environment().now();
    facts_.settings = ReadSettings(facts_.info.settings_toml());
    AskStatistics();
    AskTypes();
    AskWorkers();
    AskSchedules();
    AskBackups();
    AskLiveTasks();
    AskDecisions();
    MeasureDisk();
    return std::move(facts_);
  }

 private:
  Broker& broker() { return session_.broker(); }

  void Note(std::string what, std::string why) { not_checked_->push_back({std::move(what), std::move(why)}); }

  // Whether there is an answer; notes why there is none.
  template <typename Answer>
  bool Answered(const absl::StatusOr<Answer>& answer, const char* what) {
    if (!answer.ok()) Note(what, std::string(answer.status().message()));
    return answer.ok();
  }

  void AskStatistics() {
    absl::StatusOr<v1::GetStatisticsResponse> answer = broker().GetStatistics({}, session_.call_timeout());
    if (Answered(answer, "waits and failures")) facts_.statistics = *std::move(answer);
  }

  void AskTypes() {
    const absl::StatusOr<v1::ListTypesResponse> answer = broker().ListTypes(session_.call_timeout());
    if (Answered(answer, "types")) facts_.types.assign(answer->types().begin(), answer->types().end());
  }

  void AskWorkers() {
    const absl::StatusOr<v1::ListWorkersResponse> answer =
        ListAllWorkers(broker(), v1::WorkerFilter(), session_.call_timeout());
    if (!Answered(answer, "workers")) return;
    facts_.workers.assign(answer->workers().begin(), answer->workers().end());
    for (const v1::Worker& worker : facts_.workers) {
      if (worker.state() == v1::WORKER_STATE_DRAINING && worker.attempts() > 0) AskDraining(worker.worker_id());
    }
  }

  void AskDraining(const std::string& worker) {
    v1::ListTasksRequest request;
    request.mutable_filter()->set_worker_id(worker);
    request.mutable_filter()->add_states(v1::TASK_STATE_RUNNING);
    ForEachTask(request, "what draining workers do", [&](const v1::Task& task) {
      v1::Task& longest = facts_.longest_of_draining[worker];
      if (longest.id() == 0 || task.started_at_us() < longest.started_at_us()) longest = task;
    });
  }

  void AskSchedules() {
    v1::ListSchedulesRequest request;
    request.set_page_size(kPageSize);
    for (size_t page = 0; page < kMostPages; ++page) {
      const absl::StatusOr<v1::ListSchedulesResponse> answer = broker().ListSchedules(request, session_.call_timeout());
      if (!Answered(answer, "schedules")) return;
      facts_.schedules.insert(facts_.schedules.end(), answer->schedules().begin(), answer->schedules().end());
      request.set_page_token(answer->next_page_token());
      if (request.page_token().empty()) return;
    }
    Note("schedules", absl::StrCat("there are more than the first ", facts_.schedules.size()));
  }

  void AskBackups() {
    const absl::StatusOr<v1::ListBackupsResponse> answer = broker().ListBackups(session_.call_timeout());
    if (!answer.ok() && ReasonOf(answer.status()) == "BACKUP_NOT_CONFIGURED") return;
    if (Answered(answer, "backups")) facts_.backups.emplace(answer->backups().begin(), answer->backups().end());
  }

  void AskLiveTasks() {
    v1::ListTasksRequest request;
    for (const v1::TaskState state :
         {v1::TASK_STATE_PENDING, v1::TASK_STATE_RUNNING, v1::TASK_STATE_SUSPENDED, v1::TASK_STATE_PAUSED}) {
      request.mutable_filter()->add_states(state);
    }
    ForEachTask(request, "damage of older live tasks", [this](const v1::Task& task) {
      // All that is told of a task whose records cannot be read is its type and state.
      if (task.created_at_us() == 0) {
        facts_.damaged.push_back(task);
      } else if (task.state() == v1::TASK_STATE_PENDING && !task.runnable()) {
        facts_.unservable[task.type()] = task.id();
      }
    });
  }

  void AskDecisions() {
    v1::ListTasksRequest request;
    request.mutable_filter()->set_awaits_decision(true);
    const absl::Time before = facts_.now - kDecisionWait;
    *request.mutable_filter()->mutable_created_before() = FromMicroseconds(absl::ToUnixMicros(before));
    ForEachTask(request, "older tasks that wait for a decision", [&](const v1::Task& task) {
      const int64_t since = task.suspended_at_us();
      if (since == 0 || absl::FromUnixMicros(since) > before) return;
      const bool is_oldest = facts_.undecided == 0 || since < facts_.oldest_undecided.suspended_at_us();
      if (is_oldest) facts_.oldest_undecided = task;
      ++facts_.undecided;
    });
  }

  // The newest ones, as far as kMostPages reach; `rest` is noted if there are more.
  template <typename Each>
  void ForEachTask(v1::ListTasksRequest request, const char* rest, Each each) {
    request.set_page_size(kPageSize);
    for (size_t page = 0; page < kMostPages; ++page) {
      const absl::StatusOr<v1::ListTasksResponse> answer = broker().ListTasks(request, session_.call_timeout());
      if (!Answered(answer, rest)) return;
      for (const v1::Task& task : answer->tasks()) each(task);
      request.set_page_token(answer->next_page_token());
      if (request.page_token().empty()) return;
    }
    Note(rest, absl::StrCat("they are behind ", kMostPages, " pages of newer ones"));
  }

  void MeasureDisk() {
    const std::string& directory = facts_.info.data_dir();
    if (!IsOnThisMachine(session_.address())) {
      Note("the disk", "the broker is on another machine");
    } else {
      facts_.free_bytes = session_.environment().free_bytes(directory);
      if (!facts_.free_bytes.has_value()) Note("the disk", absl::StrCat(directory, " cannot be seen from here"));
    }
  }

  Session& session_;
  std::vector<NotChecked>* const not_checked_;
  Facts facts_;
};

}  // namespace

absl::StatusOr<Facts> Examine(Session& session, std::vector<NotChecked>* not_checked) {
  return Examination(session, not_checked).Run();
}

}  // namespace baton::cli::doctor
