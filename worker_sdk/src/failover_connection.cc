#include "worker_sdk/src/failover_connection.h"

#include <cstdint>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "baton/error.h"

namespace baton::inline sdk {
namespace internal {
namespace {

// Where calls go, and when that changes.
class AddressBook {
 public:
  AddressBook(std::shared_ptr<BrokerConnection> connection, std::vector<std::string> addresses)
      : connection_(std::move(connection)), addresses_(std::move(addresses)) {}

  // Counts the addresses that calls went to; told with the end of a call that began then.
  uint64_t generation() const {
    absl::MutexLock lock(&mutex_);
    return generation_;
  }
  void Judge(uint64_t generation, const absl::Status& status) {
    // A broker that refuses an old access token is there.
    if (!absl::IsUnavailable(status) || ErrorReason(status) == kAccessTokenReplaced) return;
    absl::MutexLock lock(&mutex_);
    // Others that failed with it have seen to that.
    if (generation != generation_) return;
    ++generation_;
    next_ = (next_ + 1) % addresses_.size();
    // Whoever wrote the addresses has said of each how to talk to it.
    connection_->SetAddress(addresses_[next_], /*stay_encrypted=*/false);
  }
  // To one that is not of the list.
  void GoTo(const std::string& address, bool stay_encrypted) {
    absl::MutexLock lock(&mutex_);
    ++generation_;
    connection_->SetAddress(address, stay_encrypted);
  }

 private:
  const std::shared_ptr<BrokerConnection> connection_;
  const std::vector<std::string> addresses_;
  mutable absl::Mutex mutex_;
  uint64_t generation_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t next_ ABSL_GUARDED_BY(mutex_) = 0;
};

// Passes on what happens on streams.
class StreamWatcher final : public ClaimObserver {
 public:
  explicit StreamWatcher(std::shared_ptr<AddressBook> book) : book_(std::move(book)) {}

  void Watch(uint64_t stream, std::weak_ptr<ClaimObserver> observer) {
    absl::MutexLock lock(&mutex_);
    streams_[stream] = {book_->generation(), std::move(observer)};
  }
  void OnClaimMessage(uint64_t stream, v1::ClaimResponse& message) override {
    std::weak_ptr<ClaimObserver> observer;
    {
      absl::MutexLock lock(&mutex_);
      const auto found = streams_.find(stream);
      if (found != streams_.end()) observer = found->second.observer;
    }
    if (const auto heard = observer.lock()) heard->OnClaimMessage(stream, message);
  }
  void OnClaimClosed(uint64_t stream, const absl::Status& status) override {
    Watched closed;
    {
      absl::MutexLock lock(&mutex_);
      const auto found = streams_.find(stream);
      if (found == streams_.end()) return;
      closed = found->second;
      streams_.erase(found);
    }
    book_->Judge(closed.generation, status);
    if (const auto observer = closed.observer.lock()) observer->OnClaimClosed(stream, status);
  }

 private:
  struct Watched {
    uint64_t generation = 0;
    std::weak_ptr<ClaimObserver> observer;
  };

  const std::shared_ptr<AddressBook> book_;
  absl::Mutex mutex_;
  absl::flat_hash_map<uint64_t, Watched> streams_ ABSL_GUARDED_BY(mutex_);
};

class FailoverConnection final : public BrokerConnection {
 public:
  FailoverConnection(std::shared_ptr<BrokerConnection> connection, std::vector<std::string> addresses)
      : connection_(connection),
        book_(std::make_shared<AddressBook>(std::move(connection), std::move(addresses))),
        watcher_(std::make_shared<StreamWatcher>(book_)) {}
  ~FailoverConnection() override { connection_->Close(); }

  void OpenClaim(uint64_t stream, const v1::Hello& hello, std::weak_ptr<ClaimObserver> observer) override {
    watcher_->Watch(stream, std::move(observer));
    connection_->OpenClaim(stream, hello, watcher_);
  }
  void UpdateClaim(uint64_t stream, const v1::WorkerUpdate& update) override {
    connection_->UpdateClaim(stream, update);
  }
  void HalfCloseClaim(uint64_t stream) override { connection_->HalfCloseClaim(stream); }
  void CancelClaim(uint64_t stream) override { connection_->CancelClaim(stream); }

#define BATON_FAILOVER(method)                                                                                         \
  void method(const v1::method##Request& request, CallOptions options, Answer<v1::method##Response> answer) override { \
    options.wait_for_ready = false;                                                                                    \
    connection_->method(request, options,                                                                              \
                        [book = book_, generation = book_->generation(), answer = std::move(answer)](                  \
                            const absl::Status& status, v1::method##Response& response) {                              \
                          book->Judge(generation, status);                                                             \
                          answer(status, response);                                                                    \
                        });                                                                                            \
  }
  BATON_FAILOVER(Heartbeat)
  BATON_FAILOVER(Complete)
  BATON_FAILOVER(Audit)
  BATON_FAILOVER(Progress)
  BATON_FAILOVER(SpawnChildren)
  BATON_FAILOVER(ListChildOutcomes)
  BATON_FAILOVER(Submit)
  BATON_FAILOVER(Get)
  BATON_FAILOVER(Wait)
  BATON_FAILOVER(Cancel)
  BATON_FAILOVER(Resume)
  BATON_FAILOVER(CreateSchedule)
  BATON_FAILOVER(PauseSchedule)
  BATON_FAILOVER(UnpauseSchedule)
  BATON_FAILOVER(TriggerSchedule)
  BATON_FAILOVER(DeleteSchedule)
#undef BATON_FAILOVER

  void SetAddress(const std::string& address, bool stay_encrypted) override { book_->GoTo(address, stay_encrypted); }
  void Close() override { connection_->Close(); }

 private:
  const std::shared_ptr<BrokerConnection> connection_;
  // Shared with the answers that are open.
  const std::shared_ptr<AddressBook> book_;
  const std::shared_ptr<StreamWatcher> watcher_;
};

}  // namespace

std::shared_ptr<BrokerConnection> MakeFailoverConnection(std::shared_ptr<BrokerConnection> connection,
                                                         std::vector<std::string> addresses) {
  return std::make_shared<FailoverConnection>(std::move(connection), std::move(addresses));
}

}  // namespace internal
}  // namespace baton::inline sdk
