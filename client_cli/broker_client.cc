#include "client_cli/broker_client.h"

#include <grpc/support/log.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <utility>

#include "baton/v1/access.grpc.pb.h"
#include "baton/v1/admin.grpc.pb.h"
#include "baton/v1/broker.grpc.pb.h"
#include "client_cli/status_details.h"
#include "worker_sdk/src/tls_files.h"

namespace baton::cli {
namespace {

// gRPC would print every handshake that fails, beside the error that a call ends with.
void KeepGrpcQuiet() {
  if (std::getenv("GRPC_VERBOSITY") == nullptr) gpr_set_log_function([](gpr_log_func_args*) {});
}

// From one try at an overloaded broker to the next: at least, and at most unless it advises more.
constexpr absl::Duration kLeastPause = absl::Milliseconds(10);
constexpr absl::Duration kMostPause = absl::Seconds(2);

absl::Status FromGrpc(const grpc::Status& status) {
  // This program cancels no calls: the broker stopped before it had taken the call in, and gRPC says it in its own way.
  if (status.error_code() == grpc::StatusCode::CANCELLED) {
    return absl::UnavailableError("the broker stopped while the call was on its way");
  }
  return StatusFromDetails(static_cast<int>(status.error_code()), status.error_message(), status.error_details());
}

void SetDeadline(absl::Duration timeout, grpc::ClientContext* context) {
  if (timeout < absl::Hours(24 * 365))
    context->set_deadline(std::chrono::system_clock::now() + absl::ToChronoMicroseconds(timeout));
}

void AddToken(const std::string& token, grpc::ClientContext* context) {
  if (!token.empty()) context->AddMetadata("authorization", "Bearer " + token);
}

// Calls `method` of `stub`, and translates the outcome.
template <class Stub, class Request, class Response>
absl::StatusOr<Response> CallOnce(Stub& stub,
                                  grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                                  const Request& request, absl::Duration timeout, const std::string& token) {
  grpc::ClientContext context;
  SetDeadline(timeout, &context);
  AddToken(token, &context);
  Response response;
  grpc::Status status = (stub.*method)(&context, request, &response);
  if (!status.ok()) return FromGrpc(status);
  return response;
}

class GrpcBroker final : public Broker {
 public:
  GrpcBroker(const std::shared_ptr<grpc::Channel>& channel, std::function<void(absl::Duration)> sleep)
      : tasks_(channel), admin_(channel), access_(channel), sleep_(std::move(sleep)) {}

  absl::StatusOr<v1::SubmitResponse> Submit(const v1::SubmitRequest& request, absl::Duration timeout) override {
    return Call(tasks_, &TaskStub::Submit, request, timeout);
  }
  absl::StatusOr<v1::GetResponse> Get(const v1::GetRequest& request, absl::Duration timeout) override {
    return Call(tasks_, &TaskStub::Get, request, timeout);
  }
  absl::StatusOr<v1::WaitResponse> Wait(const v1::WaitRequest& request, absl::Duration timeout) override {
    return Call(tasks_, &TaskStub::Wait, request, timeout);
  }
  absl::StatusOr<v1::CancelResponse> Cancel(const v1::CancelRequest& request, absl::Duration timeout) override {
    return Call(tasks_, &TaskStub::Cancel, request, timeout);
  }
  absl::StatusOr<v1::ResumeResponse> Resume(const v1::ResumeRequest& request, absl::Duration timeout) override {
    return Call(tasks_, &TaskStub::Resume, request, timeout);
  }
  absl::StatusOr<v1::PauseTaskResponse> PauseTask(const v1::PauseTaskRequest& request,
                                                  absl::Duration timeout) override {
    return Call(admin_, &AdminStub::PauseTask, request, timeout);
  }
  absl::StatusOr<v1::RetryTaskResponse> RetryTask(const v1::RetryTaskRequest& request,
                                                  absl::Duration timeout) override {
    return Call(admin_, &AdminStub::RetryTask, request, timeout);
  }
  absl::StatusOr<v1::UnpauseTaskResponse> UnpauseTask(const v1::UnpauseTaskRequest& request,
                                                      absl::Duration timeout) override {
    return Call(admin_, &AdminStub::UnpauseTask, request, timeout);
  }
  absl::StatusOr<v1::DeleteTaskResponse> DeleteTask(const v1::DeleteTaskRequest& request,
                                                    absl::Duration timeout) override {
    return Call(admin_, &AdminStub::DeleteTask, request, timeout);
  }
  absl::StatusOr<v1::StartJobResponse> StartJob(const v1::StartJobRequest& request, absl::Duration timeout) override {
    return Call(admin_, &AdminStub::StartJob, request, timeout);
  }
  absl::StatusOr<v1::GetJobResponse> GetJob(const v1::GetJobRequest& request, absl::Duration timeout) override {
    return Call(admin_, &AdminStub::GetJob, request, timeout);
  }
  absl::StatusOr<v1::ListJobsResponse> ListJobs(absl::Duration timeout) override {
    return Call(admin_, &AdminStub::ListJobs, v1::ListJobsRequest(), timeout);
  }
  absl::StatusOr<v1::StopJobResponse> StopJob(const v1::StopJobRequest& request, absl::Duration timeout) override {
    return Call(admin_, &AdminStub::StopJob, request, timeout);
  }
  absl::Status PauseType(const v1::PauseTypeRequest& request, absl::Duration timeout) override {
    return Call(admin_, &AdminStub::PauseType, request, timeout).status();
  }
  absl::Status UnpauseType(const v1::UnpauseTypeRequest& request, absl::Duration timeout) override {
    return Call(admin_, &AdminStub::UnpauseType, request, timeout).status();
  }
  absl::StatusOr<v1::SetTypeLimitResponse> SetTypeLimit(const v1::SetTypeLimitRequest& request,
                                                        absl::Duration timeout) override {
    return Call(admin_, &AdminStub::SetTypeLimit, request, timeout);
  }
  absl::StatusOr<v1::DrainWorkerResponse> DrainWorker(const v1::DrainWorkerRequest& request,
                                                      absl::Duration timeout) override {
    return Call(admin_, &AdminStub::DrainWorker, request, timeout);
  }
  absl::StatusOr<v1::CreateScheduleResponse> CreateSchedule(const v1::CreateScheduleRequest& request,
                                                            absl::Duration timeout) override {
    return Call(admin_, &AdminStub::CreateSchedule, request, timeout);
  }
  absl::StatusOr<v1::GetScheduleResponse> GetSchedule(const v1::GetScheduleRequest& request,
                                                      absl::Duration timeout) override {
    return Call(admin_, &AdminStub::GetSchedule, request, timeout);
  }
  absl::StatusOr<v1::ListSchedulesResponse> ListSchedules(const v1::ListSchedulesRequest& request,
                                                          absl::Duration timeout) override {
    return Call(admin_, &AdminStub::ListSchedules, request, timeout);
  }
  absl::Status PauseSchedule(const v1::PauseScheduleRequest& request, absl::Duration timeout) override {
    return Call(admin_, &AdminStub::PauseSchedule, request, timeout).status();
  }
  absl::StatusOr<v1::UnpauseScheduleResponse> UnpauseSchedule(const v1::UnpauseScheduleRequest& request,
                                                              absl::Duration timeout) override {
    return Call(admin_, &AdminStub::UnpauseSchedule, request, timeout);
  }
  absl::StatusOr<v1::TriggerScheduleResponse> TriggerSchedule(const v1::TriggerScheduleRequest& request,
                                                              absl::Duration timeout) override {
    return Call(admin_, &AdminStub::TriggerSchedule, request, timeout);
  }
  absl::Status DeleteSchedule(const v1::DeleteScheduleRequest& request, absl::Duration timeout) override {
    return Call(admin_, &AdminStub::DeleteSchedule, request, timeout).status();
  }
  absl::StatusOr<v1::PreviewScheduleResponse> PreviewSchedule(const v1::PreviewScheduleRequest& request,
                                                              absl::Duration timeout) override {
    return Call(admin_, &AdminStub::PreviewSchedule, request, timeout);
  }
  absl::StatusOr<v1::ListTasksResponse> ListTasks(const v1::ListTasksRequest& request,
                                                  absl::Duration timeout) override {
    return Call(admin_, &AdminStub::ListTasks, request, timeout);
  }
  absl::Status Watch(const v1::WatchRequest& request, absl::Duration timeout,
                     const std::function<bool(const v1::WatchResponse&)>& each) override {
    grpc::ClientContext context;
    SetDeadline(timeout, &context);
    AddToken(Token(), &context);
    const std::unique_ptr<grpc::ClientReader<v1::WatchResponse>> stream = admin_.Watch(&context, request);
    v1::WatchResponse response;
    bool wanted = true;
    while (wanted && stream->Read(&response)) wanted = each(response);
    if (!wanted) context.TryCancel();
    while (stream->Read(&response)) continue;
    const grpc::Status status = stream->Finish();
    if (!wanted) return absl::OkStatus();
    // A broker has no reason to end it so.
    return status.ok() ? absl::UnavailableError("the broker ended the stream") : FromGrpc(status);
  }
  absl::StatusOr<v1::ListEventsResponse> ListEvents(const v1::ListEventsRequest& request,
                                                    absl::Duration timeout) override {
    return Call(admin_, &AdminStub::ListEvents, request, timeout);
  }
  absl::StatusOr<v1::ListAttemptsResponse> ListAttempts(const v1::ListAttemptsRequest& request,
                                                        absl::Duration timeout) override {
    return Call(admin_, &AdminStub::ListAttempts, request, timeout);
  }
  absl::StatusOr<v1::ExplainResponse> Explain(const v1::ExplainRequest& request, absl::Duration timeout) override {
    return Call(admin_, &AdminStub::Explain, request, timeout);
  }
  absl::StatusOr<v1::GetWorkflowSummaryResponse> GetWorkflowSummary(const v1::GetWorkflowSummaryRequest& request,
                                                                    absl::Duration timeout) override {
    return Call(admin_, &AdminStub::GetWorkflowSummary, request, timeout);
  }
  absl::StatusOr<v1::ListWorkersResponse> ListWorkers(const v1::ListWorkersRequest& request,
                                                      absl::Duration timeout) override {
    return Call(admin_, &AdminStub::ListWorkers, request, timeout);
  }
  absl::StatusOr<v1::ListTypesResponse> ListTypes(absl::Duration timeout) override {
    return Call(admin_, &AdminStub::ListTypes, v1::ListTypesRequest(), timeout);
  }
  absl::StatusOr<v1::GetStatisticsResponse> GetStatistics(const v1::GetStatisticsRequest& request,
                                                          absl::Duration timeout) override {
    return Call(admin_, &AdminStub::GetStatistics, request, timeout);
  }
  absl::StatusOr<v1::CountTasksResponse> CountTasks(const v1::CountTasksRequest& request,
                                                    absl::Duration timeout) override {
    return Call(admin_, &AdminStub::CountTasks, request, timeout);
  }
  absl::StatusOr<v1::GetServerInfoResponse> GetServerInfo(absl::Duration timeout) override {
    return Call(admin_, &AdminStub::GetServerInfo, v1::GetServerInfoRequest(), timeout);
  }
  absl::StatusOr<v1::CreateBackupResponse> CreateBackup(const v1::CreateBackupRequest& request,
                                                        absl::Duration timeout) override {
    return Call(admin_, &AdminStub::CreateBackup, request, timeout);
  }
  absl::StatusOr<v1::ListBackupsResponse> ListBackups(absl::Duration timeout) override {
    return Call(admin_, &AdminStub::ListBackups, v1::ListBackupsRequest(), timeout);
  }
  absl::StatusOr<v1::CreateTokenResponse> CreateToken(const v1::CreateTokenRequest& request,
                                                      absl::Duration timeout) override {
    return Call(access_, &AccessStub::CreateToken, request, timeout);
  }
  absl::StatusOr<v1::ListTokensResponse> ListTokens(absl::Duration timeout) override {
    return Call(access_, &AccessStub::ListTokens, v1::ListTokensRequest(), timeout);
  }
  absl::StatusOr<v1::RotateTokenResponse> RotateToken(const v1::RotateTokenRequest& request,
                                                      absl::Duration timeout) override {
    return Call(access_, &AccessStub::RotateToken, request, timeout);
  }
  absl::Status RevokeToken(const v1::RevokeTokenRequest& request, absl::Duration timeout) override {
    return Call(access_, &AccessStub::RevokeToken, request, timeout).status();
  }

  void UseAccessToken(std::function<std::string()> source) override { token_source_ = std::move(source); }

 private:
  using TaskStub = v1::TaskBroker::Stub;
  using AdminStub = v1::TaskAdmin::Stub;
  using AccessStub = v1::AccessAdmin::Stub;

  // Empty: none.
  std::string Token() const { return token_source_ == nullptr ? "" : token_source_(); }

  // CallOnce, and again when an overloaded broker says so: it has done nothing of what was asked.
  template <class Stub, class Request, class Response>
  absl::StatusOr<Response> Call(Stub& stub,
                                grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                                const Request& request, absl::Duration timeout) {
    absl::Duration pause;
    absl::Duration left = timeout;
    while (true) {
      const auto begun = std::chrono::steady_clock::now();
      absl::StatusOr<Response> outcome = CallOnce(stub, method, request, left, Token());
      if (outcome.ok() || sleep_ == nullptr || ReasonOf(outcome.status()) != "OVERLOADED") return outcome;
      pause = std::max(RetryAfterOf(outcome.status()), std::clamp(2 * pause, kLeastPause, kMostPause));
      left -= absl::FromChrono(std::chrono::steady_clock::now() - begun) + pause;
      if (left <= absl::ZeroDuration()) return outcome;
      sleep_(pause);
    }
  }

  TaskStub tasks_;
  AdminStub admin_;
  AccessStub access_;
  std::function<std::string()> token_source_;
  const std::function<void(absl::Duration)> sleep_;
};

grpc::ChannelArguments ChannelOptions() {
  grpc::ChannelArguments options;
  // The broker cuts its answers to 4 MiB unless a single item is larger: take that item.
  options.SetMaxReceiveMessageSize(-1);
  // A proxy set for the web must not come between this program and a broker on the same machine.
  options.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // Of a broker whose machine is gone, a stream would wait for ever.
  options.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 20'000);
  options.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  options.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // A broker that restarts is back in moments: a waiting command finds it at once.
  options.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  options.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 1000);
  options.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2000);
  return options;
}

}  // namespace

std::unique_ptr<Broker> ConnectBroker(const std::string& address, std::function<void(absl::Duration)> sleep,
                                      const TlsOptions& tls) {
  const TlsOptions complete = internal::CompleteTls(tls);
  const internal::Endpoint endpoint = internal::ResolveEndpoint(address, complete);
  grpc::ChannelArguments options = ChannelOptions();
  std::shared_ptr<grpc::ChannelCredentials> credentials = grpc::InsecureChannelCredentials();
  if (endpoint.encrypted) {
    KeepGrpcQuiet();
    const internal::TlsMaterial material = internal::ReadTls(complete).value_or(internal::TlsMaterial());
    credentials = grpc::SslCredentials({material.ca, material.key, material.certificate});
    if (!complete.server_name.empty()) options.SetSslTargetNameOverride(complete.server_name);
    // The deadline of an attempt to connect, which is more than a greeting here.
    options.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 5000);
  }
  return std::make_unique<GrpcBroker>(grpc::CreateCustomChannel(endpoint.target, credentials, options),
                                      std::move(sleep));
}

}  // namespace baton::cli
