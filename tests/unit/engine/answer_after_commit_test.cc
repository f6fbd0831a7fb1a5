// Nothing leaves a running partition before what it tells is on disk.
#include <memory>
#include <utility>

#include "absl/synchronization/notification.h"
#include "broker/base/manual_clock.h"
#include "broker/engine/run/partition.h"
#include "broker/storage/memory_store.h"
#include "gtest/gtest.h"
#include "tests/unit/engine/commands.h"

namespace baton::engine::testing {
namespace {

// Tells the test when its answer leaves.
class Watched final : public SubmitCommand {
 public:
  Watched(const storage::Store* store, absl::Notification* left) : store_(store), left_(left) {}

  void Answer() override {
    std::string row;
    const absl::Status stored = store_->TakeSnapshot()->Get(storage::Family::kTask, TaskKey(results.at(0).id), &row);
    EXPECT_TRUE(stored.ok()) << "task " << results.at(0).id << " was acknowledged before it was stored";
    left_->Notify();
  }

 private:
  const storage::Store* const store_;
  absl::Notification* const left_;
};

TEST(AnswerAfterCommitTest, SubmissionIsStoredWhenItsAnswerLeaves) {  // B6
  const auto store = *storage::OpenMemoryStore(std::make_shared<storage::MemoryDisk>());
  const ManualClock clock({.wall = 1'700'000'000 * kSecond, .steady = kHour});
  PartitionOptions options;
  options.broker_version = "test";
  options.random = [] { return uint64_t{4711}; };
  options.release = [](const Outbox& outbox) {
    for (const auto& command : outbox.answered) command->Answer();
  };
  options.fatal = [](const std::string& why) { ADD_FAILURE() << why; };
  const auto partition = *Partition::Start(std::move(options), store.get(), &clock);
  for (int i = 0; i < 20; ++i) {
    absl::Notification left;
    auto submit = std::make_unique<Watched>(store.get(), &left);
    FillSubmit({{}}, "", *store->TakeSnapshot(), clock.Read().wall, submit.get());
    std::unique_ptr<Command> command = std::move(submit);
    ASSERT_TRUE(partition->Send(command).ok());
    ASSERT_TRUE(left.WaitForNotificationWithTimeout(absl::Seconds(30)));
  }
  partition->Stop();
}

}  // namespace
}  // namespace baton::engine::testing
