#ifndef BATON_TESTS_UNIT_SDK_WORKER_FIXTURE_H_
#define BATON_TESTS_UNIT_SDK_WORKER_FIXTURE_H_

#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"
#include "tests/unit/sdk/fake_connection.h"
#include "tests/unit/sdk/manual_scheduler.h"
#include "worker_sdk/src/worker_core.h"

namespace baton::inline sdk {
namespace internal {

// A worker against a broker that the test plays.
class WorkerTest : public ::testing::Test {
 protected:
  WorkerTest() { identity_.worker_id = "w"; }

  ~WorkerTest() override {
    release_.Notify();
    if (!runner_.joinable()) return;
    if (!ended_) EndWorker();
    runner_.join();
  }

  WorkerCore& worker() {
    if (worker_ == nullptr) {
      identity_.log = [this](LogLevel level, const std::string& text) {
        if (level >= LogLevel::kWarning) log_.Push(text);
      };
      WorkerParts parts;
      parts.connect = [this] { return broker_; };
      parts.scheduler = scheduler_;
      parts.start_thread = start_thread_;
      parts.instance_id = "instance";
      parts.seed = 1;
      worker_ = std::make_shared<WorkerCore>(identity_, std::move(parts));
    }
    return *worker_;
  }

  void Use(const std::string& type, HandlerFunction handler) {
    std::vector<Registration> one;
    one.emplace_back(type, std::move(handler));
    EXPECT_TRUE(worker().Use(std::move(one)).ok());
  }
  void Configure(int max_concurrency, int prefetch) {
    EXPECT_TRUE(worker().Configure({.max_concurrency = max_concurrency, .prefetch = prefetch}).ok());
  }

  // Runs the worker on a thread of its own, up to its first hello.
  v1::Hello Start() {
    runner_ = std::thread([core = (worker(), worker_), this] {
      result_ = core->Run();
      returned_.Notify();
    });
    return AwaitHello();
  }
  v1::Hello AwaitHello() {
    OpenedStream opened = broker_->opened.Take("a hello");
    stream_ = opened.number;
    return opened.hello;
  }
  void Welcome(const std::vector<v1::AttemptVerdict>& verdicts = {}, int64_t beat_interval_us = 3'000'000,
               int64_t beat_window_us = 0) {
    v1::ClaimResponse message;
    v1::Welcome* welcome = message.mutable_welcome();
    welcome->set_session(++session_);
    welcome->set_incarnation(7);
    welcome->set_beat_interval_us(beat_interval_us);
    welcome->set_beat_window_us(beat_window_us);
    for (v1::AttemptVerdict verdict : verdicts) welcome->add_verdicts(verdict);
    Say(message);
  }
  void StartAndWelcome() {
    Start();
    Welcome();
  }

  void Say(v1::ClaimResponse message) {
    if (const auto observer = broker_->observer()) observer->OnClaimMessage(stream_, message);
  }
  void Close(const absl::Status& status) { broker_->observer()->OnClaimClosed(stream_, status); }

  v1::Delivery MakeDelivery(uint64_t number, const std::string& type = "t") {
    v1::Delivery delivery;
    delivery.set_number(number);
    delivery.set_attempt_token(Token(number));
    delivery.set_task_id(100 + number);
    delivery.set_attempt(1);
    delivery.set_type(type);
    delivery.set_timeout_us(60'000'000);
    return delivery;
  }
  static std::string Token(uint64_t number) { return "token-" + std::to_string(number); }
  void Deliver(const std::vector<v1::Delivery>& deliveries) {
    v1::ClaimResponse message;
    for (const v1::Delivery& delivery : deliveries) *message.mutable_deliveries()->add_deliveries() = delivery;
    Say(message);
  }

  using CompleteCall = PendingCall<v1::CompleteRequest, v1::CompleteResponse>;
  CompleteCall TakeComplete() { return broker_->completes.Take("a Complete call"); }
  // Takes the next call, accepts all of it and returns what it said.
  v1::CompleteRequest AcceptComplete() {
    CompleteCall call = TakeComplete();
    if (call.answer) call.Succeed(AllAccepted<v1::CompleteResponse>(call.request.outcomes_size()));
    return call.request;
  }

  absl::Status AwaitResult() {
    EXPECT_TRUE(returned_.WaitForNotificationWithTimeout(kPatience)) << "Run() does not return";
    ended_ = true;
    return result_;
  }
  // Shuts an idle worker down and plays the broker's part in it.
  absl::Status ShutDown() {
    worker().Shutdown();
    broker_->half_closed.Take("the end of the worker's side");
    Close(absl::OkStatus());
    return AwaitResult();
  }

  // A handler that reports that it runs and then waits for the test (or for being told to stop).
  HandlerFunction Blocking(const std::string& result = "done") {
    return [this, result](Task& task) {
      running_.Push(task.id());
      while (!release_.WaitForNotificationWithTimeout(absl::Milliseconds(1)) && !task.cancelled()) {
      }
      return task.cancelled() ? Outcome(Error("cancelled: " + task.cancel_reason())) : Outcome(result);
    };
  }

  WorkerIdentity identity_;
  std::shared_ptr<FakeConnection> broker_ = std::make_shared<FakeConnection>();
  std::shared_ptr<ManualScheduler> scheduler_ = std::make_shared<ManualScheduler>();
  HandlerPool::StartFunction start_thread_ = StartDetachedThread;
  Inbox<uint64_t> running_;
  Inbox<std::string> log_;

  // For tests that do not end their worker themselves. A superseded worker waits for nothing; one without a stream
  // gives up at its drain deadline.
  void EndWorker() {
    v1::ClaimResponse message;
    message.mutable_order()->mutable_superseded();
    Say(message);
    worker().Shutdown();
    scheduler_->Advance(absl::Seconds(31));
    scheduler_->Advance(absl::Seconds(3));
  }

  // Lets blocking handlers return.
  struct Gate {
    void Notify() {
      absl::MutexLock lock(&mutex);
      open = true;
    }
    bool WaitForNotificationWithTimeout(absl::Duration timeout) {
      absl::MutexLock lock(&mutex);
      return mutex.AwaitWithTimeout(absl::Condition(&open), timeout);
    }
    absl::Mutex mutex;
    bool open = false;
  } release_;

 private:
  std::shared_ptr<WorkerCore> worker_;
  std::thread runner_;
  absl::Notification returned_;
  absl::Status result_;
  bool ended_ = false;
  uint64_t stream_ = 0;
  uint64_t session_ = 0;
};

}  // namespace internal
}  // namespace baton::inline sdk

#endif  // BATON_TESTS_UNIT_SDK_WORKER_FIXTURE_H_
