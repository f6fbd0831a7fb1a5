// Submissions that nobody waits for: bounds, order, and what becomes of them.
#include <algorithm>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "baton/error.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/sdk/fake_connection.h"
#include "tests/unit/sdk/manual_scheduler.h"
#include "worker_sdk/src/client_core.h"

namespace baton::inline sdk {
namespace internal {
namespace {

using ::testing::HasSubstr;
using Results = std::vector<absl::StatusOr<Submitted>>;

class SubmitAsyncTest : public ::testing::Test {
 protected:
  ~SubmitAsyncTest() override {
    if (client_ != nullptr) client_->Close();
  }

  ClientCore& client() {
    if (client_ == nullptr) client_ = std::make_shared<ClientCore>(options_, broker_, scheduler_, 1);
    return *client_;
  }
  void Submit(int tasks, size_t bytes = 0) {
    std::vector<NewTask> all(tasks, NewTask{.type = "t", .payload = std::string(bytes, 'x')});
    client().SubmitAsync(std::move(all), [this](Results results) { results_.Push(std::move(results)); });
  }
  // Accepts the next call; returns how many tasks it had.
  int Accept() {
    auto call = broker_->submits.Take("a Submit call");
    v1::SubmitResponse response;
    for (int i = 0; i < call.request.tasks_size(); ++i) response.add_results()->set_task_id(++last_id_);
    const int tasks = call.request.tasks_size();
    call.Succeed(std::move(response));
    return tasks;
  }
  Results Take() { return results_.Take("results"); }
  // Ids of the first tasks of so many submissions of two, in ascending order.
  std::vector<uint64_t> TakeFirstIds(int submissions) {
    std::vector<uint64_t> ids;
    for (int i = 0; i < submissions; ++i) {
      const Results both = Take();
      ids.push_back(both[0]->id);
      EXPECT_EQ(both[1]->id, ids.back() + 1);
    }
    std::sort(ids.begin(), ids.end());
    return ids;
  }

  const std::shared_ptr<FakeConnection> broker_ = std::make_shared<FakeConnection>();
  const std::shared_ptr<ManualScheduler> scheduler_ = std::make_shared<ManualScheduler>();
  ClientOptions options_;
  Inbox<Results> results_;
  std::shared_ptr<ClientCore> client_;
  uint64_t last_id_ = 0;
};

TEST_F(SubmitAsyncTest, WhatComesWhileACallIsUnderWayLeavesTogetherInItsOrder) {
  Submit(1);
  for (int i = 0; i < 50; ++i) Submit(2);
  EXPECT_EQ(Accept(), 1);
  EXPECT_EQ(Accept(), 100);
  uint64_t expected = 2;
  EXPECT_EQ(Take()[0]->id, 1u);
  for (const uint64_t first : TakeFirstIds(50)) {
    EXPECT_EQ(first, expected);
    expected += 2;
  }
  EXPECT_TRUE(broker_->submits.empty());
}

TEST_F(SubmitAsyncTest, MoreTasksThanAllowedAreRefusedAtOnce) {
  options_.max_unanswered_tasks = 10;
  Submit(6);
  Submit(4);
  Submit(1);
  const Results refused = Take();
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_TRUE(absl::IsResourceExhausted(refused[0].status()));
  EXPECT_EQ(ErrorReason(refused[0].status()), "CLIENT_FULL");
  EXPECT_THAT(std::string(refused[0].status().message()), HasSubstr("10 tasks (max_unanswered_tasks)"));
  // The first call has taken the first submission only: its answer makes room for as much.
  EXPECT_EQ(Accept(), 6);
  Submit(6);
  EXPECT_EQ(Accept(), 4);
  EXPECT_EQ(Accept(), 6);
  for (const size_t size : {6, 4, 6}) {
    const Results results = Take();
    EXPECT_EQ(results.size(), size);
    EXPECT_TRUE(results[0].ok());
  }
}

TEST_F(SubmitAsyncTest, MoreBytesThanAllowedAreRefusedAtOnce) {
  options_.max_unanswered_bytes = 1000;
  Submit(2, 500);
  Submit(1, 1);
  EXPECT_THAT(std::string(Take()[0].status().message()), HasSubstr("1000 bytes (max_unanswered_bytes)"));
  Submit(1, 0);
  EXPECT_EQ(Accept(), 2);
  EXPECT_EQ(Accept(), 1);
}

TEST_F(SubmitAsyncTest, BlockingSubmissionsAreNotCounted) {
  options_.max_unanswered_tasks = 1;
  Submit(1);
  client().Submit({{.type = "t"}, {.type = "t"}}, [this](Results results) { results_.Push(std::move(results)); });
  EXPECT_EQ(Accept(), 1);
  EXPECT_EQ(Accept(), 2);
  EXPECT_TRUE(Take()[0].ok());
  EXPECT_TRUE(Take()[0].ok());
}

TEST_F(SubmitAsyncTest, ACallbackFindsTheRoomOfItsOwnSubmission) {
  options_.max_unanswered_tasks = 1;
  client().SubmitAsync({{.type = "first"}}, [this](const Results&) { Submit(1); });
  EXPECT_EQ(Accept(), 1);
  EXPECT_EQ(Accept(), 1);
  EXPECT_TRUE(Take()[0].ok());
}

TEST_F(SubmitAsyncTest, GivesUpAtTheTimeout) {
  options_.timeout = absl::Seconds(3);
  Submit(1);
  broker_->submits.Take("a Submit call").Fail(absl::UnavailableError("gone"));
  scheduler_->Advance(absl::Seconds(3));
  // The repeats are under way when the time is over.
  for (auto& call : broker_->submits.TakeAll()) call.Fail(absl::UnavailableError("gone"));
  EXPECT_TRUE(absl::IsDeadlineExceeded(Take()[0].status()));
  EXPECT_TRUE(client().Flush(absl::ZeroDuration()).ok());
}

TEST_F(SubmitAsyncTest, ClosingEndsWhatIsNotAnswered) {
  Submit(1);
  Submit(1);
  client().Close();
  EXPECT_TRUE(absl::IsCancelled(Take()[0].status()));
  EXPECT_TRUE(absl::IsCancelled(Take()[0].status()));
  Submit(1);
  EXPECT_TRUE(absl::IsCancelled(Take()[0].status()));
}

TEST_F(SubmitAsyncTest, FlushWaitsForAllThatCameBefore) {
  EXPECT_TRUE(client().Flush(absl::ZeroDuration()).ok()) << "nothing is open";
  Submit(1);
  Submit(1);
  const absl::Status early = client().Flush(absl::Milliseconds(1));
  EXPECT_TRUE(absl::IsDeadlineExceeded(early));
  EXPECT_THAT(std::string(early.message()), HasSubstr("2 submissions"));
  std::future<absl::Status> flushed = std::async(std::launch::async, [this] { return client().Flush(kPatience); });
  EXPECT_EQ(Accept(), 1);
  EXPECT_EQ(Accept(), 1);
  EXPECT_TRUE(flushed.get().ok());
  EXPECT_TRUE(Take()[0].ok());
}

TEST(AsyncBook, WhatComesLaterIsNotWaitedFor) {
  AsyncBook book({10, 10});
  const uint64_t first = *book.Begin({1, 0});
  const std::shared_ptr<const Event> ended = book.AllEnded();
  EXPECT_TRUE(book.Begin({1, 0}).ok());
  book.Answered(first);
  EXPECT_FALSE(ended->HasBeenNotified()) << "its callback has not returned";
  book.End(first);
  EXPECT_TRUE(ended->HasBeenNotified());
  EXPECT_EQ(book.open(), 1u);
}

TEST_F(SubmitAsyncTest, FlushFailsIfTheClientWasClosed) {
  Submit(1);
  std::future<absl::Status> flushed = std::async(std::launch::async, [this] { return client().Flush(kPatience); });
  client().Close();
  EXPECT_TRUE(absl::IsCancelled(flushed.get()));
  EXPECT_TRUE(absl::IsCancelled(client().Flush(absl::ZeroDuration())));
}

TEST_F(SubmitAsyncTest, BoundsOfNothingAreRefused) {
  options_.max_unanswered_tasks = 0;
  Submit(1);
  EXPECT_THAT(std::string(Take()[0].status().message()), HasSubstr("max_unanswered_tasks"));
}

}  // namespace
}  // namespace internal
}  // namespace baton::inline sdk
