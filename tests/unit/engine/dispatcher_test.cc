// Who gets the next task.
#include "broker/engine/dispatcher.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace baton::engine {
namespace {

constexpr WallMicros kNow = 1000;

class DispatcherTest : public ::testing::Test {
 protected:
  ClassNumber Class(const std::string& type, const Capabilities& required = {}) {
    return catalog_.InternClass(type, required).number;
  }
  void Add(ClassNumber class_number, TaskId id, int32_t priority = 0, WallMicros due = 1) {
    const OrderKey key = order_.KeyOf(priority, due, id);
    if (order_.Insert(class_number, key, kNow) && order_.QueueAt(class_number).front() == key) {
      dispatcher_.ClassReady(class_number);
    }
  }
  void Worker(SessionNumber session, const std::vector<std::string>& types, const Capabilities& capabilities,
              uint32_t slots, uint32_t taken = 0) {
    WorkerInfo info;
    info.capabilities = capabilities;
    info.slots = slots;
    for (const std::string& type : types) info.handlers.push_back({type, {}, "", 1});
    dispatcher_.SetWorker(session, info, true);
    dispatcher_.SetSlots(session, taken, slots, true);
  }
  // A worker whose only handler takes so many.
  void LimitedWorker(SessionNumber session, const std::string& type, uint32_t most, uint32_t slots,
                     const TypeSlots& taken_of = {}) {
    WorkerInfo info;
    info.slots = slots;
    info.handlers.push_back({type, {}, "", 1, most});
    info.handlers.push_back({"other", {}, "", 1});
    uint32_t taken = 0;
    for (const auto& [name, count] : taken_of) taken += count;
    dispatcher_.SetWorker(session, info, true);
    dispatcher_.SetSlots(session, taken, slots, true, taken_of);
  }
  // Takes the next task out: its id and who gets it; (0, 0) if there is none.
  std::pair<TaskId, SessionNumber> Next() {
    const auto choice = dispatcher_.Next(order_);
    if (!choice.has_value()) return {0, 0};
    order_.Remove(choice->class_number, choice->key);
    return {choice->key.id, choice->session};
  }
  using Pair = std::pair<TaskId, SessionNumber>;

  Catalog catalog_;
  ReadyOrder order_;
  Dispatcher dispatcher_{&catalog_};
};

TEST_F(DispatcherTest, OrderHoldsOverAllClassesAWorkerMayRun) {  // B105, B251, S67
  const ClassNumber a = Class("a"), b = Class("b"), c = Class("c");
  Worker(1, {"a", "b"}, {}, 10);
  Add(a, 1, 0, 5);
  Add(b, 2, 0, 4);
  Add(a, 3, 7, 9);
  Add(b, 4, 0, 5);
  Add(c, 5, 20, 1);
  EXPECT_EQ(Next(), Pair(3, 1));
  EXPECT_EQ(Next(), Pair(2, 1));
  EXPECT_EQ(Next(), Pair(1, 1));
  EXPECT_EQ(Next(), Pair(4, 1));
  EXPECT_EQ(Next(), Pair(0, 0)) << "nobody has a handler for c";
}

TEST_F(DispatcherTest, NothingChangesByAsking) {
  Add(Class("a"), 1);
  Worker(1, {"a"}, {}, 1);
  ASSERT_TRUE(dispatcher_.Next(order_).has_value());
  EXPECT_EQ(dispatcher_.Next(order_)->key.id, 1u);
  EXPECT_EQ(Next(), Pair(1, 1));
}

TEST_F(DispatcherTest, WorkerNeedsEveryRequiredCapability) {  // B252
  Add(Class("a", {"DISK", "GPU"}), 1);
  Worker(1, {"a"}, {"GPU"}, 1);
  Worker(2, {"a"}, {"DISK", "NET"}, 1);
  Worker(3, {"b"}, {"DISK", "GPU"}, 1);
  EXPECT_EQ(Next(), Pair(0, 0));
  Worker(4, {"a"}, {"CPU", "DISK", "GPU"}, 1);
  EXPECT_EQ(Next(), Pair(1, 4));
}

TEST_F(DispatcherTest, FewestUnneededCapabilitiesFirstThenTheLeastLoaded) {  // B249
  const ClassNumber a = Class("a");
  Worker(1, {"a"}, {"DISK", "GPU"}, 100);
  Worker(2, {"a"}, {"GPU"}, 100);
  Worker(3, {"a"}, {}, 4, 3);
  Worker(4, {"a"}, {}, 10, 7);
  Add(a, 1);
  Add(a, 2);
  Add(a, 3);
  Add(a, 4);
  EXPECT_EQ(Next(), Pair(1, 4)) << "70 % of its slots are taken, of the other one's 75 %";
  dispatcher_.SetSlots(4, 8, 10, true);
  EXPECT_EQ(Next(), Pair(2, 3));
  dispatcher_.SetSlots(3, 4, 4, true);
  dispatcher_.SetSlots(4, 10, 10, true);
  EXPECT_EQ(Next(), Pair(3, 2));
  dispatcher_.SetSlots(2, 100, 100, true);
  EXPECT_EQ(Next(), Pair(4, 1));
}

TEST_F(DispatcherTest, EqualLoadGoesToTheOlderSessionWhateverItsProfile) {
  const ClassNumber a = Class("a");
  Worker(2, {"a"}, {}, 4);
  Worker(1, {"a", "b"}, {}, 4);
  Add(a, 1);
  EXPECT_EQ(Next(), Pair(1, 1));
}

TEST_F(DispatcherTest, NoSlotNoTask) {
  Add(Class("a"), 1);
  Worker(1, {"a"}, {}, 0);
  Worker(2, {"a"}, {}, 3, 3);
  Worker(3, {"a"}, {}, 3, 5);
  EXPECT_EQ(Next(), Pair(0, 0));
  dispatcher_.SetSlots(2, 2, 3, false);
  EXPECT_EQ(Next(), Pair(0, 0)) << "it does not accept";
  dispatcher_.SetSlots(2, 2, 3, true);
  EXPECT_EQ(Next(), Pair(1, 2));
}

TEST_F(DispatcherTest, HeldClassIsSkippedUntilItIsLetGo) {
  const ClassNumber a = Class("a"), b = Class("b");
  Worker(1, {"a", "b"}, {}, 10);
  Add(a, 1, 9);
  Add(b, 2);
  dispatcher_.Hold(a, true);
  EXPECT_EQ(Next(), Pair(2, 1));
  Add(a, 3, 10);
  EXPECT_EQ(Next(), Pair(0, 0));
  dispatcher_.Hold(a, false);
  EXPECT_EQ(Next(), Pair(3, 1));
  EXPECT_EQ(Next(), Pair(1, 1));
}

TEST_F(DispatcherTest, WorkThatBecameReadyWhileNobodyWasFreeIsFound) {  // B109
  const ClassNumber a = Class("a"), b = Class("b");
  Worker(1, {"a", "b"}, {}, 1, 1);
  Add(a, 1);
  EXPECT_EQ(Next(), Pair(0, 0));
  Add(b, 2, 5);
  Add(Class("a", {"GPU"}), 3, 6);
  dispatcher_.SetSlots(1, 0, 1, true);
  EXPECT_EQ(Next(), Pair(2, 1));
  EXPECT_EQ(Next(), Pair(1, 1));
  EXPECT_EQ(Next(), Pair(0, 0));
}

TEST_F(DispatcherTest, WorkerThatChangesIsServedAsItIsNow) {
  Add(Class("a"), 1);
  Add(Class("b"), 2);
  Worker(1, {"a"}, {}, 1);
  Worker(1, {"b"}, {}, 1);
  EXPECT_EQ(Next(), Pair(2, 1));
  EXPECT_EQ(Next(), Pair(0, 0));
  dispatcher_.RemoveWorker(1);
  Add(Class("b"), 3);
  EXPECT_EQ(Next(), Pair(0, 0));
}

TEST_F(DispatcherTest, HandlerThatRequiresWhatItsWorkerLacksIsNotServed) {
  WorkerInfo info;
  info.slots = 1;
  info.handlers.push_back({"a", {.required_capabilities = Capabilities{"GPU"}}, "", 1});
  Add(Class("a"), 1);
  dispatcher_.SetWorker(1, info, true);
  dispatcher_.SetSlots(1, 0, 1, true);
  EXPECT_EQ(Next(), Pair(0, 0));
  EXPECT_FALSE(dispatcher_.Runnable(Class("a")));
  info.capabilities = {"GPU"};
  dispatcher_.SetWorker(1, info, true);
  dispatcher_.SetSlots(1, 0, 1, true);
  EXPECT_TRUE(dispatcher_.Runnable(Class("a")));
  EXPECT_EQ(Next(), Pair(1, 1));
}

TEST_F(DispatcherTest, RunnableCountsLiveWorkersWhetherTheyAreFreeOrNot) {
  const ClassNumber a = Class("a");
  EXPECT_FALSE(dispatcher_.Runnable(a));
  Worker(1, {"a"}, {}, 1, 1);
  EXPECT_TRUE(dispatcher_.Runnable(a));
  EXPECT_FALSE(dispatcher_.Runnable(Class("a", {"GPU"})));
  WorkerInfo info;
  info.slots = 1;
  info.handlers.push_back({"a", {}, "", 1});
  dispatcher_.SetWorker(1, info, false);
  EXPECT_FALSE(dispatcher_.Runnable(a));
}

TEST_F(DispatcherTest, TypeThatHasReachedItsLimitIsSkippedUntilOneEnds) {
  const ClassNumber a = Class("a"), b = Class("b");
  Worker(1, {"a", "b"}, {}, 10);
  dispatcher_.LimitType("a", 1);
  Add(a, 1, 9);
  Add(a, 2, 9);
  Add(b, 3);
  EXPECT_EQ(Next(), Pair(1, 1));
  dispatcher_.AttemptBegan(a);
  EXPECT_EQ(Next(), Pair(3, 1));
  EXPECT_EQ(Next(), Pair(0, 0));
  const ClassNumber gpu = Class("a", {"GPU"});
  Worker(2, {"a"}, {"GPU"}, 10);
  Add(gpu, 4);
  EXPECT_EQ(Next(), Pair(0, 0)) << "a class that came later";
  dispatcher_.AttemptEnded(a);
  EXPECT_EQ(Next(), Pair(2, 1));
  dispatcher_.AttemptBegan(a);
  EXPECT_EQ(dispatcher_.MakeRouting()->WhyLimited("a"), "waits for the limit of type 'a': 1 of 1 are running");
  EXPECT_EQ(dispatcher_.MakeRouting()->WhyLimited("b"), "");
  dispatcher_.LimitType("a", 2);
  EXPECT_EQ(dispatcher_.MakeRouting()->WhyLimited("a"), "");
  EXPECT_EQ(Next(), Pair(4, 2));
  EXPECT_EQ(dispatcher_.RunningOf("a"), 1u);
}

TEST_F(DispatcherTest, WorkerWithoutRoomForATypeIsPassedBy) {
  const ClassNumber a = Class("a"), other = Class("other");
  LimitedWorker(1, "a", 2, 10, {{"a", 2}});
  Add(a, 1, 9);
  Add(other, 2);
  EXPECT_EQ(Next(), Pair(2, 1));
  EXPECT_EQ(Next(), Pair(0, 0));
  EXPECT_TRUE(dispatcher_.Runnable(a));
  LimitedWorker(2, "a", 1, 10);
  EXPECT_EQ(Next(), Pair(1, 2));
  LimitedWorker(2, "a", 1, 10, {{"a", 1}});
  Add(a, 3);
  EXPECT_EQ(Next(), Pair(0, 0));
  LimitedWorker(1, "a", 2, 10, {{"a", 1}});
  EXPECT_EQ(Next(), Pair(3, 1));
  LimitedWorker(1, "a", 0, 10, {{"a", 7}});
  Add(a, 4);
  EXPECT_EQ(Next(), Pair(4, 1)) << "it has no limit any more";
}

TEST_F(DispatcherTest, RivalsOfATypeAtItsLimitAreThoseOfThatTypeWhereverTheyRun) {
  using ::testing::ElementsAre;
  const ClassNumber a = Class("a"), gpu = Class("a", {"GPU"}), tpu = Class("a", {"TPU"}), b = Class("b");
  Worker(1, {"a", "b"}, {}, 10);
  Worker(2, {"a"}, {"GPU"}, 10);
  dispatcher_.LimitType("a", 1);
  EXPECT_THAT(dispatcher_.RivalsOf(a), ElementsAre(a, gpu, b));
  dispatcher_.AttemptBegan(gpu);
  EXPECT_THAT(dispatcher_.RivalsOf(a), ElementsAre(a, gpu)) << "what runs of b makes no room";
  EXPECT_THAT(dispatcher_.RivalsOf(b), ElementsAre(b)) << "what waits of a takes no slot";
  EXPECT_THAT(dispatcher_.RivalsOf(tpu), ElementsAre()) << "nobody can run it";
  dispatcher_.AttemptEnded(gpu);
  EXPECT_THAT(dispatcher_.RivalsOf(b), ElementsAre(a, b));
}

TEST_F(DispatcherTest, RivalsInAWorkerWhoseHandlerIsAtItsLimitAreThoseOfItsType) {
  using ::testing::ElementsAre;
  const ClassNumber a = Class("a"), other = Class("other");
  LimitedWorker(1, "a", 2, 10, {{"a", 2}});
  EXPECT_THAT(dispatcher_.RivalsOf(a), ElementsAre(a));
  EXPECT_THAT(dispatcher_.RivalsOf(other), ElementsAre(other));
  LimitedWorker(1, "a", 2, 2, {{"a", 2}});
  EXPECT_THAT(dispatcher_.RivalsOf(a), ElementsAre(a)) << "no slot is free either";
  LimitedWorker(2, "a", 3, 2, {{"a", 2}});
  EXPECT_THAT(dispatcher_.RivalsOf(a), ElementsAre(a, other)) << "this one waits for any slot";
  EXPECT_THAT(dispatcher_.RivalsOf(other), ElementsAre(a, other));
}

TEST_F(DispatcherTest, WhatIsKnownOfAKindOfWorkersGoesWithTheLastOfThem) {
  const ClassNumber a = Class("a"), b = Class("b"), here = Class("a", {"host:7"});
  Worker(1, {"b"}, {}, 1);
  for (SessionNumber session = 2; session < 100; ++session) {
    Worker(session, {"a"}, {absl::StrCat("host:", session)}, 1);
    EXPECT_TRUE(dispatcher_.Runnable(a));
    EXPECT_EQ(dispatcher_.Runnable(here), session == 7);
    dispatcher_.RemoveWorker(session);
  }
  EXPECT_EQ(dispatcher_.profile_count(), 1u);
  Add(a, 1);
  Add(here, 2);
  Add(b, 3);
  EXPECT_FALSE(dispatcher_.Runnable(a));
  EXPECT_EQ(Next(), Pair(3, 1));
  EXPECT_EQ(Next(), Pair(0, 0));
  // One that changes leaves its kind, too; and a kind that comes again is served.
  Worker(1, {"a"}, {"host:8"}, 1);
  EXPECT_EQ(dispatcher_.profile_count(), 1u);
  EXPECT_EQ(Next(), Pair(1, 1));
  Worker(2, {"a"}, {"host:7"}, 1);
  EXPECT_EQ(Next(), Pair(2, 2));
}

TEST_F(DispatcherTest, RoutingCountsAWorkerWithLimitedHandlersOnce) {
  LimitedWorker(1, "a", 2, 10, {{"a", 2}});
  LimitedWorker(2, "a", 3, 10, {{"a", 2}});
  const auto routing = dispatcher_.MakeRouting();
  EXPECT_EQ(routing->workers, 2u);
  EXPECT_EQ(routing->slots, 20u);
  EXPECT_EQ(routing->slots_taken, 4u);
  ASSERT_EQ(routing->groups.size(), 2u);
  EXPECT_EQ(routing->groups[0].handlers.begin()->first, "a");
  EXPECT_EQ(routing->groups[0].with_room, 1u);
  EXPECT_EQ(routing->groups[0].at_limit, 1u);
  EXPECT_EQ(routing->groups[1].with_room, 2u);
  const ClassNumber a = Class("a"), other = Class("other");
  EXPECT_THAT(dispatcher_.RivalsOf(a), ::testing::ElementsAre(a, other)) << "they take the same slots";
  dispatcher_.RemoveWorker(1);
  dispatcher_.RemoveWorker(2);
  EXPECT_FALSE(dispatcher_.Runnable(a));
  EXPECT_EQ(dispatcher_.MakeRouting()->workers, 0u);
}

TEST_F(DispatcherTest, RoutingShowsLiveWorkersInGroups) {
  Worker(1, {"a"}, {"GPU"}, 4, 1);
  Worker(2, {"a"}, {"GPU"}, 6, 2);
  Worker(3, {"b"}, {}, 1);
  const auto routing = dispatcher_.MakeRouting();
  EXPECT_EQ(routing->workers, 3u);
  ASSERT_EQ(routing->groups.size(), 2u);
  EXPECT_EQ(routing->groups[0].workers, 2u);
  EXPECT_EQ(routing->groups[0].slots, 10u);
  EXPECT_EQ(routing->groups[0].slots_taken, 3u);
  EXPECT_TRUE(routing->Runnable({"a", {"GPU"}}));
  EXPECT_EQ(routing->WhyNot({"a", {"GPU"}}), "");
  EXPECT_EQ(routing->WhyNot({"c", {}}), "no live worker can run it: none has a handler for 'c'");
  EXPECT_EQ(routing->WhyNot({"b", {"GPU"}}),
            "no live worker can run it: none with a handler for 'b' declares the capability GPU");
  EXPECT_EQ(Routing().WhyNot({"a", {}}), "no live worker can run it: no worker is connected");
}

TEST_F(DispatcherTest, RoutingSaysThatAllWorkersAreDraining) {
  Routing routing;
  routing.draining = 1;
  EXPECT_EQ(routing.WhyNot({"a", {}}), "no live worker can run it: the only connected worker is draining");
  routing.draining = 3;
  EXPECT_EQ(routing.WhyNot({"a", {}}), "no live worker can run it: all 3 connected workers are draining");
}

}  // namespace
}  // namespace baton::engine
