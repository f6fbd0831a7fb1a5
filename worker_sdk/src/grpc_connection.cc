// Streams over gRPC, and the connection that they and the calls go through: with grpc_unary_call.h and broker_channel.h
// all of the library that knows gRPC.
#include <grpcpp/alarm.h>
#include <grpcpp/grpcpp.h>

#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "baton/v1/admin.grpc.pb.h"
#include "baton/v1/broker.grpc.pb.h"
#include "worker_sdk/src/broker_channel.h"
#include "worker_sdk/src/broker_connection.h"
#include "worker_sdk/src/grpc_unary_call.h"

namespace baton::inline sdk {
namespace internal {
namespace {

// ── The Claim stream ──

// One stream, from its start to its end; kept alive by its operations. Writes may come from any thread, one is under
// way at a time; the updates that come meanwhile are replaced by the last one, which says it all.
class ClaimCall : public std::enable_shared_from_this<ClaimCall> {
 public:
  ClaimCall(uint64_t number, std::shared_ptr<Stubs> stubs, std::shared_ptr<AccessToken> token,
            std::weak_ptr<ClaimObserver> observer, Outstanding* outstanding)
      : number_(number),
        stubs_(std::move(stubs)),
        token_(std::move(token)),
        observer_(std::move(observer)),
        outstanding_(outstanding) {}

  void Start(grpc::CompletionQueue* queue, const v1::Hello& hello) {
    if (!outstanding_->Begin(&context_)) return;
    absl::MutexLock lock(&mutex_);
    if (token_ != nullptr) token_->Refresh();
    if (absl::Status refused = ShowToken(token_.get(), *stubs_, &context_, &sent_token_); !refused.ok()) {
      closing_ = true;
      alarm_.Set(queue, gpr_now(GPR_CLOCK_MONOTONIC), Operation([this, refused](bool) { Closed(refused); }));
      return;
    }
    *next_write_.emplace().mutable_hello() = hello;
    stream_ = stubs_->tasks.PrepareAsyncClaim(&context_, queue);
    stream_->StartCall(Operation([this](bool ok) { OnStarted(ok); }));
  }
  void Update(const v1::WorkerUpdate& update) {
    absl::MutexLock lock(&mutex_);
    if (closing_ || half_close_) return;
    // An update that overtook its own hello would break the order: it becomes part of it.
    if (next_write_ && next_write_->has_hello()) {
      *next_write_->mutable_hello()->mutable_worker() = update;
    } else {
      *(next_write_ ? *next_write_ : next_write_.emplace()).mutable_update() = update;
    }
    WriteLocked();
  }
  void HalfClose() {
    absl::MutexLock lock(&mutex_);
    half_close_ = true;
    WriteLocked();
  }
  void Cancel() { context_.TryCancel(); }

 private:
  // Keeps the stream alive until the operation is done.
  class OperationTag final : public Completion {
   public:
    OperationTag(std::shared_ptr<ClaimCall> call, std::function<void(bool)> done)
        : call_(std::move(call)), done_(std::move(done)) {}
    void Done(bool ok) override {
      done_(ok);
      delete this;
    }

   private:
    const std::shared_ptr<ClaimCall> call_;
    const std::function<void(bool)> done_;
  };

  Completion* Operation(std::function<void(bool)> done) {
    return new OperationTag(shared_from_this(), std::move(done));
  }

  void OnStarted(bool ok) {
    if (!ok) return Finish();
    {
      absl::MutexLock lock(&mutex_);
      started_ = true;
      WriteLocked();
    }
    Read();
  }

  void Read() {
    stream_->Read(&response_, Operation([this](bool ok) {
      if (!ok) return Finish();
      if (const std::shared_ptr<ClaimObserver> observer = observer_.lock()) {
        observer->OnClaimMessage(number_, response_);
      }
      Read();
    }));
  }

  void WriteLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!started_ || writing_ || closing_) return;
    if (next_write_) {
      writing_ = true;
      stream_->Write(*next_write_, Operation([this](bool) { OnWritten(); }));
      next_write_.reset();
    } else if (half_close_ && !half_closed_) {
      half_closed_ = true;
      writing_ = true;
      stream_->WritesDone(Operation([this](bool) { OnWritten(); }));
    }
  }
  // Failed or not: the end of a broken stream is told by its reads.
  void OnWritten() {
    absl::MutexLock lock(&mutex_);
    writing_ = false;
    WriteLocked();
  }

  void Finish() {
    {
      absl::MutexLock lock(&mutex_);
      closing_ = true;
    }
    stream_->Finish(&status_, Operation([this](bool) { Closed(EndOf(status_, *stubs_, token_.get(), sent_token_)); }));
  }

  void Closed(const absl::Status& status) {
    if (const std::shared_ptr<ClaimObserver> observer = observer_.lock()) observer->OnClaimClosed(number_, status);
    outstanding_->End(&context_);
  }

  const uint64_t number_;
  const std::shared_ptr<Stubs> stubs_;
  const std::shared_ptr<AccessToken> token_;
  const std::weak_ptr<ClaimObserver> observer_;
  Outstanding* const outstanding_;
  std::string sent_token_;
  grpc::Alarm alarm_;
  grpc::ClientContext context_;
  // Used by one operation each, or for what is thread-safe.
  std::unique_ptr<grpc::ClientAsyncReaderWriter<v1::ClaimRequest, v1::ClaimResponse>> stream_;
  v1::ClaimResponse response_;
  grpc::Status status_;

  absl::Mutex mutex_;
  std::optional<v1::ClaimRequest> next_write_ ABSL_GUARDED_BY(mutex_);
  bool started_ ABSL_GUARDED_BY(mutex_) = false;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool half_close_ ABSL_GUARDED_BY(mutex_) = false;
  bool half_closed_ ABSL_GUARDED_BY(mutex_) = false;
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;
};

// ── The connection: one completion queue, one thread ──

class GrpcConnection final : public BrokerConnection {
 public:
  GrpcConnection(const std::string& address, const TlsOptions& tls, std::shared_ptr<AccessToken> token)
      : token_(std::move(token)),
        channel_(address, tls),
        stubs_(std::make_shared<Stubs>(channel_)),
        thread_([this] { Loop(); }) {}
  ~GrpcConnection() override { Close(); }

  void OpenClaim(uint64_t stream, const v1::Hello& hello, std::weak_ptr<ClaimObserver> observer) override {
    auto call = std::make_shared<ClaimCall>(stream, CurrentStubs(), token_, std::move(observer), &outstanding_);
    {
      absl::MutexLock lock(&mutex_);
      // Only the last one matters: whoever opens a stream has seen the end of the one before.
      claim_ = {stream, call};
    }
    call->Start(&queue_, hello);
  }
  void UpdateClaim(uint64_t stream, const v1::WorkerUpdate& update) override {
    if (const std::shared_ptr<ClaimCall> call = claim(stream)) call->Update(update);
  }
  void HalfCloseClaim(uint64_t stream) override {
    if (const std::shared_ptr<ClaimCall> call = claim(stream)) call->HalfClose();
  }
  void CancelClaim(uint64_t stream) override {
    if (const std::shared_ptr<ClaimCall> call = claim(stream)) call->Cancel();
  }

#define BATON_UNARY_OF(stub, service, method)                                                                          \
  void method(const v1::method##Request& request, CallOptions options, Answer<v1::method##Response> answer) override { \
    const std::shared_ptr<Stubs> stubs = CurrentStubs();                                                               \
    auto* call = new UnaryCall<v1::method##Response>(&outstanding_, stubs, token_, options, std::move(answer));        \
    call->Start(&stubs->stub, &queue_, &v1::service::Stub::Async##method, request);                                    \
  }
#define BATON_UNARY(method) BATON_UNARY_OF(tasks, TaskBroker, method)
  BATON_UNARY(Heartbeat)
  BATON_UNARY(Complete)
  BATON_UNARY(Audit)
  BATON_UNARY(Progress)
  BATON_UNARY(SpawnChildren)
  BATON_UNARY(ListChildOutcomes)
  BATON_UNARY(Submit)
  BATON_UNARY(Get)
  BATON_UNARY(Wait)
  BATON_UNARY(Cancel)
  BATON_UNARY(Resume)
#undef BATON_UNARY
  BATON_UNARY_OF(admin, TaskAdmin, CreateSchedule)
  BATON_UNARY_OF(admin, TaskAdmin, PauseSchedule)
  BATON_UNARY_OF(admin, TaskAdmin, UnpauseSchedule)
  BATON_UNARY_OF(admin, TaskAdmin, TriggerSchedule)
  BATON_UNARY_OF(admin, TaskAdmin, DeleteSchedule)
#undef BATON_UNARY_OF

  void SetAddress(const std::string& address, bool stay_encrypted) override {
    absl::MutexLock lock(&mutex_);
    channel_.SetAddress(address, stay_encrypted);
    stubs_ = std::make_shared<Stubs>(channel_);
  }

  void Close() override {
    outstanding_.CloseAndWait();
    std::thread thread;
    {
      absl::MutexLock lock(&mutex_);
      claim_ = {};
      thread.swap(thread_);
    }
    if (!thread.joinable()) return;
    queue_.Shutdown();
    thread.join();
  }

 private:
  void Loop() {
    void* tag = nullptr;
    bool ok = false;
    while (queue_.Next(&tag, &ok)) static_cast<Completion*>(tag)->Done(ok);
  }

  std::shared_ptr<Stubs> CurrentStubs() {
    absl::MutexLock lock(&mutex_);
    if (channel_.RenewIfChanged()) stubs_ = std::make_shared<Stubs>(channel_);
    return stubs_;
  }
  std::shared_ptr<ClaimCall> claim(uint64_t stream) {
    absl::MutexLock lock(&mutex_);
    return claim_.first == stream ? claim_.second : nullptr;
  }

  grpc::CompletionQueue queue_;
  Outstanding outstanding_;
  const std::shared_ptr<AccessToken> token_;
  absl::Mutex mutex_;
  BrokerChannel channel_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<Stubs> stubs_ ABSL_GUARDED_BY(mutex_);
  std::pair<uint64_t, std::shared_ptr<ClaimCall>> claim_ ABSL_GUARDED_BY(mutex_);
  // Last: it uses the others.
  std::thread thread_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

std::shared_ptr<BrokerConnection> MakeGrpcConnection(const std::string& address, const TlsOptions& tls,
                                                     std::shared_ptr<AccessToken> token) {
  return std::make_shared<GrpcConnection>(address, tls, std::move(token));
}

}  // namespace internal
}  // namespace baton::inline sdk
