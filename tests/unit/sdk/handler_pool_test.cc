#include "worker_sdk/src/handler_pool.h"

#include <atomic>
#include <system_error>
#include <utility>

#include "absl/synchronization/barrier.h"
#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/notification.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/sdk/fake_connection.h"

namespace baton::inline sdk {
namespace internal {
namespace {

using ::testing::HasSubstr;

std::vector<AttemptPtr> Attempts(int count) {
  std::vector<AttemptPtr> attempts;
  for (int i = 0; i < count; ++i) {
    auto delivery = std::make_unique<v1::Delivery>();
    delivery->set_task_id(i);
    attempts.push_back(std::make_shared<Attempt>(std::move(delivery), nullptr, 0));
  }
  return attempts;
}

// A system that allows only so many threads.
struct LimitedSystem {
  HandlerPool::StartFunction Starter() {
    return [this](std::function<void()> body) {
      if (started == most) throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again));
      ++started;
      StartDetachedThread(std::move(body));
    };
  }

  std::atomic<int> most = 0;
  std::atomic<int> started = 0;
};

TEST(HandlerPoolTest, RunsAsManyAtOnceAsItHasThreads) {  // S12
  // Each of four waits for the other three: less concurrency would never end.
  absl::Barrier* barrier = new absl::Barrier(4);
  absl::BlockingCounter done(4);
  HandlerPool pool(4, [&](const AttemptPtr&) {
    if (barrier->Block()) delete barrier;
    done.DecrementCount();
  });
  pool.Add(Attempts(4));
  done.Wait();
  EXPECT_TRUE(pool.Stop(kPatience));
}

TEST(HandlerPoolTest, NeverRunsMoreThanItsThreads) {  // B107, S129
  std::atomic<int> running = 0, most = 0;
  absl::BlockingCounter done(2000);
  HandlerPool pool(3, [&](const AttemptPtr&) {
    const int now = ++running;
    int seen = most;
    while (now > seen && !most.compare_exchange_weak(seen, now)) {
    }
    --running;
    done.DecrementCount();
  });
  for (int i = 0; i < 20; ++i) pool.Add(Attempts(100));
  done.Wait();
  EXPECT_LE(most, 3);
}

TEST(HandlerPoolTest, GivesBackOnlyWhatWasNotStarted) {
  Inbox<uint64_t> started;
  absl::Notification release;
  HandlerPool pool(1, [&](const AttemptPtr& attempt) {
    started.Push(attempt->delivery->task_id());
    release.WaitForNotification();
  });
  pool.Add(Attempts(5));
  EXPECT_EQ(started.Take("the first"), 0);
  EXPECT_EQ(pool.Take([](const Attempt& attempt) { return attempt.delivery->task_id() % 2 == 0; }).size(), 2);
  EXPECT_EQ(pool.Take([](const Attempt&) { return true; }).size(), 2);
  release.Notify();
  EXPECT_TRUE(pool.Stop(kPatience));
  EXPECT_TRUE(started.empty());
}

TEST(HandlerPoolTest, GrowsWhileRunning) {
  Inbox<uint64_t> started;
  absl::Notification release;
  HandlerPool pool(1, [&](const AttemptPtr& attempt) {
    started.Push(attempt->delivery->task_id());
    release.WaitForNotification();
  });
  pool.Add(Attempts(2));
  EXPECT_EQ(started.Take("the first"), 0);
  pool.SetMaxThreads(2);
  EXPECT_EQ(started.Take("the second, on the new thread"), 1);
  release.Notify();
  EXPECT_TRUE(pool.Stop(kPatience));
}

TEST(HandlerPoolTest, FewerThreadsDoTheWorkIfTheSystemHasNoMore) {
  LimitedSystem threads;
  threads.most = 2;
  Inbox<uint64_t> started;
  absl::Notification release;
  const auto run = [&](const AttemptPtr& attempt) {
    started.Push(attempt->delivery->task_id());
    release.WaitForNotification();
  };
  HandlerPool pool(10, run, threads.Starter());
  pool.Add(Attempts(5));
  for (int i = 0; i < 2; ++i) started.Take("a handler on a thread of its own");
  EXPECT_TRUE(started.empty());
  EXPECT_THAT(pool.RetryThreads().value_or(""), HasSubstr("2 of 10"));
  EXPECT_FALSE(pool.RetryThreads().has_value()) << "it is told once";
  release.Notify();
  for (int i = 0; i < 3; ++i) started.Take("a handler on the thread of another one");
  EXPECT_TRUE(pool.Stop(kPatience));
}

TEST(HandlerPoolTest, WorkWaitsForTheFirstThreadThatTheSystemHas) {
  LimitedSystem threads;
  Inbox<uint64_t> ran;
  HandlerPool pool(
      4, [&](const AttemptPtr& attempt) { ran.Push(attempt->delivery->task_id()); }, threads.Starter());
  pool.Add(Attempts(1));
  EXPECT_THAT(pool.RetryThreads().value_or(""), HasSubstr("0 of 4"));
  EXPECT_TRUE(ran.empty());
  threads.most = 1;
  pool.RetryThreads();
  EXPECT_EQ(ran.Take("what waited"), 0);
  EXPECT_TRUE(pool.Stop(kPatience));
}

TEST(HandlerPoolTest, EachBatchTriesAgainToStartAThread) {
  LimitedSystem threads;
  Inbox<uint64_t> ran;
  HandlerPool pool(
      4, [&](const AttemptPtr& attempt) { ran.Push(attempt->delivery->task_id()); }, threads.Starter());
  pool.Add(Attempts(1));
  threads.most = 1;
  pool.Add(Attempts(2));
  for (int i = 0; i < 3; ++i) ran.Take("an attempt of either batch");
  EXPECT_TRUE(pool.Stop(kPatience));
}

TEST(HandlerPoolTest, DoesNotWaitForAThreadThatIsStuck) {
  struct Shared {
    absl::Notification started, release, ended;
  };
  auto shared = std::make_shared<Shared>();
  {
    HandlerPool pool(1, [shared](const AttemptPtr&) {
      shared->started.Notify();
      shared->release.WaitForNotification();
      shared->ended.Notify();
    });
    pool.Add(Attempts(1));
    shared->started.WaitForNotification();
    EXPECT_FALSE(pool.Stop(absl::Milliseconds(1)));
  }
  shared->release.Notify();
  EXPECT_TRUE(shared->ended.WaitForNotificationWithTimeout(kPatience));
}

}  // namespace
}  // namespace internal
}  // namespace baton::inline sdk
