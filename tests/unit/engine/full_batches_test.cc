// How large batches get when much comes at once, or while the disk is busy.
#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "broker/base/check.h"
#include "broker/base/manual_clock.h"
#include "broker/engine/run/partition.h"
#include "broker/engine/schedules/schedule_book.h"
#include "broker/storage/memory_store.h"
#include "gtest/gtest.h"
#include "tests/unit/engine/harness.h"

namespace baton::engine::testing {
namespace {

constexpr absl::Duration kGatePatience = absl::Seconds(40);
// Of a call, a little less than a batch may have.
constexpr size_t kLargeCallBytes = (size_t{39} << 20) / 10;
// What a batch has besides the payloads in it.
constexpr size_t kBesides = 64 << 10;

// Commits wait at a gate while it is shut.
class GatedStore final : public storage::Store {
 public:
  uint64_t epoch() const override { return store_->epoch(); }
  bool is_unused_copy() const override { return store_->is_unused_copy(); }
  uint64_t number() const override { return store_->number(); }
  storage::CommitResult Commit(const storage::WriteBatch& batch, uint64_t number, std::string* error) override {
    {
      absl::MutexLock lock(&mu_);
      largest_ = std::max(largest_, batch.bytes());
      waits_ = !open_;
      mu_.Await(absl::Condition(&open_));
      waits_ = false;
    }
    return store_->Commit(batch, number, error);
  }
  std::shared_ptr<const storage::Snapshot> TakeSnapshot() const override { return store_->TakeSnapshot(); }
  absl::Status Reclaim(storage::Family family, absl::string_view begin, absl::string_view end) override {
    return store_->Reclaim(family, begin, end);
  }
  absl::Status Backup(const std::string& directory) override { return store_->Backup(directory); }
  uint64_t DiskBytes() const override { return store_->DiskBytes(); }
  uint64_t MemoryBytes() const override { return store_->MemoryBytes(); }

  void Shut() {
    absl::MutexLock lock(&mu_);
    open_ = false;
  }
  void Open() {
    absl::MutexLock lock(&mu_);
    open_ = true;
  }
  // Returns when a commit waits.
  void AwaitCommit() {
    absl::MutexLock lock(&mu_);
    BATON_CHECK(mu_.AwaitWithTimeout(absl::Condition(&waits_), kGatePatience), "nothing was committed");
  }
  // The bytes of the largest batch so far.
  size_t largest() const {
    absl::MutexLock lock(&mu_);
    return largest_;
  }

 private:
  const std::unique_ptr<storage::Store> store_ = *storage::OpenMemoryStore(std::make_shared<storage::MemoryDisk>());
  mutable absl::Mutex mu_;
  bool open_ ABSL_GUARDED_BY(mu_) = true;
  bool waits_ ABSL_GUARDED_BY(mu_) = false;
  size_t largest_ ABSL_GUARDED_BY(mu_) = 0;
};

template <typename C>
class Reporting final : public C {
 public:
  explicit Reporting(std::function<void(const C&)> report) : report_(std::move(report)) { this->actor = "local"; }
  void Answer() override { report_(*this); }

 private:
  const std::function<void(const C&)> report_;
};

class GatedPartitionTest : public ::testing::Test {
 protected:
  GatedPartitionTest() {
    PartitionOptions options;
    options.broker_version = "test";
    options.random = [] { return uint64_t{4711}; };
    options.fatal = [](const std::string& why) { ADD_FAILURE() << why; };
    options.release = [](const Outbox& outbox) {
      for (const auto& command : outbox.answered) command->Answer();
    };
    partition_ = *Partition::Start(std::move(options), &store_, &clock_);
  }

  // Sends four tasks, of so many bytes in all.
  void Submit(size_t call_bytes) {
    auto submit = std::make_unique<Reporting<SubmitCommand>>([this](const SubmitCommand& answer) {
      EXPECT_EQ(answer.results.size(), 4u);
      for (const SubmitResult& result : answer.results) EXPECT_THAT(result.error, NoError());
      CountAnswer();
    });
    submit->bytes = call_bytes;
    const std::shared_ptr<const storage::Snapshot> snapshot = partition_->Snapshot();
    for (int i = 0; i < 4; ++i) {
      submit->tasks.push_back(MakeTask({.payload = std::string(call_bytes / 4, 'x')}, *snapshot));
    }
    std::unique_ptr<Command> command = std::move(submit);
    EXPECT_THAT(partition_->Send(command), NoError());
  }
  // A schedule that never fires by itself, of tasks of so many bytes.
  void CreateSchedule(size_t payload_bytes) {
    auto create = std::make_unique<Reporting<CreateScheduleCommand>>([this](const CreateScheduleCommand& answer) {
      EXPECT_THAT(answer.error, NoError());
      CountAnswer();
    });
    create->schedule = std::make_unique<Schedule>();
    create->schedule->name = "large";
    records::v1::ScheduleRow& row = create->schedule->row;
    row.set_cron("0 0 29 2 *");
    row.set_time_zone("UTC");
    row.set_overlap(records::v1::ScheduleRow::ALLOW);
    row.set_type("work");
    row.set_task_row(MakeTask({.payload = std::string(payload_bytes, 'x')}, *partition_->Snapshot()).row);
    EXPECT_TRUE(Prepare(create->schedule.get()).ok());
    std::unique_ptr<Command> command = std::move(create);
    EXPECT_THAT(partition_->Send(command), NoError());
  }
  void TriggerSchedule() {
    auto trigger = std::make_unique<Reporting<ChangeScheduleCommand>>([this](const ChangeScheduleCommand& answer) {
      EXPECT_THAT(answer.error, NoError());
      CountAnswer();
    });
    trigger->name = "large";
    trigger->verb = ChangeScheduleCommand::Verb::kTrigger;
    trigger->bytes = 20;
    std::unique_ptr<Command> command = std::move(trigger);
    EXPECT_THAT(partition_->Send(command), NoError());
  }
  // Of a worker that nobody knows. `note` is called when it is answered.
  void SendBeat(std::function<void()> note) {
    auto beat = std::make_unique<Reporting<HeartbeatCommand>>([this, note](const HeartbeatCommand&) {
      absl::MutexLock lock(&mu_);
      note();
      ++answered_;
    });
    beat->session = 4711;
    std::unique_ptr<Command> command = std::move(beat);
    EXPECT_THAT(partition_->Send(command), NoError());
  }
  void CountAnswer() {
    absl::MutexLock lock(&mu_);
    ++answered_;
  }
  // Returns when the engine has applied so many commands.
  void AwaitApplied(uint64_t commands) {
    while (partition_->meters().round_commands.Read().sum < commands) std::this_thread::yield();
  }
  void AwaitAnswers(int count) {
    const auto all = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return answered_ >= count; };
    absl::MutexLock lock(&mu_);
    EXPECT_TRUE(mu_.AwaitWithTimeout(absl::Condition(&all), kGatePatience)) << answered_ << " were answered";
  }

  GatedStore store_;
  ManualClock clock_{{.wall = 1'700'000'000 * kSecond, .steady = kHour}};
  absl::Mutex mu_;
  int answered_ ABSL_GUARDED_BY(mu_) = 0;
  std::unique_ptr<Partition> partition_;
};

TEST_F(GatedPartitionTest, WhatComesWhileTheDiskIsBusyIsCommittedInPortions) {
  store_.Shut();
  Submit(kLargeCallBytes);
  store_.AwaitCommit();
  for (int i = 1; i < 6; ++i) Submit(kLargeCallBytes);
  AwaitApplied(3);  // The open batch is full with the second and the third: the others wait.
  store_.Open();
  AwaitAnswers(6);
  EXPECT_LE(store_.largest(), kWorkBounds.open_batch_bytes + kRoundBytes + kBesides);
}

TEST_F(GatedPartitionTest, WhatIsLargerThanTheCallForItIsAppliedInPortions) {
  constexpr size_t kPayloadBytes = 1 << 20;
  constexpr int kTriggers = 100;  // Together more than any store takes.
  CreateSchedule(kPayloadBytes);
  AwaitAnswers(1);
  store_.Shut();
  Submit(kLargeCallBytes);
  store_.AwaitCommit();
  for (int i = 0; i < 2; ++i) Submit(kLargeCallBytes);
  for (int i = 0; i < kTriggers; ++i) TriggerSchedule();
  store_.Open();
  AwaitAnswers(4 + kTriggers);
  EXPECT_LE(store_.largest(), kWorkBounds.applied_bytes() + kLargeCallBytes + kPayloadBytes + kBesides);
}

TEST_F(GatedPartitionTest, SignsOfLifeGoBeforeWhatIsLeftOver) {
  constexpr int kTriggers = 40;
  CreateSchedule(1 << 20);
  AwaitAnswers(1);
  store_.Shut();
  Submit(kLargeCallBytes);
  store_.AwaitCommit();
  for (int i = 0; i < kTriggers; ++i) TriggerSchedule();
  AwaitApplied(3);  // All of them were taken; some have no room in the batch.
  int before = 0;
  SendBeat([&] { before = answered_; });
  store_.Open();
  AwaitAnswers(2 + kTriggers + 1);
  EXPECT_LT(before, kTriggers / 2);
}

TEST(FullBatchesTest, WorkIsHandedOutWhileSubmissionsFillEveryBatch) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect({.slots = 1000});
  harness.Submit({.type = "other"});
  for (int busy = 1; busy <= 3; ++busy) {
    std::vector<TaskSpec> large(5, {.payload = std::string(1 << 20, 'x')});
    harness.Send(MakeSubmit(large, "", harness.store(), harness.now()));
    harness.Round(/*commit=*/false);
    harness.Round();
    EXPECT_GE(worker.handlers(), static_cast<size_t>(busy));
  }
  harness.Settle();
}

TEST(FullBatchesTest, SubmissionsThatWaitedGoBeforeThoseThatCameLater) {
  EngineHarness harness;
  const TaskId holder = harness.Submit({.delay = kHour, .unique_key = "k"});
  const auto flood = [&harness](std::vector<TaskSpec> specs) {
    specs.resize(6, {.payload = std::string(1 << 20, 'x')});
    return harness.Send(MakeSubmit(specs, "", harness.store(), harness.now()));
  };
  const auto first = flood({{.unique_key = "k"}});
  const auto second = flood({{.unique_key = "k"}});
  harness.Round();  // Asks for the holder.
  for (int rounds = 0; rounds < 3; ++rounds) {
    flood({});
    harness.Round();
  }
  ASSERT_TRUE(first.answered() && second.answered());
  EXPECT_EQ(second->results[0].id, holder);
  harness.Settle();
}

// However full they are: or else nobody would be lost for as long as much is submitted.
TEST(FullBatchesTest, WorkersAreLostWhileSubmissionsFillEveryBatch) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit();
  ASSERT_TRUE(worker.Runs(id));
  worker.Freeze();
  const std::vector<TaskSpec> large(9, {.type = "other", .payload = std::string(1 << 20, 'x')});
  for (Micros gone = 0; gone < harness.settings().beat_window; gone += kPauseThreshold) {
    harness.clock().AdvanceBoth(kPauseThreshold);
    harness.Send(MakeSubmit(large, "", harness.store(), harness.now()));
    harness.Round();
  }
  EXPECT_EQ(harness.StateOf(id), LiveState::PENDING);
  harness.Settle();
}

// What is taken from it is due at once, and it has room for it.
TEST(FullBatchesTest, AWorkerThatIsLostInSeveralRoundsGetsNothingBackMeanwhile) {
  constexpr uint32_t kAttempts = 25;
  EngineSettings settings;
  settings.work.open_batch_bytes = 2048;
  EngineHarness harness(settings);
  harness.check_every_commit = false;
  TestWorker& worker = harness.Connect({.slots = 2 * kAttempts});
  const std::vector<TaskId> ids = harness.SubmitMany(kAttempts);
  ASSERT_EQ(worker.handlers(), kAttempts);
  worker.Freeze();
  size_t rounds = 0;
  for (Micros gone = 0; gone <= harness.settings().beat_window; gone += kPauseThreshold) {
    harness.clock().AdvanceBoth(kPauseThreshold);
    harness.Round();
  }
  for (; harness.engine().has_more(); ++rounds) harness.Round();
  EXPECT_GT(rounds, 0u) << "it took several";
  for (const TaskId id : ids) {
    EXPECT_EQ(harness.StateOf(id), LiveState::PENDING);
    EXPECT_EQ(harness.LogOf(id).size(), 1u);
  }
}

TEST(FullBatchesTest, WorkersThatAreLostTogetherAreGivenUpOneAfterTheOther) {
  constexpr int kWorkers = 35;
  constexpr uint32_t kSlots = 2000;
  EngineHarness harness;
  harness.check_every_commit = false;
  for (int i = 0; i < kWorkers; ++i) harness.SubmitMany(kSlots);
  for (int i = 0; i < kWorkers; ++i) harness.Connect({.worker_id = absl::StrCat("w", i), .slots = kSlots}).Freeze();
  size_t most = 0;
  for (Micros gone = 0; gone < harness.settings().beat_window + 5 * kSecond; gone += kPauseThreshold) {
    harness.clock().AdvanceBoth(kPauseThreshold);
    harness.Round(/*commit=*/false);
    most = std::max(most, harness.engine().batch_bytes());
    harness.Round();
  }
  EXPECT_EQ(harness.StateOf(1), LiveState::PENDING);
  EXPECT_GT(most, kWorkBounds.open_batch_bytes) << "they were many";
  EXPECT_LT(most, kWorkBounds.open_batch_bytes + (1u << 20)) << "and some had to wait";
  harness.Settle();
}

// All holders come at once, as one answer of the loader.
TEST(FullBatchesTest, SubmissionsThatWaitedForHoldersOfUniqueKeysGoIntoSeveralBatches) {
  constexpr int kCallsAtOnce = 6;
  constexpr size_t kPayloadBytes = 1 << 20;
  EngineHarness harness;
  std::vector<TaskId> holders;
  for (int i = 0; i < kCallsAtOnce; ++i) {
    holders.push_back(harness.Submit({.delay = kHour, .unique_key = absl::StrCat(i)}));
  }
  std::vector<Reply<SubmitCommand>> replies;
  for (int i = 0; i < kCallsAtOnce; ++i) {
    std::vector<TaskSpec> specs(4);
    for (int large = 0; large < 3; ++large) specs[large].payload = std::string(kPayloadBytes, 'x');
    specs[3].unique_key = absl::StrCat(i);
    replies.push_back(harness.Send(MakeSubmit(specs, "", harness.store(), harness.now())));
  }
  const auto answered = [&replies] {
    return std::count_if(replies.begin(), replies.end(), [](const auto& reply) { return reply.answered(); });
  };
  harness.Round();  // Asks for the holders.
  EXPECT_EQ(answered(), 0);
  for (int rounds = 0; answered() < kCallsAtOnce; ++rounds) {
    ASSERT_LT(rounds, 2 * kCallsAtOnce);
    for (int busy = 0; busy < 3; ++busy) {
      harness.Round(/*commit=*/false);
      EXPECT_LE(harness.engine().batch_bytes(), kWorkBounds.open_batch_bytes + 3 * kPayloadBytes + kBesides);
    }
    harness.Round();
  }
  for (int i = 0; i < kCallsAtOnce; ++i) {
    ASSERT_EQ(replies[i]->results.size(), 4u);
    for (const SubmitResult& result : replies[i]->results) EXPECT_THAT(result.error, NoError());
    EXPECT_TRUE(replies[i]->results[3].existing);
    EXPECT_EQ(replies[i]->results[3].id, holders[i]);
  }
  harness.Settle();
}

}  // namespace
}  // namespace baton::engine::testing
