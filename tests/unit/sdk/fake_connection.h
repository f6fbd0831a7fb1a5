#ifndef BATON_TESTS_UNIT_SDK_FAKE_CONNECTION_H_
#define BATON_TESTS_UNIT_SDK_FAKE_CONNECTION_H_

#include <atomic>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "gtest/gtest.h"
#include "worker_sdk/src/broker_connection.h"
#include "worker_sdk/src/make_status.h"

namespace baton::inline sdk {
namespace internal {

// Waits that a test gives to other threads; reached only by a test that fails.
inline constexpr absl::Duration kPatience = absl::Seconds(20);

// Things that happened, to be looked at one after another.
template <typename T>
class Inbox {
 public:
  void Push(T item) {
    absl::MutexLock lock(&mutex_);
    items_.push_back(std::move(item));
  }
  // The oldest one; waits for it.
  T Take(const char* what) {
    absl::MutexLock lock(&mutex_);
    const auto filled = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !items_.empty(); };
    if (!mutex_.AwaitWithTimeout(absl::Condition(&filled), kPatience)) {
      ADD_FAILURE() << "waited in vain for: " << what;
      return T();
    }
    T item = std::move(items_.front());
    items_.pop_front();
    return item;
  }
  bool empty() const {
    absl::MutexLock lock(&mutex_);
    return items_.empty();
  }
  std::deque<T> TakeAll() {
    absl::MutexLock lock(&mutex_);
    return std::exchange(items_, {});
  }

 private:
  mutable absl::Mutex mutex_;
  std::deque<T> items_ ABSL_GUARDED_BY(mutex_);
};

template <typename Request, typename Response>
struct PendingCall {
  Request request;
  CallOptions options;
  Answer<Response> answer;

  void Succeed(Response response = {}) { answer(absl::OkStatus(), response); }
  void Fail(const absl::Status& status) {
    Response response;
    answer(status, response);
  }
};

struct OpenedStream {
  uint64_t number = 0;
  v1::Hello hello;
};

struct NewAddress {
  std::string address;
  bool stay_encrypted = false;
};

// A broker whose part the test plays: calls wait in inboxes for their answers.
class FakeConnection final : public BrokerConnection {
 public:
  void OpenClaim(uint64_t stream, const v1::Hello& hello, std::weak_ptr<ClaimObserver> observer) override {
    {
      absl::MutexLock lock(&mutex_);
      observer_ = std::move(observer);
    }
    opened.Push({stream, hello});
  }
  void UpdateClaim(uint64_t stream, const v1::WorkerUpdate& update) override {
    updates.Push(update);
    if (takes_updates) TakeUpdate(stream, update);
  }
  void TakeUpdate(uint64_t stream, const v1::WorkerUpdate& update) {
    v1::ClaimResponse message;
    message.mutable_update_taken()->set_number(update.number());
    if (const auto worker = observer()) worker->OnClaimMessage(stream, message);
  }
  void HalfCloseClaim(uint64_t stream) override { half_closed.Push(stream); }
  void CancelClaim(uint64_t stream) override { cancelled.Push(stream); }
  void SetAddress(const std::string& address, bool stay_encrypted) override {
    addresses.Push({address, stay_encrypted});
  }
  void Close() override {
    const auto cancel = [](auto& inbox) {
      for (auto& call : inbox.TakeAll()) call.Fail(absl::CancelledError("the connection was closed"));
    };
    cancel(beats);
    cancel(completes);
    cancel(audits);
    cancel(progresses);
    cancel(parts);
    cancel(child_pages);
    cancel(submits);
    cancel(gets);
    cancel(waits);
    cancel(cancels);
    cancel(resumes);
    cancel(creates);
    cancel(pauses);
    cancel(unpauses);
    cancel(triggers);
    cancel(deletes);
  }

#define BATON_FAKE(method, inbox)                                                                                      \
  void method(const v1::method##Request& request, CallOptions options, Answer<v1::method##Response> answer) override { \
    inbox.Push({request, options, std::move(answer)});                                                                 \
  }                                                                                                                    \
  Inbox<PendingCall<v1::method##Request, v1::method##Response>> inbox;
  BATON_FAKE(Heartbeat, beats)
  BATON_FAKE(Complete, completes)
  BATON_FAKE(Audit, audits)
  BATON_FAKE(Progress, progresses)
  BATON_FAKE(SpawnChildren, parts)
  BATON_FAKE(ListChildOutcomes, child_pages)
  BATON_FAKE(Submit, submits)
  BATON_FAKE(Get, gets)
  BATON_FAKE(Wait, waits)
  BATON_FAKE(Cancel, cancels)
  BATON_FAKE(Resume, resumes)
  BATON_FAKE(CreateSchedule, creates)
  BATON_FAKE(PauseSchedule, pauses)
  BATON_FAKE(UnpauseSchedule, unpauses)
  BATON_FAKE(TriggerSchedule, triggers)
  BATON_FAKE(DeleteSchedule, deletes)
#undef BATON_FAKE

  std::shared_ptr<ClaimObserver> observer() {
    absl::MutexLock lock(&mutex_);
    return observer_.lock();
  }

  Inbox<OpenedStream> opened;
  Inbox<v1::WorkerUpdate> updates;
  // Says at once that an update is in force.
  std::atomic<bool> takes_updates = true;
  Inbox<uint64_t> half_closed;
  Inbox<uint64_t> cancelled;
  Inbox<NewAddress> addresses;

 private:
  absl::Mutex mutex_;
  std::weak_ptr<ClaimObserver> observer_ ABSL_GUARDED_BY(mutex_);
};

// How a broker refuses a call as a whole that has more items than it is configured to take, or more bytes.
inline absl::Status TooManyItems() {
  return MakeStatus(static_cast<int>(absl::StatusCode::kInvalidArgument), "more items than are allowed: cut the call",
                    "TOO_MANY_ITEMS", absl::ZeroDuration());
}
inline absl::Status Oversized() { return absl::ResourceExhaustedError("Received message larger than max (9 vs. 4)"); }

// An answer to a Complete, Audit or Progress call: every item accepted.
template <typename Response>
Response AllAccepted(size_t items) {
  Response response;
  for (size_t i = 0; i < items; ++i) response.add_results();
  return response;
}

template <typename Response>
void Refuse(Response* response, int item, absl::StatusCode code, const std::string& reason) {
  v1::Error* error = response->mutable_results(item)->mutable_error();
  error->set_code(static_cast<int>(code));
  error->set_reason(reason);
  error->set_message("refused by the test: " + reason);
}

}  // namespace internal
}  // namespace baton::inline sdk

#endif  // BATON_TESTS_UNIT_SDK_FAKE_CONNECTION_H_
