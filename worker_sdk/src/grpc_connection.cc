// Calls and streams over gRPC; broker_channel.h has what they go through.
#include <grpcpp/grpcpp.h>

#include <set>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "baton/v1/admin.grpc.pb.h"
#include "baton/v1/broker.grpc.pb.h"
#include "worker_sdk/src/broker_channel.h"
#include "worker_sdk/src/broker_connection.h"
#include "worker_sdk/src/convert.h"
#include "worker_sdk/src/tls_files.h"

namespace baton::inline sdk {
namespace internal {
namespace {

// ── Status and channel ──

// Both services of one broker, and the way to it.
struct Stubs {
  explicit Stubs(const BrokerChannel& made)
      : encrypted(made.encrypted()), channel(made.get()), tasks(channel), admin(channel) {}

  bool is_connected() const { return channel->GetState(/*try_to_connect=*/false) == GRPC_CHANNEL_READY; }

  const bool encrypted;
  const std::shared_ptr<grpc::Channel> channel;
  v1::TaskBroker::Stub tasks;
  v1::TaskAdmin::Stub admin;
};

// What gRPC itself says, of a connection that it could not make, with what to do about it.
std::string Explained(const grpc::Status& status, const Stubs& stubs) {
  std::string message = status.error_message();
  if (!status.error_details().empty()) return message;
  if (status.error_code() == grpc::StatusCode::UNAVAILABLE) {
    const std::string advice = TlsAdvice(stubs.encrypted, message);
    return advice.empty() ? message : absl::StrCat(message, ". ", advice);
  }
  if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED && !stubs.encrypted && !stubs.is_connected()) {
    absl::StrAppend(&message,
                    ": there is no connection; if the broker speaks TLS, write tls:// in front of its address");
  }
  return message;
}

// The details are attached by Baton brokers only; without them there is no reason.
absl::Status FromGrpc(const grpc::Status& status, const Stubs& stubs) {
  if (status.ok()) return absl::OkStatus();
  v1::Status body;
  std::string reason;
  absl::Duration retry_after;
  if (!status.error_details().empty() && body.ParseFromString(status.error_details())) {
    for (const v1::Status::Any& detail : body.details()) {
      v1::ErrorInfo info;
      if (!absl::EndsWith(detail.type_url(), "ErrorInfo") || !info.ParseFromString(detail.value())) continue;
      reason = info.reason();
      int64_t micros = 0;
      const auto advice = info.metadata().find("retry_after_us");
      if (advice != info.metadata().end() && absl::SimpleAtoi(advice->second, &micros)) {
        retry_after = absl::Microseconds(micros);
      }
    }
  }
  return MakeStatus(static_cast<int>(status.error_code()), Explained(status, stubs), reason, retry_after);
}

// What the completion queue hands back.
class Completion {
 public:
  virtual ~Completion() = default;
  virtual void Done(bool ok) = 0;
};

// The operations that are under way, so that they can be cancelled and waited for.
class Outstanding {
 public:
  // False: closed; the operation must not start.
  bool Begin(grpc::ClientContext* context) {
    absl::MutexLock lock(&mutex_);
    if (closed_) return false;
    contexts_.insert(context);
    return true;
  }
  void End(grpc::ClientContext* context) {
    absl::MutexLock lock(&mutex_);
    contexts_.erase(context);
  }
  void CloseAndWait() {
    absl::MutexLock lock(&mutex_);
    closed_ = true;
    for (grpc::ClientContext* context : contexts_) context->TryCancel();
    const auto none = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return contexts_.empty(); };
    mutex_.Await(absl::Condition(&none));
  }

 private:
  absl::Mutex mutex_;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  std::set<grpc::ClientContext*> contexts_ ABSL_GUARDED_BY(mutex_);
};

// ── Unary calls ──

// Deletes itself when it is done.
template <typename Response>
class UnaryCall final : public Completion {
 public:
  UnaryCall(Outstanding* outstanding, std::shared_ptr<Stubs> stubs, CallOptions options, Answer<Response> answer)
      : outstanding_(outstanding), stubs_(std::move(stubs)), answer_(std::move(answer)) {
    context_.set_deadline(gpr_time_from_micros(Micros(options.timeout), GPR_TIMESPAN));
    // A call that waits never tells why there is no connection. Where certificates are shown that is worth knowing, and
    // whoever asks to wait tries again what is UNAVAILABLE.
    context_.set_wait_for_ready(options.wait_for_ready && !stubs_->encrypted);
  }

  template <typename Stub, typename Request, typename Method>
  void Start(Stub* stub, grpc::CompletionQueue* queue, Method method, const Request& request) {
    if (!outstanding_->Begin(&context_)) {
      answer_(absl::CancelledError("the connection was closed"), response_);
      delete this;
      return;
    }
    reader_ = (stub->*method)(&context_, request, queue);
    reader_->Finish(&response_, &status_, this);
  }

  void Done(bool) override {
    answer_(FromGrpc(status_, *stubs_), response_);
    // What the answer holds may be what waits for the end of this call.
    answer_ = nullptr;
    outstanding_->End(&context_);
    delete this;
  }

 private:
  Outstanding* const outstanding_;
  const std::shared_ptr<Stubs> stubs_;
  Answer<Response> answer_;
  grpc::ClientContext context_;
  grpc::Status status_;
  Response response_;
  std::unique_ptr<grpc::ClientAsyncResponseReader<Response>> reader_;
};

// ── The Claim stream ──

// One stream, from its start to its end; kept alive by its operations. Writes may come from any thread, one is under
// way at a time; the updates that come meanwhile are replaced by the last one, which says it all.
class ClaimCall : public std::enable_shared_from_this<ClaimCall> {
 public:
  ClaimCall(uint64_t number, std::shared_ptr<Stubs> stubs, std::weak_ptr<ClaimObserver> observer,
            Outstanding* outstanding)
      : number_(number), stubs_(std::move(stubs)), observer_(std::move(observer)), outstanding_(outstanding) {}

  void Start(v1::TaskBroker::Stub* stub, grpc::CompletionQueue* queue, const v1::Hello& hello) {
    if (!outstanding_->Begin(&context_)) return;
    absl::MutexLock lock(&mutex_);
    *next_write_.emplace().mutable_hello() = hello;
    stream_ = stub->PrepareAsyncClaim(&context_, queue);
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
    stream_->Finish(&status_, Operation([this](bool) {
      if (const std::shared_ptr<ClaimObserver> observer = observer_.lock()) {
        observer->OnClaimClosed(number_, FromGrpc(status_, *stubs_));
      }
      outstanding_->End(&context_);
    }));
  }

  const uint64_t number_;
  const std::shared_ptr<Stubs> stubs_;
  const std::weak_ptr<ClaimObserver> observer_;
  Outstanding* const outstanding_;
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
  GrpcConnection(const std::string& address, const TlsOptions& tls)
      : channel_(address, tls), stubs_(std::make_shared<Stubs>(channel_)), thread_([this] { Loop(); }) {}
  ~GrpcConnection() override { Close(); }

  void OpenClaim(uint64_t stream, const v1::Hello& hello, std::weak_ptr<ClaimObserver> observer) override {
    const std::shared_ptr<Stubs> stubs = CurrentStubs();
    auto call = std::make_shared<ClaimCall>(stream, stubs, std::move(observer), &outstanding_);
    {
      absl::MutexLock lock(&mutex_);
      // Only the last one matters: whoever opens a stream has seen the end of the one before.
      claim_ = {stream, call};
    }
    call->Start(&stubs->tasks, &queue_, hello);
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
    auto* call = new UnaryCall<v1::method##Response>(&outstanding_, stubs, options, std::move(answer));                \
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

  void SetAddress(const std::string& address) override {
    absl::MutexLock lock(&mutex_);
    channel_.SetAddress(address);
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
  absl::Mutex mutex_;
  BrokerChannel channel_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<Stubs> stubs_ ABSL_GUARDED_BY(mutex_);
  std::pair<uint64_t, std::shared_ptr<ClaimCall>> claim_ ABSL_GUARDED_BY(mutex_);
  // Last: it uses the others.
  std::thread thread_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

std::shared_ptr<BrokerConnection> MakeGrpcConnection(const std::string& address, const TlsOptions& tls) {
  return std::make_shared<GrpcConnection>(address, tls);
}

}  // namespace internal
}  // namespace baton::inline sdk
