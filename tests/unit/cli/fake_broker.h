// A broker made of functions, and a command line that talks to it, with time that passes only when something waits.
#pragma once

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "client_cli/application.h"
#include "client_cli/status_details.h"
#include "gtest/gtest.h"

namespace baton::cli {

// Each call is answered by the function of its name; one that is not set fails the test by an UNIMPLEMENTED status.
struct FakeBroker {
  template <class Request, class Response>
  using Answer = std::function<absl::StatusOr<Response>(const Request&, absl::Duration timeout)>;
  template <class Response>
  using Look = std::function<absl::StatusOr<Response>()>;

  Answer<v1::SubmitRequest, v1::SubmitResponse> submit;
  Answer<v1::GetRequest, v1::GetResponse> get;
  Answer<v1::WaitRequest, v1::WaitResponse> wait;
  Answer<v1::CancelRequest, v1::CancelResponse> cancel;
  Answer<v1::ResumeRequest, v1::ResumeResponse> resume;
  Answer<v1::PauseTaskRequest, v1::PauseTaskResponse> pause;
  Answer<v1::UnpauseTaskRequest, v1::UnpauseTaskResponse> unpause;
  Answer<v1::RetryTaskRequest, v1::RetryTaskResponse> retry;
  Answer<v1::DeleteTaskRequest, v1::DeleteTaskResponse> delete_task;
  Answer<v1::StartJobRequest, v1::StartJobResponse> start_job;
  Answer<v1::GetJobRequest, v1::GetJobResponse> get_job;
  Look<v1::ListJobsResponse> list_jobs;
  Answer<v1::StopJobRequest, v1::StopJobResponse> stop_job;
  std::function<absl::Status(const v1::PauseTypeRequest&)> pause_type;
  std::function<absl::Status(const v1::UnpauseTypeRequest&)> unpause_type;
  std::function<absl::StatusOr<v1::SetTypeLimitResponse>(const v1::SetTypeLimitRequest&)> set_type_limit;
  std::function<absl::StatusOr<v1::DrainWorkerResponse>(const v1::DrainWorkerRequest&)> drain_worker;
  std::function<absl::StatusOr<v1::CreateScheduleResponse>(const v1::CreateScheduleRequest&)> create_schedule;
  std::function<absl::StatusOr<v1::GetScheduleResponse>(const v1::GetScheduleRequest&)> get_schedule;
  std::function<absl::StatusOr<v1::ListSchedulesResponse>(const v1::ListSchedulesRequest&)> list_schedules;
  std::function<absl::Status(const v1::PauseScheduleRequest&)> pause_schedule;
  std::function<absl::StatusOr<v1::UnpauseScheduleResponse>(const v1::UnpauseScheduleRequest&)> unpause_schedule;
  std::function<absl::StatusOr<v1::TriggerScheduleResponse>(const v1::TriggerScheduleRequest&)> trigger_schedule;
  std::function<absl::Status(const v1::DeleteScheduleRequest&)> delete_schedule;
  std::function<absl::StatusOr<v1::PreviewScheduleResponse>(const v1::PreviewScheduleRequest&)> preview_schedule;
  Answer<v1::ListTasksRequest, v1::ListTasksResponse> list_tasks;
  // Called for each stream; hands its responses to `each` and answers how it ends, but for a false of `each`.
  std::function<absl::Status(const v1::WatchRequest&, absl::Duration timeout,
                             const std::function<bool(const v1::WatchResponse&)>& each)>
      watch;
  Answer<v1::ListEventsRequest, v1::ListEventsResponse> list_events;
  Answer<v1::ExplainRequest, v1::ExplainResponse> explain;
  Answer<v1::ListAttemptsRequest, v1::ListAttemptsResponse> list_attempts;
  Answer<v1::GetWorkflowSummaryRequest, v1::GetWorkflowSummaryResponse> summary;
  Answer<v1::ListWorkersRequest, v1::ListWorkersResponse> list_workers;
  Look<v1::ListTypesResponse> list_types;
  Look<v1::GetStatisticsResponse> statistics;
  v1::GetStatisticsRequest statistics_request;  // The last one.
  Answer<v1::CountTasksRequest, v1::CountTasksResponse> count_tasks;
  Look<v1::GetServerInfoResponse> info;
  Answer<v1::CreateBackupRequest, v1::CreateBackupResponse> create_backup;
  Look<v1::ListBackupsResponse> list_backups;
  Answer<v1::CreateTokenRequest, v1::CreateTokenResponse> create_token;
  Look<v1::ListTokensResponse> list_tokens;
  Answer<v1::RotateTokenRequest, v1::RotateTokenResponse> rotate_token;
  std::function<absl::Status(const v1::RevokeTokenRequest&)> revoke_token;
  // What calls would show; null: nothing.
  std::function<std::string()> access_token;
};

class FakeBrokerConnection : public Broker {
 public:
  explicit FakeBrokerConnection(FakeBroker& broker) : broker_(broker) {}

  absl::StatusOr<v1::SubmitResponse> Submit(const v1::SubmitRequest& request, absl::Duration timeout) override {
    return Ask(broker_.submit, request, timeout);
  }
  absl::StatusOr<v1::GetResponse> Get(const v1::GetRequest& request, absl::Duration timeout) override {
    return Ask(broker_.get, request, timeout);
  }
  absl::StatusOr<v1::WaitResponse> Wait(const v1::WaitRequest& request, absl::Duration timeout) override {
    return Ask(broker_.wait, request, timeout);
  }
  absl::StatusOr<v1::CancelResponse> Cancel(const v1::CancelRequest& request, absl::Duration timeout) override {
    return Ask(broker_.cancel, request, timeout);
  }
  absl::StatusOr<v1::ResumeResponse> Resume(const v1::ResumeRequest& request, absl::Duration timeout) override {
    return Ask(broker_.resume, request, timeout);
  }
  absl::StatusOr<v1::PauseTaskResponse> PauseTask(const v1::PauseTaskRequest& request,
                                                  absl::Duration timeout) override {
    return Ask(broker_.pause, request, timeout);
  }
  absl::StatusOr<v1::UnpauseTaskResponse> UnpauseTask(const v1::UnpauseTaskRequest& request,
                                                      absl::Duration timeout) override {
    return Ask(broker_.unpause, request, timeout);
  }
  absl::StatusOr<v1::RetryTaskResponse> RetryTask(const v1::RetryTaskRequest& request,
                                                  absl::Duration timeout) override {
    return Ask(broker_.retry, request, timeout);
  }
  absl::Status PauseType(const v1::PauseTypeRequest& request, absl::Duration) override {
    return Ask(broker_.pause_type, request);
  }
  absl::Status UnpauseType(const v1::UnpauseTypeRequest& request, absl::Duration) override {
    return Ask(broker_.unpause_type, request);
  }
  absl::StatusOr<v1::SetTypeLimitResponse> SetTypeLimit(const v1::SetTypeLimitRequest& request,
                                                        absl::Duration) override {
    return Ask(broker_.set_type_limit, request);
  }
  absl::StatusOr<v1::DrainWorkerResponse> DrainWorker(const v1::DrainWorkerRequest& request, absl::Duration) override {
    return Ask(broker_.drain_worker, request);
  }
  absl::StatusOr<v1::CreateScheduleResponse> CreateSchedule(const v1::CreateScheduleRequest& request,
                                                            absl::Duration) override {
    return Ask(broker_.create_schedule, request);
  }
  absl::StatusOr<v1::GetScheduleResponse> GetSchedule(const v1::GetScheduleRequest& request, absl::Duration) override {
    return Ask(broker_.get_schedule, request);
  }
  absl::StatusOr<v1::ListSchedulesResponse> ListSchedules(const v1::ListSchedulesRequest& request,
                                                          absl::Duration) override {
    return Ask(broker_.list_schedules, request);
  }
  absl::Status PauseSchedule(const v1::PauseScheduleRequest& request, absl::Duration) override {
    return Ask(broker_.pause_schedule, request);
  }
  absl::StatusOr<v1::UnpauseScheduleResponse> UnpauseSchedule(const v1::UnpauseScheduleRequest& request,
                                                              absl::Duration) override {
    return Ask(broker_.unpause_schedule, request);
  }
  absl::StatusOr<v1::TriggerScheduleResponse> TriggerSchedule(const v1::TriggerScheduleRequest& request,
                                                              absl::Duration) override {
    return Ask(broker_.trigger_schedule, request);
  }
  absl::Status DeleteSchedule(const v1::DeleteScheduleRequest& request, absl::Duration) override {
    return Ask(broker_.delete_schedule, request);
  }
  absl::StatusOr<v1::PreviewScheduleResponse> PreviewSchedule(const v1::PreviewScheduleRequest& request,
                                                              absl::Duration) override {
    return Ask(broker_.preview_schedule, request);
  }
  absl::StatusOr<v1::ListTasksResponse> ListTasks(const v1::ListTasksRequest& request,
                                                  absl::Duration timeout) override {
    return Ask(broker_.list_tasks, request, timeout);
  }
  absl::Status Watch(const v1::WatchRequest& request, absl::Duration timeout,
                     const std::function<bool(const v1::WatchResponse&)>& each) override {
    return Ask(broker_.watch, request, timeout, each);
  }
  absl::StatusOr<v1::ExplainResponse> Explain(const v1::ExplainRequest& request, absl::Duration timeout) override {
    return Ask(broker_.explain, request, timeout);
  }
  absl::StatusOr<v1::ListEventsResponse> ListEvents(const v1::ListEventsRequest& request,
                                                    absl::Duration timeout) override {
    return Ask(broker_.list_events, request, timeout);
  }
  absl::StatusOr<v1::ListAttemptsResponse> ListAttempts(const v1::ListAttemptsRequest& request,
                                                        absl::Duration timeout) override {
    return Ask(broker_.list_attempts, request, timeout);
  }
  absl::StatusOr<v1::GetWorkflowSummaryResponse> GetWorkflowSummary(const v1::GetWorkflowSummaryRequest& request,
                                                                    absl::Duration timeout) override {
    return Ask(broker_.summary, request, timeout);
  }
  absl::StatusOr<v1::DeleteTaskResponse> DeleteTask(const v1::DeleteTaskRequest& request,
                                                    absl::Duration timeout) override {
    return Ask(broker_.delete_task, request, timeout);
  }
  absl::StatusOr<v1::StartJobResponse> StartJob(const v1::StartJobRequest& request, absl::Duration timeout) override {
    return Ask(broker_.start_job, request, timeout);
  }
  absl::StatusOr<v1::GetJobResponse> GetJob(const v1::GetJobRequest& request, absl::Duration timeout) override {
    return Ask(broker_.get_job, request, timeout);
  }
  absl::StatusOr<v1::ListJobsResponse> ListJobs(absl::Duration) override { return Ask(broker_.list_jobs); }
  absl::StatusOr<v1::StopJobResponse> StopJob(const v1::StopJobRequest& request, absl::Duration timeout) override {
    return Ask(broker_.stop_job, request, timeout);
  }
  absl::StatusOr<v1::ListWorkersResponse> ListWorkers(const v1::ListWorkersRequest& request,
                                                      absl::Duration timeout) override {
    return Ask(broker_.list_workers, request, timeout);
  }
  absl::StatusOr<v1::ListTypesResponse> ListTypes(absl::Duration) override { return Ask(broker_.list_types); }
  absl::StatusOr<v1::GetStatisticsResponse> GetStatistics(const v1::GetStatisticsRequest& request,
                                                          absl::Duration) override {
    broker_.statistics_request = request;
    return Ask(broker_.statistics);
  }
  absl::StatusOr<v1::CountTasksResponse> CountTasks(const v1::CountTasksRequest& request,
                                                    absl::Duration timeout) override {
    return Ask(broker_.count_tasks, request, timeout);
  }
  absl::StatusOr<v1::GetServerInfoResponse> GetServerInfo(absl::Duration) override { return Ask(broker_.info); }
  absl::StatusOr<v1::CreateBackupResponse> CreateBackup(const v1::CreateBackupRequest& request,
                                                        absl::Duration timeout) override {
    return Ask(broker_.create_backup, request, timeout);
  }
  absl::StatusOr<v1::ListBackupsResponse> ListBackups(absl::Duration) override { return Ask(broker_.list_backups); }
  absl::StatusOr<v1::CreateTokenResponse> CreateToken(const v1::CreateTokenRequest& request,
                                                      absl::Duration timeout) override {
    return Ask(broker_.create_token, request, timeout);
  }
  absl::StatusOr<v1::ListTokensResponse> ListTokens(absl::Duration) override { return Ask(broker_.list_tokens); }
  absl::StatusOr<v1::RotateTokenResponse> RotateToken(const v1::RotateTokenRequest& request,
                                                      absl::Duration timeout) override {
    return Ask(broker_.rotate_token, request, timeout);
  }
  absl::Status RevokeToken(const v1::RevokeTokenRequest& request, absl::Duration) override {
    return broker_.revoke_token ? broker_.revoke_token(request) : absl::UnimplementedError("RevokeToken");
  }
  void UseAccessToken(std::function<std::string()> source) override { broker_.access_token = std::move(source); }

 private:
  template <class Function, class... Arguments>
  auto Ask(const Function& function, const Arguments&... arguments) -> decltype(function(arguments...)) {
    if (!function) return absl::UnimplementedError("the test did not expect this call");
    return function(arguments...);
  }

  FakeBroker& broker_;
};

// Runs commands against `broker` and keeps what they print in `out` and `err`.
class CommandTest : public testing::Test {
 protected:
  ExitCode Run(std::vector<std::string> arguments) {
    out.str("");
    err.str("");
    std::istringstream in(input);
    Environment environment{.in = in, .out = out, .err = err};
    environment.out_is_terminal = terminal;
    environment.err_is_terminal = terminal;
    environment.terminal_width = terminal ? 100 : 0;
    environment.broker_variable = broker_variable;
    environment.profile_variable = profile_variable;
    environment.config_path = config_path;
    environment.access_token_variable = token_variable;
    environment.access_token_file_variable = token_file_variable;
    environment.version = "1.2.3";
    environment.time_zone = absl::UTCTimeZone();
    environment.now = [this] { return now; };
    environment.sleep = [this](absl::Duration duration) { now += duration; };
    environment.free_bytes = [this](const std::string&) { return free_bytes; };
    environment.run_batond = [this](const std::vector<std::string>& words) -> absl::StatusOr<ProgramOutput> {
      batond_arguments = words;
      return batond;
    };
    environment.open_terminal = open_terminal;
    environment.connect = [this](const std::string& address, const TlsOptions&) {
      connected_to = address;
      return std::make_unique<FakeBrokerConnection>(broker);
    };
    return RunCommandLine(std::move(arguments), environment);
  }

  // Removes its files.
  ~CommandTest() override {
    for (const std::string& file : files_) std::filesystem::remove(file);
  }

  // A file with this content, which lives as long as the test.
  std::string File(const std::string& content) {
    const testing::TestInfo* test = testing::UnitTest::GetInstance()->current_test_info();
    std::string name = std::string(test->test_suite_name()) + "." + test->name() + "." + std::to_string(files_.size());
    files_.push_back((std::filesystem::path(testing::TempDir()) / name).string());
    std::ofstream(files_.back(), std::ios::binary) << content;
    return files_.back();
  }

  // NOLINTBEGIN(readability-identifier-naming): tests read like sentences
  FakeBroker broker;
  std::string input;
  bool terminal = false;
  std::function<absl::StatusOr<std::unique_ptr<top::Terminal>>()> open_terminal;
  std::optional<std::string> broker_variable;
  std::optional<std::string> profile_variable;
  std::string config_path;
  std::optional<uint64_t> free_bytes = uint64_t{1} << 40;
  // What `batond` does when it is run, and what it was last run with.
  absl::StatusOr<ProgramOutput> batond = absl::NotFoundError("there is no batond");
  std::vector<std::string> batond_arguments;
  std::optional<std::string> token_variable;
  std::optional<std::string> token_file_variable;
  absl::Time now = absl::FromUnixSeconds(1'800'000'000);
  std::string connected_to;
  std::ostringstream out;
  std::ostringstream err;
  // NOLINTEND(readability-identifier-naming)

 private:
  std::vector<std::string> files_;
};

inline v1::Task MakeTask(uint64_t id, v1::TaskState state) {
  v1::Task task;
  task.set_id(id);
  task.set_type("resize");
  task.set_state(state);
  task.set_version(1);
  return task;
}

}  // namespace baton::cli
