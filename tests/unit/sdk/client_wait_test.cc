// What a client asks a broker when it waits for a task.
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "baton/client.h"
#include "gtest/gtest.h"
#include "tests/unit/sdk/fake_connection.h"
#include "tests/unit/sdk/manual_scheduler.h"
#include "worker_sdk/src/transport.h"

namespace baton::inline sdk {
namespace internal {
namespace {

constexpr char kAddress[] = "in-process:client-wait-test";

class ClientWaitTest : public ::testing::Test {
 protected:
  ClientWaitTest() {
    OfferInProcess(kAddress, [broker = broker_, scheduler = scheduler_] {
      return Transport{[broker] { return broker; }, scheduler};
    });
    ClientOptions options;
    options.broker = kAddress;
    options.log = [this](LogLevel level, const std::string& text) {
      if (level == LogLevel::kWarning) log_.Push(text);
    };
    client_ = std::make_unique<Client>(std::move(options));
  }
  ~ClientWaitTest() override {
    client_.reset();
    WithdrawInProcess(kAddress);
  }

  const std::shared_ptr<FakeConnection> broker_ = std::make_shared<FakeConnection>();
  const std::shared_ptr<ManualScheduler> scheduler_ = std::make_shared<ManualScheduler>();
  Inbox<std::string> log_;
  std::unique_ptr<Client> client_;
};

TEST_F(ClientWaitTest, WhoeverHasSeenNothingIsToldAtOnceWhatThereIs) {
  absl::StatusOr<TaskInfo> task;
  std::thread caller([&] { task = client_->WaitForChange(5, 0, absl::Hours(1), {.payload = true}); });
  auto call = broker_->gets.Take("a Get call");
  EXPECT_EQ(call.request.task_id(), 5);
  EXPECT_TRUE(call.request.parts().payload());
  v1::GetResponse response;
  response.mutable_task()->set_state(v1::TASK_STATE_RUNNING);
  response.mutable_task()->set_version(7);
  if (call.answer) call.Succeed(response);
  EXPECT_TRUE(broker_->waits.empty());
  // Of a client that waits nevertheless.
  for (auto& wait : broker_->waits.TakeAll()) wait.Succeed();
  caller.join();
  ASSERT_TRUE(task.ok()) << task.status();
  EXPECT_EQ(task->state, TaskState::kRunning);
  EXPECT_EQ(task->version, 7);
}

TEST_F(ClientWaitTest, WhoeverHasSeenAVersionWaitsForAnother) {
  absl::StatusOr<TaskInfo> task;
  std::thread caller([&] { task = client_->WaitForChange(5, 7, absl::Seconds(20)); });
  auto call = broker_->waits.Take("a Wait call");
  EXPECT_EQ(call.request.known_version(), 7);
  v1::WaitResponse response;
  response.mutable_task()->set_version(8);
  call.Succeed(response);
  caller.join();
  ASSERT_TRUE(task.ok()) << task.status();
  EXPECT_EQ(task->version, 8);
  EXPECT_TRUE(broker_->gets.empty());
}

TEST_F(ClientWaitTest, TheEndIsWaitedForWithoutAnyVersion) {
  absl::StatusOr<TaskInfo> task;
  std::thread caller([&] { task = client_->Wait(5, absl::Seconds(20)); });
  auto call = broker_->waits.Take("a Wait call");
  EXPECT_EQ(call.request.known_version(), 0);
  v1::WaitResponse response;
  response.mutable_task()->set_state(v1::TASK_STATE_COMPLETED);
  call.Succeed(response);
  caller.join();
  ASSERT_TRUE(task.ok()) << task.status();
  EXPECT_TRUE(task->terminal());
}

TEST_F(ClientWaitTest, ABrokerThatGoesAwayLateInAWaitIsNoOutage) {
  absl::StatusOr<TaskInfo> task;
  std::thread caller([&] { task = client_->Wait(5, absl::Hours(1)); });
  auto call = broker_->waits.Take("a Wait call");
  scheduler_->Advance(absl::Seconds(25));
  call.Fail(MakeStatus(14, "the broker is stopping", "STOPPING", {}));
  call = broker_->waits.Take("a Wait call of the broker that has come back");
  scheduler_->Advance(absl::Seconds(25));
  call.Fail(absl::UnavailableError("connection reset"));
  call = broker_->waits.Take("a Wait call of the broker that has come back once more");
  v1::WaitResponse response;
  response.mutable_task()->set_state(v1::TASK_STATE_COMPLETED);
  call.Succeed(response);
  caller.join();
  EXPECT_TRUE(task.ok()) << task.status();
  EXPECT_TRUE(log_.empty()) << log_.Take("what was logged");
}

TEST_F(ClientWaitTest, WhoeverWaitsWhenTheClientIsDestroyedIsTold) {
  absl::StatusOr<TaskInfo> task;
  std::thread caller([&task, client = client_.get()] { task = client->Wait(5, absl::Seconds(20)); });
  auto call = broker_->waits.Take("a Wait call");
  const auto users = broker_.use_count();
  client_.reset();
  EXPECT_EQ(broker_.use_count(), users) << "what the caller is in has not gone";
  call.Fail(absl::CancelledError("the connection was closed"));
  caller.join();
  EXPECT_TRUE(absl::IsCancelled(task.status())) << task.status();
}

}  // namespace
}  // namespace internal
}  // namespace baton::inline sdk
