// A partition with all its threads, used by many threads at once. What is promised to each caller holds; that nothing
// is touched without its lock is what the thread sanitizer looks for here.
#include "broker/engine/run/running_partition.h"
#include "broker/engine/inspection_commands.h"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/synchronization/notification.h"
#include "broker/base/check.h"
#include "broker/base/manual_clock.h"
#include "broker/storage/memory_store.h"
#include "gtest/gtest.h"
#include "tests/unit/engine/commands.h"

namespace baton::engine::testing {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(40);
constexpr int kClients = 2;
constexpr int kWorkers = 2;
constexpr int kPesterers = 2;
constexpr int kCalls = 25;  // Of each client.
constexpr int kTasks = 4;   // Of each call.

template <typename C>
class Recorded final : public C {
 public:
  explicit Recorded(std::function<void(const C&)> answered) : answered_(std::move(answered)) { this->actor = "local"; }
  void Answer() override { answered_(*this); }

 private:
  const std::function<void(const C&)> answered_;
};

class RunningPartitionTest : public ::testing::Test {
 protected:
  RunningPartitionTest() {
    settings_.resident_tasks = 8;  // Most tasks are read back before they run,
    settings_.page_interval = 0;   // and pages are stored all the time.
    Start();
  }

  void Start() {
    partition_.reset();
    PartitionOptions options;
    options.engine = settings_;
    options.broker_version = "test";
    options.random = [] { return uint64_t{4711}; };
    options.fatal = [](const std::string& why) { ADD_FAILURE() << why; };
    options.release = [this](Outbox outbox) { Release(std::move(outbox)); };
    absl::StatusOr<std::unique_ptr<Partition>> started = Partition::Start(std::move(options), store_.get(), &clock_);
    ASSERT_TRUE(started.ok()) << started.status();
    partition_ = *std::move(started);
  }

  void Release(Outbox outbox) {
    for (const auto& command : outbox.answered) command->Answer();
    absl::MutexLock lock(&mu_);
    for (SessionOutput& session : outbox.sessions) {
      std::deque<Delivery>& mail = mail_[session.session];
      for (Delivery& delivery : session.deliveries) mail.push_back(std::move(delivery));
    }
  }

  // Sends the command; the error if it is not even taken.
  template <typename C>
  Error Post(std::unique_ptr<Recorded<C>> own) {
    std::unique_ptr<Command> command = std::move(own);
    return partition_->Send(command);
  }
  // Sends a command and returns when it was answered.
  template <typename C>
  void Call(const std::function<void(C&)>& fill, const std::function<void(const C&)>& look) {
    const auto answered = std::make_shared<absl::Notification>();
    auto command = std::make_unique<Recorded<C>>([look, answered](const C& answer) {
      look(answer);
      answered->Notify();
    });
    fill(*command);
    ASSERT_THAT(Post(std::move(command)), NoError());
    BATON_CHECK(answered->WaitForNotificationWithTimeout(kPatience), "a command was not answered");
  }
  // A beat for which nobody waits: a worker that the broker does not know.
  std::shared_ptr<absl::Notification> PostPatientBeat() {
    const auto answered = std::make_shared<absl::Notification>();
    auto beat = std::make_unique<Recorded<HeartbeatCommand>>([answered](const HeartbeatCommand& answer) {
      EXPECT_TRUE(answer.reconnect);
      answered->Notify();
    });
    beat->session = 99;
    beat->patient = true;
    EXPECT_THAT(Post(std::move(beat)), NoError());
    return answered;
  }
  // Like Call, stops everything when it was in vain: what `look` refers to must not go away under it.
  void Read(const std::function<void(const View&)>& look) {
    const auto done = std::make_shared<absl::Notification>();
    partition_->Read([look, done](const std::shared_ptr<const View>& view) {
      look(*view);
      done->Notify();
    });
    BATON_CHECK(done->WaitForNotificationWithTimeout(kPatience), "a read was not served");
  }

  // Every fourth task starts two children, every fifth has a unique key of its own, which is looked up first.
  void FillSubmit(SubmitCommand& command, int client, int call) {
    const std::shared_ptr<const storage::Snapshot> snapshot = partition_->Snapshot();
    command.looked_up_at = snapshot->number();
    for (int i = 0; i < kTasks; ++i) {
      const int number = call * kTasks + i;
      TaskSpec spec{.type = number % 4 == 0 ? "parent" : "child"};
      if (number % 5 == 0) spec.unique_key = absl::StrCat(client, "/", number);
      command.tasks.push_back(MakeTask(spec, *snapshot));
    }
  }

  // Submits, cancels one task of each call, and waits for the others as Wait does.
  void BeClient(int client) {
    for (int call = 0; call < kCalls; ++call) {
      std::vector<TaskId> ids;
      Call<SubmitCommand>([&](auto& command) { FillSubmit(command, client, call); },
                          [&](const auto& command) {
                            for (const SubmitResult& result : command.results) ids.push_back(result.id);
                          });
      ASSERT_EQ(ids.size(), static_cast<size_t>(kTasks));
      Read([&](const View& view) {
        for (const TaskId id : ids) EXPECT_NE(*view.StateOf(id), LiveState::NONE) << "task " << id;
      });
      Call<CancelCommand>([&](auto& command) { command.task = ids[call % kTasks]; }, [](const auto&) {});
      for (const TaskId id : ids) AwaitEnd(id);
    }
  }

  void AwaitEnd(TaskId id) { Await(id, IsTerminal); }
  // Returns when the task is in such a state: a watch that is set before the read misses nothing.
  void Await(TaskId id, bool (*good)(LiveState)) {
    while (true) {
      const auto changed = std::make_shared<absl::Notification>();
      const uint64_t watch = partition_->Watch(id, [changed] { changed->Notify(); });
      LiveState state = LiveState::NONE;
      Read([&](const View& view) { state = *view.StateOf(id); });
      if (good(state)) return partition_->Unwatch(watch);
      ASSERT_TRUE(changed->WaitForNotificationWithTimeout(kPatience))
          << "task " << id << " is " << records::v1::LiveState_Name(state) << " and does not change";
    }
  }

  void BeWorker(int worker) {
    SessionNumber session = 0;
    Call<HelloCommand>(
        [&](auto& command) {
          command.worker_id = absl::StrCat("worker ", worker);
          command.instance_id = "instance";
          command.worker.slots = 10;
          command.worker.handlers = {{.type = "parent"}, {.type = "child"}};
        },
        [&](const auto& command) { session = command.session; });
    Delivery delivery;
    while (TakeMail(session, &delivery)) {
      Call<CompleteCommand>(
          [&](auto& command) {
            command.session = session;
            Outcome& outcome = command.outcomes.emplace_back();
            outcome.attempt = delivery.attempt;
            if (delivery.type != "parent" || delivery.stage > 0) return;
            outcome.kind = Outcome::Kind::kSpawned;
            for (int i = 0; i < 2; ++i)
              outcome.children.push_back(MakeTask({.type = "child"}, *partition_->Snapshot()));
          },
          [](const auto&) {});
    }
  }
  // The next task handed to the session; false when there will be none.
  bool TakeMail(SessionNumber session, Delivery* delivery) {
    const auto something = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return all_ended_ || !mail_[session].empty(); };
    absl::MutexLock lock(&mu_);
    EXPECT_TRUE(mu_.AwaitWithTimeout(absl::Condition(&something), kPatience)) << "no task for session " << session;
    if (mail_[session].empty()) return false;
    *delivery = std::move(mail_[session].front());
    mail_[session].pop_front();
    return true;
  }

  // Does everything else that callers may do, until the partition takes no more commands.
  void BePesterer() {
    Error refused;
    while (refused.ok()) {
      partition_->Read([](const std::shared_ptr<const View>& view) { EXPECT_GT(view->next_id(), TaskId{0}); });
      partition_->Unwatch(partition_->Watch(1, [] {}));
      EXPECT_NE(partition_->Snapshot(), nullptr);
      EXPECT_LE(partition_->routing().Read()->workers, static_cast<uint32_t>(kWorkers));
      const auto answered = std::make_shared<absl::Notification>();
      refused = Post(std::make_unique<Recorded<ListWorkersCommand>>([answered](const auto&) { answered->Notify(); }));
      // What was taken before the partition stopped is answered.
      if (!refused.ok()) break;
      ASSERT_TRUE(answered->WaitForNotificationWithTimeout(kPatience));
    }
    EXPECT_THAT(refused, ErrorIs(absl::StatusCode::kUnavailable, "DRAINING"));
  }

  EngineSettings settings_;
  ManualClock clock_{{.wall = 1'700'000'000 * kSecond, .steady = kHour}};
  const std::unique_ptr<storage::Store> store_ = *storage::OpenMemoryStore(std::make_shared<storage::MemoryDisk>());
  absl::Mutex mu_;
  std::map<SessionNumber, std::deque<Delivery>> mail_ ABSL_GUARDED_BY(mu_);
  bool all_ended_ ABSL_GUARDED_BY(mu_) = false;
  std::unique_ptr<Partition> partition_;
};

TEST_F(RunningPartitionTest, ManyCallersAtOnceUntilItStops) {  // B102
  std::vector<std::thread> pesterers, workers, clients;
  for (int i = 0; i < kPesterers; ++i) pesterers.emplace_back([this] { BePesterer(); });
  for (int i = 0; i < kWorkers; ++i) workers.emplace_back([this, i] { BeWorker(i); });
  for (int i = 0; i < kClients; ++i) clients.emplace_back([this, i] { BeClient(i); });
  for (std::thread& client : clients) client.join();

  // Nobody creates tasks any more, but children of cancelled parents may still be on their way to their end.
  TaskId next_id = 0;
  Read([&](const View& view) { next_id = view.next_id(); });
  EXPECT_GT(next_id, TaskId{kClients} * kCalls * kTasks);
  std::map<TaskId, LiveState> ended;
  for (TaskId id = 1; id < next_id; ++id) {
    AwaitEnd(id);
    Read([&](const View& view) { ended[id] = *view.StateOf(id); });
  }
  {
    absl::MutexLock lock(&mu_);
    all_ended_ = true;
  }
  for (std::thread& worker : workers) worker.join();
  partition_->Stop();
  for (std::thread& pesterer : pesterers) pesterer.join();

  Start();
  Read([&](const View& view) {
    EXPECT_EQ(view.next_id(), next_id);
    for (const auto& [id, state] : ended) EXPECT_EQ(*view.StateOf(id), state) << "task " << id;
  });

  settings_.retention = kMinute;
  Start();
  clock_.AdvanceBoth(2 * kMinute);
  for (const auto& [id, state] : ended) Await(id, [](LiveState now) { return now == LiveState::REMOVED; });
  Read([](const View& view) {
    for (const auto& [class_number, counts] : view.counts()) EXPECT_EQ(counts, StateCounts{}) << class_number;
  });
}

TEST_F(RunningPartitionTest, NothingAcknowledgedIsLostWhenItStopsAmidWork) {  // S71
  std::vector<TaskId> acknowledged;
  absl::Notification some;
  std::vector<std::thread> clients;
  for (int i = 0; i < kClients; ++i) {
    clients.emplace_back([&, i] {
      Error refused;
      for (int call = 0; refused.ok(); ++call) {
        auto command = std::make_unique<Recorded<SubmitCommand>>([&](const SubmitCommand& answer) {
          absl::MutexLock lock(&mu_);
          for (const SubmitResult& result : answer.results) acknowledged.push_back(result.id);
          if (acknowledged.size() >= 100 && !some.HasBeenNotified()) some.Notify();
        });
        FillSubmit(*command, i, call);
        refused = Post(std::move(command));
        if (refused.code == absl::StatusCode::kResourceExhausted) refused = {};  // Faster than it can be done.
      }
      EXPECT_THAT(refused, ErrorIs(absl::StatusCode::kUnavailable, "DRAINING"));
    });
  }
  EXPECT_TRUE(some.WaitForNotificationWithTimeout(kPatience));
  partition_->Stop();
  for (std::thread& client : clients) client.join();
  partition_->Stop();  // Does nothing.

  Start();
  absl::MutexLock lock(&mu_);
  Read([&](const View& view) {
    EXPECT_EQ(view.next_id(), acknowledged.size() + 1);
    PageCursor pages(view);
    for (const TaskId id : acknowledged) EXPECT_EQ(*pages.StateOf(id), LiveState::PENDING) << "task " << id;
  });
}

TEST_F(RunningPartitionTest, WhatIsPatientIsAnsweredThoughNothingElseComes) {
  EXPECT_TRUE(PostPatientBeat()->WaitForNotificationWithTimeout(kPatience));
}

TEST_F(RunningPartitionTest, WhatIsPatientGoesWithWhatIsNot) {
  const auto answered = PostPatientBeat();
  Call<ListWorkersCommand>([](auto&) {}, [&](const auto&) { EXPECT_TRUE(answered->HasBeenNotified()); });
}

TEST_F(RunningPartitionTest, WhatIsPatientIsAnsweredBeforeItStops) {
  const auto answered = PostPatientBeat();
  partition_->Stop();
  EXPECT_TRUE(answered->HasBeenNotified());
}

}  // namespace
}  // namespace baton::engine::testing
