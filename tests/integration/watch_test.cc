// Watching tasks over the wire.
#include <grpc/support/time.h>

#include <algorithm>
#include <set>
#include <thread>
#include <utility>

#include "tests/integration/broker_fixture.h"

namespace baton {
namespace {

using grpc::StatusCode;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

v1::WatchRequest WatchOf(uint64_t task_id) {
  v1::WatchRequest request;
  request.set_task_id(task_id);
  request.set_initial(true);
  return request;
}

// A call of Watch. Reads block, at most until the deadline of the call.
class Watching {
 public:
  Watching(v1::TaskAdmin::Stub& stub, const v1::WatchRequest& request) {
    context_.set_deadline(gpr_time_from_seconds(50, GPR_TIMESPAN));
    stream_ = stub.Watch(&context_, request);
  }
  ~Watching() {
    context_.TryCancel();
    if (!finished_) stream_->Finish();
  }

  bool Read() { return stream_->Read(&response_); }
  const v1::WatchResponse& response() const { return response_; }
  const std::string& token() const { return response_.resume_token(); }
  // The next response that tells something.
  const v1::WatchResponse& Next() {
    while (Read() && response_.tasks().empty()) continue;
    return response_;
  }
  // The states of the next tasks, until one has ended or the stream has.
  std::vector<v1::TaskState> StatesToTheEnd() {
    std::vector<v1::TaskState> states;
    while (Read()) {
      for (const v1::Task& task : response_.tasks()) states.push_back(task.state());
      if (!states.empty() && states.back() == v1::TASK_STATE_COMPLETED) break;
    }
    return states;
  }
  grpc::Status Finish() {
    finished_ = true;
    while (Read()) continue;
    return stream_->Finish();
  }
  // As a caller does who goes away.
  void Cancel() { context_.TryCancel(); }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::WatchResponse>> stream_;
  v1::WatchResponse response_;
  bool finished_ = false;
};

class WatchTest : public BrokerTest {
 protected:
  // Tasks of a type, 1,000 with each call, which are told with some 300 bytes each.
  void SubmitMany(int thousands, const std::string& type) {
    for (int i = 0; i < thousands; ++i) {
      TestContext context;
      v1::SubmitRequest request;
      v1::SubmitResponse response;
      for (int k = 0; k < 1000; ++k) {
        request.add_tasks()->set_type(type);
        request.mutable_tasks(k)->set_tag(std::string(128, 't'));
      }
      ASSERT_THAT(tasks().Submit(&context, request, &response), IsOk());
    }
  }
  void CompleteAll(WorkerStream& worker, size_t count) {
    for (size_t completed = 0; completed < count;) {
      TestContext context;
      v1::CompleteRequest request;
      v1::CompleteResponse response;
      request.set_session(worker.session());
      const std::vector<v1::Delivery> deliveries = worker.Deliveries(std::min<size_t>(500, count - completed));
      ASSERT_FALSE(deliveries.empty()) << completed << " completed";
      for (const v1::Delivery& delivery : deliveries) {
        v1::Outcome* outcome = request.add_outcomes();
        outcome->set_attempt_token(delivery.attempt_token());
        outcome->mutable_succeeded();
      }
      ASSERT_THAT(tasks().Complete(&context, request, &response), IsOk());
      completed += deliveries.size();
    }
  }
};

TEST_F(WatchTest, EveryStateIsTold) {
  const uint64_t id = Submit("render");
  Watching watching(admin(), WatchOf(id));
  EXPECT_EQ(watching.Next().tasks(0).state(), v1::TASK_STATE_PENDING);
  auto worker = Connect("w1", "render");
  const auto delivery = worker->NextDelivery();
  ASSERT_TRUE(delivery.has_value());
  EXPECT_EQ(watching.Next().tasks(0).state(), v1::TASK_STATE_RUNNING);
  EXPECT_EQ(watching.response().tasks(0).worker_id(), "w1");
  v1::Outcome suspended;
  suspended.set_attempt_token(delivery->attempt_token());
  suspended.mutable_suspended()->set_reason("ask");
  EXPECT_EQ(Complete(*worker, suspended).code(), 0);
  EXPECT_EQ(watching.Next().tasks(0).suspend_reason(), "ask");
  TestContext context;
  v1::ResumeRequest resume;
  v1::ResumeResponse resumed;
  resume.set_task_id(id);
  ASSERT_THAT(tasks().Resume(&context, resume, &resumed), IsOk());
  const auto again = worker->NextDelivery();
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(Succeed(*worker, *again).code(), 0);
  const std::vector<v1::TaskState> states = watching.StatesToTheEnd();
  EXPECT_EQ(states.back(), v1::TASK_STATE_COMPLETED);
}

TEST_F(WatchTest, AFailedTaskThatIsRetriedByHandIsToldAgain) {
  const uint64_t id = Submit("render");
  auto worker = Connect("w1", "render");
  const auto delivery = worker->NextDelivery();
  ASSERT_TRUE(delivery.has_value());
  v1::Outcome failed;
  failed.set_attempt_token(delivery->attempt_token());
  failed.mutable_failed()->set_error("boom");
  EXPECT_EQ(Complete(*worker, failed).code(), 0);
  worker->Finish();
  Watching watching(admin(), WatchOf(id));
  EXPECT_EQ(watching.Next().tasks(0).state(), v1::TASK_STATE_PERMANENTLY_FAILED);
  TestContext context;
  v1::RetryTaskRequest request;
  v1::RetryTaskResponse response;
  request.set_task_id(id);
  ASSERT_THAT(admin().RetryTask(&context, request, &response), IsOk());
  EXPECT_EQ(watching.Next().tasks(0).state(), v1::TASK_STATE_PENDING);
}

TEST_F(WatchTest, ARestartOfTheBrokerMissesNothing) {
  const uint64_t first = Submit("render");
  v1::WatchRequest request;
  request.mutable_filter()->set_type("render");
  {
    Watching watching(admin(), request);
    ASSERT_TRUE(watching.Read());
    EXPECT_TRUE(watching.response().caught_up());
    const uint64_t second = Submit("render");
    EXPECT_EQ(watching.Next().tasks(0).id(), second);
    request.set_resume_token(watching.token());
    Stop();
    EXPECT_THAT(watching.Finish(), FailsWith(StatusCode::UNAVAILABLE, "STOPPING", ""));
  }
  Start();
  auto worker = Connect("w1", "render");
  for (const v1::Delivery& delivery : worker->Deliveries(2)) EXPECT_EQ(Succeed(*worker, delivery).code(), 0);
  Restart();
  Watching watching(admin(), request);
  ASSERT_TRUE(watching.Read());
  std::set<uint64_t> ended;
  for (const v1::Task& task : watching.response().tasks()) {
    EXPECT_EQ(task.state(), v1::TASK_STATE_COMPLETED);
    ended.insert(task.id());
  }
  EXPECT_THAT(ended, ElementsAre(first, first + 1));
}

TEST_F(WatchTest, AWatcherThatDoesNotReadCostsAResponseAtMost) {
  Watching watching(admin(), v1::WatchRequest());
  ASSERT_TRUE(watching.Read());
  constexpr int kTasks = 20'000;
  auto worker = Connect("w1", "render", 1000);
  std::thread submit([this] { SubmitMany(kTasks / 1000, "render"); });
  CompleteAll(*worker, kTasks);
  submit.join();
  // Responses that were made meanwhile show it: not all in them has ended. The others were made when they were read.
  size_t kept_bytes = 0;
  std::set<uint64_t> ended;
  while (ended.size() < kTasks && watching.Read()) {
    size_t live = 0;
    for (const v1::Task& task : watching.response().tasks()) {
      if (task.state() == v1::TASK_STATE_COMPLETED) {
        ended.insert(task.id());
      } else {
        ++live;
      }
    }
    if (live > 0) kept_bytes += watching.response().ByteSizeLong();
  }
  EXPECT_EQ(ended.size(), size_t{kTasks});
  EXPECT_LT(kept_bytes, size_t{3 << 20}) << "all states of all tasks take five times as much";
}

TEST_F(WatchTest, ADrainIsWatchedToTheEnd) {
  const uint64_t id = Submit("render");
  auto worker = Connect("w1", "render");
  const auto delivery = worker->NextDelivery();
  ASSERT_TRUE(delivery.has_value());
  Watching watching(admin(), WatchOf(id));
  EXPECT_EQ(watching.Next().tasks(0).state(), v1::TASK_STATE_RUNNING);
  std::thread drain([this] { EXPECT_TRUE(broker().Drain("test")); });
  EXPECT_TRUE(worker->NextOrder().has_value());
  EXPECT_EQ(Succeed(*worker, *delivery).code(), 0);
  drain.join();
  EXPECT_THAT(watching.StatesToTheEnd(), ElementsAre(v1::TASK_STATE_COMPLETED));
  Stop();
  EXPECT_THAT(watching.Finish(), FailsWith(StatusCode::UNAVAILABLE, "STOPPING", ""));
}

TEST_F(WatchTest, AStopDoesNotWaitForAWatcherThatDoesNotRead) {
  SubmitMany(2, "render");
  v1::WatchRequest request;
  request.set_initial(true);
  Watching watching(admin(), request);
  ASSERT_TRUE(watching.Read());
  Stop();
  EXPECT_EQ(watching.Finish().error_code(), StatusCode::UNAVAILABLE);
}

TEST_F(WatchTest, WithNothingToTellAHeartbeatComes) {
  Stop();
  settings_.watch_heartbeat = 100 * kMillisecond;
  Start();
  v1::WatchRequest request;
  request.mutable_filter()->set_type("other");
  Watching watching(admin(), request);
  ASSERT_TRUE(watching.Read());
  const std::string begin = watching.token();
  Submit("render");
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(watching.Read());
    EXPECT_THAT(watching.response().tasks(), IsEmpty());
  }
  EXPECT_NE(watching.token(), begin) << "what need not be told is behind it";
}

TEST_F(WatchTest, WatchesAreLimitedAndAPlaceIsFreeAgainWhenACallerIsGone) {
  Stop();
  settings_.max_watches = 1;
  Start();
  Watching first(admin(), v1::WatchRequest());
  ASSERT_TRUE(first.Read());
  EXPECT_THAT(Watching(admin(), v1::WatchRequest()).Finish(),
              FailsWith(StatusCode::RESOURCE_EXHAUSTED, "TOO_MANY_WATCHES", "server.max_watches"));
  first.Cancel();
  first.Finish();
  // That it is gone may come to the broker after the next call.
  for (bool taken = false; !taken;) {
    Watching next(admin(), v1::WatchRequest());
    taken = next.Read();
    if (!taken) {
      ASSERT_EQ(next.Finish().error_code(), StatusCode::RESOURCE_EXHAUSTED);
    }
  }
}

TEST_F(WatchTest, TokensOfAnotherStoreAreExpired) {
  v1::WatchRequest request;
  {
    Watching watching(admin(), request);
    ASSERT_TRUE(watching.Read());
    request.set_resume_token(watching.token());
  }
  Stop();
  settings_.store.directory += "-other";
  Start();
  EXPECT_THAT(Watching(admin(), request).Finish(), FailsWith(StatusCode::OUT_OF_RANGE, "WATCH_EXPIRED", "initial"));
}

}  // namespace
}  // namespace baton
