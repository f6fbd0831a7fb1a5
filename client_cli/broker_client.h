// The broker as this program sees it: one blocking call per RPC.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "baton/tls.h"
#include "baton/v1/access.pb.h"
#include "baton/v1/admin.pb.h"
#include "baton/v1/broker.pb.h"
#include "worker_sdk/src/broker_address.h"

namespace baton::cli {

// A call that the broker refuses as OVERLOADED may be repeated when the broker says, if `timeout` leaves the time.
// Every call fails with DEADLINE_EXCEEDED after `timeout`, with UNAVAILABLE when no broker can be reached, and else
// with what the contract says; the machine-readable reason is attached (see status_details.h). Not thread-safe.
class Broker {
 public:
  virtual ~Broker() = default;

  virtual absl::StatusOr<v1::SubmitResponse> Submit(const v1::SubmitRequest& request, absl::Duration timeout) = 0;
  virtual absl::StatusOr<v1::GetResponse> Get(const v1::GetRequest& request, absl::Duration timeout) = 0;
  virtual absl::StatusOr<v1::WaitResponse> Wait(const v1::WaitRequest& request, absl::Duration timeout) = 0;
  virtual absl::StatusOr<v1::CancelResponse> Cancel(const v1::CancelRequest& request, absl::Duration timeout) = 0;
  virtual absl::StatusOr<v1::ResumeResponse> Resume(const v1::ResumeRequest& request, absl::Duration timeout) = 0;
  virtual absl::StatusOr<v1::RetryTaskResponse> RetryTask(const v1::RetryTaskRequest& request,
                                                          absl::Duration timeout) = 0;
  virtual absl::StatusOr<v1::PauseTaskResponse> PauseTask(const v1::PauseTaskRequest& request,
                                                          absl::Duration timeout) = 0;
  virtual absl::StatusOr<v1::UnpauseTaskResponse> UnpauseTask(const v1::UnpauseTaskRequest& request,
                                                              absl::Duration timeout) = 0;
  virtual absl::StatusOr<v1::DeleteTaskResponse> DeleteTask(const v1::DeleteTaskRequest& request,
                                                            absl::Duration timeout) = 0;
  virtual absl::StatusOr<v1::StartJobResponse> StartJob(const v1::StartJobRequest& request, absl::Duration timeout) = 0;
  virtual absl::StatusOr<v1::GetJobResponse> GetJob(const v1::GetJobRequest& request, absl::Duration timeout) = 0;
  virtual absl::StatusOr<v1::ListJobsResponse> ListJobs(absl::Duration timeout) = 0;
  virtual absl::StatusOr<v1::StopJobResponse> StopJob(const v1::StopJobRequest& request, absl::Duration timeout) = 0;
  virtual absl::Status PauseType(const v1::PauseTypeRequest& request, absl::Duration timeout) = 0;
  virtual absl::Status UnpauseType(const v1::UnpauseTypeRequest& request, absl::Duration timeout) = 0;
  virtual absl::StatusOr<v1::SetTypeLimitResponse> SetTypeLimit(const v1::SetTypeLimitRequest& request,
                                                                absl::Duration timeout) = 0;
  virtual absl::StatusOr<v1::DrainWorkerResponse> DrainWorker(const v1::DrainWorkerRequest& request,
                                                              absl::Duration timeout) = 0;
  virtual absl::StatusOr<v1::CreateScheduleResponse> CreateSchedule(const v1::CreateScheduleRequest& request,
                                                                    absl::Duration timeout) = 0;
  virtual absl::StatusOr<v1::GetScheduleResponse> GetSchedule(const v1::GetScheduleRequest& request,
                                                              absl::Duration timeout) = 0;
  virtual absl::StatusOr<v1::ListSchedulesResponse> ListSchedules(const v1::ListSchedulesRequest& request,
                                                                  absl::Duration timeout) = 0;
  virtual absl::Status PauseSchedule(const v1::PauseScheduleRequest& request, absl::Duration timeout) = 0;
  virtual absl::StatusOr<v1::UnpauseScheduleResponse> UnpauseSchedule(const v1::UnpauseScheduleRequest& request,
                                                                      absl::Duration timeout) = 0;
  virtual absl::StatusOr<v1::TriggerScheduleResponse> TriggerSchedule(const v1::TriggerScheduleRequest& request,
                                                                      absl::Duration timeout) = 0;
  virtual absl::Status DeleteSchedule(const v1::DeleteScheduleRequest& request, absl::Duration timeout) = 0;
  virtual absl::StatusOr<v1::PreviewScheduleResponse> PreviewSchedule(const v1::PreviewScheduleRequest& request,
                                                                      absl::Duration timeout) = 0;
  virtual absl::StatusOr<v1::ListTasksResponse> ListTasks(const v1::ListTasksRequest& request,
                                                          absl::Duration timeout) = 0;
  // Calls `each` for every response, until it returns false, which is OK, or the stream ends or `timeout` is over.
  virtual absl::Status Watch(const v1::WatchRequest& request, absl::Duration timeout,
                             const std::function<bool(const v1::WatchResponse&)>& each) = 0;
  virtual absl::StatusOr<v1::ExplainResponse> Explain(const v1::ExplainRequest& request, absl::Duration timeout) = 0;
  virtual absl::StatusOr<v1::ListEventsResponse> ListEvents(const v1::ListEventsRequest& request,
                                                            absl::Duration timeout) = 0;
  virtual absl::StatusOr<v1::ListAttemptsResponse> ListAttempts(const v1::ListAttemptsRequest& request,
                                                                absl::Duration timeout) = 0;
  virtual absl::StatusOr<v1::GetWorkflowSummaryResponse> GetWorkflowSummary(
      const v1::GetWorkflowSummaryRequest& request, absl::Duration timeout) = 0;
  // One page: see ListAllWorkers (worker_list.h).
  virtual absl::StatusOr<v1::ListWorkersResponse> ListWorkers(const v1::ListWorkersRequest& request,
                                                              absl::Duration timeout) = 0;
  virtual absl::StatusOr<v1::ListTypesResponse> ListTypes(absl::Duration timeout) = 0;
  virtual absl::StatusOr<v1::GetStatisticsResponse> GetStatistics(const v1::GetStatisticsRequest& request,
                                                                  absl::Duration timeout) = 0;
  virtual absl::StatusOr<v1::CountTasksResponse> CountTasks(const v1::CountTasksRequest& request,
                                                            absl::Duration timeout) = 0;
  virtual absl::StatusOr<v1::GetServerInfoResponse> GetServerInfo(absl::Duration timeout) = 0;
  virtual absl::StatusOr<v1::CreateBackupResponse> CreateBackup(const v1::CreateBackupRequest& request,
                                                                absl::Duration timeout) = 0;
  virtual absl::StatusOr<v1::ListBackupsResponse> ListBackups(absl::Duration timeout) = 0;
  virtual absl::StatusOr<v1::CreateTokenResponse> CreateToken(const v1::CreateTokenRequest& request,
                                                              absl::Duration timeout) = 0;
  virtual absl::StatusOr<v1::ListTokensResponse> ListTokens(absl::Duration timeout) = 0;
  virtual absl::StatusOr<v1::RotateTokenResponse> RotateToken(const v1::RotateTokenRequest& request,
                                                              absl::Duration timeout) = 0;
  virtual absl::Status RevokeToken(const v1::RevokeTokenRequest& request, absl::Duration timeout) = 0;

  // Shows a token at each call from now on, as `source` answers it then.
  virtual void UseAccessToken(std::function<std::string()> source) = 0;
};

// A broker at "HOST:PORT", "tls://HOST:PORT" or "unix:PATH". Connects with the first call. `sleep` lets time pass
// before a call that was refused as OVERLOADED is repeated; without it no call is. What `tls` leaves open is taken from
// the environment; its files have been checked.
std::unique_ptr<Broker> ConnectBroker(const std::string& address, std::function<void(absl::Duration)> sleep = nullptr,
                                      const TlsOptions& tls = {});

// The addresses to connect to, one or several with commas between them, as the library takes them too: missing ports
// are filled in, and of URLs only tls:// is taken, which counts for those behind it.
absl::StatusOr<std::string> NormalizeAddress(const std::string& address);

// Whether connections to a normal address, a single one, are encrypted.
bool IsEncrypted(absl::string_view address);

// Normal addresses as `tls`, which is complete, makes them: with tls:// if that is what is meant, or `always`, and
// behind an encrypted one. Errors: a file that cannot be used; a socket that is to be encrypted always.
absl::StatusOr<std::string> EncryptAddress(const std::string& addresses, const TlsOptions& tls, bool always);

using internal::kDefaultAddress;

}  // namespace baton::cli
