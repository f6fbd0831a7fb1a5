// How the library talks to a broker, free of gRPC so that everything above it can be tested with a fake.
#ifndef BATON_WORKER_SDK_BROKER_CONNECTION_H_
#define BATON_WORKER_SDK_BROKER_CONNECTION_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "baton/tls.h"
#include "baton/v1/broker.pb.h"
#include "baton/v1/schedule.pb.h"
#include "baton/v1/worker.pb.h"
#include "worker_sdk/src/access_token.h"

namespace baton::inline sdk {
namespace internal {

// Called once for every call. The response may be moved from; it is meaningful with an OK status only.
template <typename Response>
using Answer = std::function<void(const absl::Status&, Response&)>;

// Hears what happens on Claim streams. Called on the connection's thread, one call at a time; must not block.
class ClaimObserver {
 public:
  virtual ~ClaimObserver() = default;
  virtual void OnClaimMessage(uint64_t stream, v1::ClaimResponse& message) = 0;
  // The last call for this stream. OK: the broker ended it properly.
  virtual void OnClaimClosed(uint64_t stream, const absl::Status& status) = 0;
};

// What a call is given besides its request.
struct CallOptions {
  absl::Duration timeout;
  // Wait for a broker that is not there yet instead of failing with UNAVAILABLE at once.
  bool wait_for_ready = false;
};

// One way to one broker. Makes each call once: retries belong to the callers, who know what may be repeated and until
// when. Thread-safe; methods return at once and keep no reference to their arguments. Answers come on the connection's
// own thread, which they must not block.
class BrokerConnection {
 public:
  virtual ~BrokerConnection() = default;

  // Opens a stream with a number of the caller's choosing and sends `hello` on it. `observer` hears of it as long as it
  // lives.
  virtual void OpenClaim(uint64_t stream, const v1::Hello& hello, std::weak_ptr<ClaimObserver> observer) = 0;
  // These have no effect on a stream that is closed.
  virtual void UpdateClaim(uint64_t stream, const v1::WorkerUpdate& update) = 0;
  // Says that no more will be written; the broker then ends the stream.
  virtual void HalfCloseClaim(uint64_t stream) = 0;
  virtual void CancelClaim(uint64_t stream) = 0;

  virtual void Heartbeat(const v1::HeartbeatRequest& request, CallOptions options,
                         Answer<v1::HeartbeatResponse> answer) = 0;
  virtual void Complete(const v1::CompleteRequest& request, CallOptions options,
                        Answer<v1::CompleteResponse> answer) = 0;
  virtual void Audit(const v1::AuditRequest& request, CallOptions options, Answer<v1::AuditResponse> answer) = 0;
  virtual void Progress(const v1::ProgressRequest& request, CallOptions options,
                        Answer<v1::ProgressResponse> answer) = 0;
  virtual void SpawnChildren(const v1::SpawnChildrenRequest& request, CallOptions options,
                             Answer<v1::SpawnChildrenResponse> answer) = 0;
  virtual void ListChildOutcomes(const v1::ListChildOutcomesRequest& request, CallOptions options,
                                 Answer<v1::ListChildOutcomesResponse> answer) = 0;

  virtual void Submit(const v1::SubmitRequest& request, CallOptions options, Answer<v1::SubmitResponse> answer) = 0;
  virtual void Get(const v1::GetRequest& request, CallOptions options, Answer<v1::GetResponse> answer) = 0;
  virtual void Wait(const v1::WaitRequest& request, CallOptions options, Answer<v1::WaitResponse> answer) = 0;
  virtual void Cancel(const v1::CancelRequest& request, CallOptions options, Answer<v1::CancelResponse> answer) = 0;
  virtual void Resume(const v1::ResumeRequest& request, CallOptions options, Answer<v1::ResumeResponse> answer) = 0;

  virtual void CreateSchedule(const v1::CreateScheduleRequest& request, CallOptions options,
                              Answer<v1::CreateScheduleResponse> answer) = 0;
  virtual void PauseSchedule(const v1::PauseScheduleRequest& request, CallOptions options,
                             Answer<v1::PauseScheduleResponse> answer) = 0;
  virtual void UnpauseSchedule(const v1::UnpauseScheduleRequest& request, CallOptions options,
                               Answer<v1::UnpauseScheduleResponse> answer) = 0;
  virtual void TriggerSchedule(const v1::TriggerScheduleRequest& request, CallOptions options,
                               Answer<v1::TriggerScheduleResponse> answer) = 0;
  virtual void DeleteSchedule(const v1::DeleteScheduleRequest& request, CallOptions options,
                              Answer<v1::DeleteScheduleResponse> answer) = 0;

  // Calls and streams made from now on go to another broker. They are encrypted if `address` says so, or TlsOptions;
  // `stay_encrypted`: also if they are now, unless it is a Unix socket.
  virtual void SetAddress(const std::string& address, bool stay_encrypted) = 0;
  // Cancels what is under way and returns when every answer was given; later calls are answered with CANCELLED, at once
  // and on the calling thread. Must not be called from an answer.
  virtual void Close() = 0;
};

// Reason of an UNAVAILABLE that has nothing to do with the broker: it refused an access token that was replaced
// meanwhile, and will take the call under the new one.
inline constexpr char kAccessTokenReplaced[] = "ACCESS_TOKEN_REPLACED";

// The real one, over gRPC. `address` and `tls`: as in WorkerIdentity, a single address. `token`: null means that none
// is shown.
std::shared_ptr<BrokerConnection> MakeGrpcConnection(const std::string& address, const TlsOptions& tls = {},
                                                     std::shared_ptr<AccessToken> token = nullptr);

// As FindAddresses (broker_address.h). kDefaultAddress in place of what cannot be used: nothing is sent there, since
// ValidateAddresses refuses it before.
std::string ResolveAddress(const std::string& configured);

}  // namespace internal
}  // namespace baton::inline sdk

#endif  // BATON_WORKER_SDK_BROKER_CONNECTION_H_
