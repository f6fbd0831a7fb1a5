// The same answers from a partition that runs: what the engine writes is what readers expect.
#include <memory>

#include "absl/synchronization/notification.h"
#include "broker/service/read/watches.h"
#include "tests/unit/read/scene.h"

namespace baton::service::testing {
namespace {

using ::testing::ElementsAre;

template <typename Base>
class Recorded : public Base {
 public:
  explicit Recorded(std::function<void(const Base&)> answered) : answered_(std::move(answered)) {}
  void Answer() override { answered_(*this); }

 private:
  const std::function<void(const Base&)> answered_;
};

class PartitionTest : public ::testing::Test {
 protected:
  PartitionTest() {
    engine::PartitionOptions options;
    options.broker_version = "test";
    options.random = [] { return uint64_t{4711}; };
    options.fatal = [](const std::string& why) { ADD_FAILURE() << why; };
    options.release = [this](const engine::Outbox& outbox) {
      for (const auto& command : outbox.answered) command->Answer();
      absl::MutexLock lock(&mu_);
      for (const engine::SessionOutput& session : outbox.sessions) {
        for (const engine::Delivery& delivery : session.deliveries) deliveries_.push_back(delivery.attempt);
      }
    };
    absl::StatusOr<std::unique_ptr<engine::Partition>> started =
        engine::Partition::Start(std::move(options), store_.get(), &clock_);
    EXPECT_TRUE(started.ok()) << started.status();
    partition_ = *std::move(started);
    reads_ = std::make_unique<ReadService>(partition_.get(), &clock_, ReadSettings());
  }
  ~PartitionTest() override {
    reads_->Stop();
    partition_->Stop();
  }

  // Sends a command and returns when it was answered.
  template <typename C>
  void Send(const std::function<void(C&)>& fill, const std::function<void(const C&)>& check = {}) {
    absl::Notification answered;
    auto owned = std::make_unique<Recorded<C>>([&](const C& command) {
      EXPECT_TRUE(command.error.ok()) << command.error.message;
      if (check) check(command);
      answered.Notify();
    });
    owned->actor = "local";
    fill(*owned);
    std::unique_ptr<engine::Command> command = std::move(owned);
    ASSERT_TRUE(partition_->Send(command).ok());
    ASSERT_TRUE(answered.WaitForNotificationWithTimeout(absl::Seconds(20)));
  }

  static engine::NewTask NewTask(const std::string& tag) {
    records::v1::TaskRow row;
    row.set_tag(tag);
    row.set_actor("local");
    engine::NewTask task;
    task.type = "work";
    task.row = row.SerializeAsString();
    return task;
  }
  void Submit(const std::string& tag) {
    Send<engine::SubmitCommand>([&](auto& command) { command.tasks.push_back(NewTask(tag)); });
  }
  void Connect() {
    Send<engine::HelloCommand>(
        [](auto& command) {
          command.worker_id = "w1";
          command.instance_id = "i1";
          command.worker.slots = 10;
          command.worker.handlers.push_back({.type = "work"});
        },
        [this](const auto& command) { session_ = command.session; });
  }
  void Complete(engine::AttemptId attempt, engine::Outcome::Kind kind, const Step& step,
                std::vector<engine::NewTask> children = {}) {
    Send<engine::CompleteCommand>(
        [&](auto& command) {
          command.session = session_;
          engine::Outcome& outcome = command.outcomes.emplace_back();
          outcome.attempt = attempt;
          outcome.kind = kind;
          outcome.step = step.SerializeAsString();
          outcome.has_context = step.has_context();
          outcome.children = std::move(children);
        },
        [](const auto& command) { EXPECT_TRUE(command.results[0].ok()) << command.results[0].message; });
  }
  void AwaitDelivery(engine::AttemptId attempt) {
    const auto delivered = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
      return std::find(deliveries_.begin(), deliveries_.end(), attempt) != deliveries_.end();
    };
    absl::MutexLock lock(&mu_);
    ASSERT_TRUE(mu_.AwaitWithTimeout(absl::Condition(&delivered), absl::Seconds(20)))
        << "attempt " << attempt.attempt << " of task " << attempt.task << " was not delivered";
  }

  template <typename Request, typename Response>
  Response Ask(void (ReadService::*call)(const Request&, std::function<void(Error, Response)>),
               const Request& request) {
    Response answer;
    absl::Notification answered;
    (reads_.get()->*call)(request, [&](const Error& error, Response response) {
      EXPECT_TRUE(error.ok()) << error.message;
      answer = std::move(response);
      answered.Notify();
    });
    EXPECT_TRUE(answered.WaitForNotificationWithTimeout(absl::Seconds(20)));
    return answer;
  }
  v1::Task Get(TaskId id) {
    v1::GetRequest request;
    request.set_task_id(id);
    request.mutable_parts()->set_result(true);
    request.mutable_parts()->set_context(true);
    return Ask(&ReadService::Get, request).task();
  }

  ManualClock clock_{{.wall = kStart, .steady = kHour}};
  std::unique_ptr<storage::Store> store_ = *storage::OpenMemoryStore(std::make_shared<storage::MemoryDisk>());
  absl::Mutex mu_;
  std::vector<engine::AttemptId> deliveries_ ABSL_GUARDED_BY(mu_);
  engine::SessionNumber session_ = 0;
  std::unique_ptr<engine::Partition> partition_;
  std::unique_ptr<ReadService> reads_;
};

TEST_F(PartitionTest, AWorkflowIsReadAtEveryStep) {  // B15, B70, B246
  Submit("top");
  EXPECT_EQ(Get(1).state(), v1::TASK_STATE_PENDING);
  EXPECT_EQ(Get(1).tag(), "top");
  Connect();
  AwaitDelivery({1, 1});
  EXPECT_EQ(Get(1).state(), v1::TASK_STATE_RUNNING);
  EXPECT_EQ(Get(1).worker_id(), "w1");

  Step spawned;
  spawned.mutable_context()->set_data("so far");
  std::vector<engine::NewTask> children;
  children.push_back(NewTask("left"));
  children.push_back(NewTask("right"));
  Complete({1, 1}, engine::Outcome::Kind::kSpawned, spawned, std::move(children));
  EXPECT_EQ(Get(1).waiting_for(), "waits for 2 of 2 children");
  EXPECT_EQ(Get(2).parent_id(), 1u);

  AwaitDelivery({2, 1});
  AwaitDelivery({3, 1});
  Step succeeded, failed;
  succeeded.mutable_result()->set_json("42");
  failed.set_error("boom");
  Complete({2, 1}, engine::Outcome::Kind::kSucceeded, succeeded);
  EXPECT_EQ(Get(1).children_remaining(), 1u);
  Complete({3, 1}, engine::Outcome::Kind::kFailed, failed);
  AwaitDelivery({1, 2});
  EXPECT_EQ(Get(1).stage(), 1);
  EXPECT_EQ(Get(1).attempt(), 2);
  EXPECT_EQ(Get(1).context().data(), "so far");

  absl::Notification answered;
  v1::ListChildOutcomesResponse outcomes;
  reads_->ListChildOutcomes({1, 2}, {}, [&](const Error& error, const v1::ListChildOutcomesResponse& response) {
    EXPECT_TRUE(error.ok()) << error.message;
    outcomes = response;
    answered.Notify();
  });
  ASSERT_TRUE(answered.WaitForNotificationWithTimeout(absl::Seconds(20)));
  ASSERT_EQ(outcomes.outcomes_size(), 2);
  EXPECT_EQ(outcomes.outcomes(0).result().json(), "42");
  EXPECT_EQ(outcomes.outcomes(1).error(), "boom");
  EXPECT_EQ(outcomes.outcomes(1).tag(), "right");
}

TEST_F(PartitionTest, AWaitEndsWithItsTaskAndTheHistoryIsComplete) {  // B218
  Submit("top");
  Connect();
  AwaitDelivery({1, 1});
  absl::Notification answered;
  v1::WaitRequest wait;
  wait.set_task_id(1);
  reads_->Wait(wait, [&](const Error& error, const v1::WaitResponse& response) {
    EXPECT_TRUE(error.ok()) << error.message;
    EXPECT_EQ(response.task().state(), v1::TASK_STATE_COMPLETED);
    answered.Notify();
  });
  Step step;
  step.mutable_result()->set_json("7");
  step.add_checkpoints()->set_code("done");
  Complete({1, 1}, engine::Outcome::Kind::kSucceeded, step);
  ASSERT_TRUE(answered.WaitForNotificationWithTimeout(absl::Seconds(20)));
  EXPECT_EQ(Get(1).result().json(), "7");

  v1::ListEventsRequest events;
  events.set_task_id(1);
  std::vector<v1::EventType> types;
  const v1::ListEventsResponse history = Ask(&ReadService::ListEvents, events);
  for (const v1::Event& event : history.events()) types.push_back(event.type());
  EXPECT_THAT(types, ElementsAre(v1::EVENT_TYPE_CREATED, v1::EVENT_TYPE_CLAIMED, v1::EVENT_TYPE_STARTED,
                                 v1::EVENT_TYPE_CHECKPOINT, v1::EVENT_TYPE_COMPLETED));
  v1::ListAttemptsRequest attempts;
  attempts.set_task_id(1);
  EXPECT_EQ(Ask(&ReadService::ListAttempts, attempts).attempts(0).worker_id(), "w1");
  EXPECT_EQ(Ask(&ReadService::ListTasks, v1::ListTasksRequest()).tasks(0).state(), v1::TASK_STATE_COMPLETED);
  EXPECT_EQ(Ask(&ReadService::GetStatistics, v1::GetStatisticsRequest()).counts().completed(), 1u);
  EXPECT_EQ(Ask(&ReadService::ListTypes, v1::ListTypesRequest()).types(0).type(), "work");
}

TEST_F(PartitionTest, AWatchIsToldWhatTheEngineDoes) {
  absl::Mutex mu;
  bool changed = false;
  std::shared_ptr<OpenWatch> watch;
  const auto note = [&] {
    absl::MutexLock lock(&mu);
    changed = true;
  };
  ASSERT_TRUE(reads_->watches().Open({}, note, &watch).ok());
  // States told until there is one like this, which is the last.
  const auto look_until = [&](v1::TaskState last) {
    std::vector<v1::TaskState> states;
    while (states.empty() || states.back() != last) {
      absl::Notification answered;
      watch->Look([&](const Error& error, const v1::WatchResponse& response) {
        EXPECT_TRUE(error.ok()) << error.message;
        for (const v1::Task& task : response.tasks()) states.push_back(task.state());
        answered.Notify();
      });
      EXPECT_TRUE(answered.WaitForNotificationWithTimeout(absl::Seconds(20)));
      if (!states.empty() && states.back() == last) break;
      absl::MutexLock lock(&mu);
      EXPECT_TRUE(mu.AwaitWithTimeout(absl::Condition(&changed), absl::Seconds(20))) << "no change is told";
      if (!std::exchange(changed, false)) break;
    }
    return states;
  };
  // The first look says where it begins.
  absl::Notification begun;
  watch->Look([&](const Error& error, const v1::WatchResponse& response) {
    EXPECT_TRUE(error.ok() && response.tasks().empty() && response.caught_up()) << error.message;
    begun.Notify();
  });
  ASSERT_TRUE(begun.WaitForNotificationWithTimeout(absl::Seconds(20)));
  Submit("top");
  EXPECT_THAT(look_until(v1::TASK_STATE_PENDING), ElementsAre(v1::TASK_STATE_PENDING));
  Connect();
  AwaitDelivery({1, 1});
  EXPECT_THAT(look_until(v1::TASK_STATE_RUNNING), ElementsAre(v1::TASK_STATE_RUNNING));
  Complete({1, 1}, engine::Outcome::Kind::kSucceeded, Step());
  EXPECT_THAT(look_until(v1::TASK_STATE_COMPLETED), ElementsAre(v1::TASK_STATE_COMPLETED));
  watch.reset();
}

}  // namespace
}  // namespace baton::service::testing
