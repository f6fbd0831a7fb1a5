// That the wall clock does not matter is shown by tests/process/time_test.py, which can set it.
#include "broker/base/steady_notification.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

namespace baton {
namespace {

SteadyMicros Steady() { return SystemClock().Read().steady; }

TEST(SteadyNotificationTest, AWaitInVainLastsAsLongAsItSays) {
  SteadyNotification never;
  for (const Micros time : {Micros{0}, 30 * kMillisecond}) {
    const SteadyMicros begin = Steady();
    EXPECT_FALSE(never.WaitFor(time));
    EXPECT_GE(Steady() - begin, time);
  }
  EXPECT_FALSE(never.HasBeenNotified());
}

TEST(SteadyNotificationTest, WhatHasHappenedIsNotWaitedFor) {
  SteadyNotification happened;
  happened.Notify();
  EXPECT_TRUE(happened.HasBeenNotified());
  EXPECT_TRUE(happened.WaitFor(0));
  EXPECT_TRUE(happened.WaitFor(kDay));
}

TEST(SteadyNotificationTest, AllThatWaitAreToldAtOnce) {
  SteadyNotification happens;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&happens] { EXPECT_TRUE(happens.WaitFor(kDay)); });
  }
  happens.Notify();
  for (std::thread& thread : threads) thread.join();
}

// As with absl::Notification.
TEST(SteadyNotificationTest, WhoeverWasToldMayDestroyIt) {
  for (int i = 0; i < 200; ++i) {
    auto happens = std::make_unique<SteadyNotification>();
    std::thread notifier([raw = happens.get()] { raw->Notify(); });
    EXPECT_TRUE(happens->WaitFor(kDay));
    happens.reset();
    notifier.join();
  }
}

}  // namespace
}  // namespace baton
