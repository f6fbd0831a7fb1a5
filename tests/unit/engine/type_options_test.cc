// Where the options of a task come from, and when they are settled.
#include "tests/unit/engine/harness.h"

namespace baton::engine::testing {
namespace {

using ::testing::ElementsAre;

TEST(TypeOptionsTest, RecordOfATypeFixesPriorityAndCapabilitiesWhenATaskIsCreated) {  // B12
  EngineHarness harness;
  WorkerSpec spec;
  spec.slots = 0;
  spec.capabilities = {"CPU", "GPU"};
  spec.handler_options = {.priority = 7, .required_capabilities = Capabilities{"GPU"}};
  TestWorker& worker = harness.Connect(spec);
  const TaskId first = harness.Submit();
  EXPECT_EQ(harness.RowOf(first).priority(), 7);
  worker.Update([](WorkerSpec& changed) { changed.handler_options = {.priority = -3}; });
  const TaskId second = harness.Submit();
  EXPECT_EQ(harness.RowOf(first).priority(), 7) << "never changes by itself";
  EXPECT_EQ(harness.RowOf(second).priority(), -3);
  EXPECT_NE(harness.RowOf(first).class_number(), harness.RowOf(second).class_number());
  harness.Crash();
  const TaskId third = harness.Submit();
  EXPECT_EQ(harness.RowOf(third).priority(), -3) << "the record outlives worker and broker";
  EXPECT_EQ(harness.RowOf(third).class_number(), harness.RowOf(second).class_number());
  TestWorker& plain = harness.Connect({.worker_id = "plain"});
  EXPECT_THAT(plain.running(), ElementsAre(second, third)) << "the first one requires a GPU";
}

TEST(TypeOptionsTest, TaskOverridesItsType) {  // B252
  EngineHarness harness;
  TestWorker& worker = harness.Connect(
      {.capabilities = {"GPU"}, .handler_options = {.priority = 7, .required_capabilities = Capabilities{"GPU"}}});
  worker.Kill();
  const TaskId id = harness.Submit({.options = {.priority = 1, .required_capabilities = Capabilities{}}});
  EXPECT_EQ(harness.RowOf(id).priority(), 1);
  EXPECT_TRUE(harness.Connect({.worker_id = "plain"}).Runs(id));
}

TEST(TypeOptionsTest, WorkerThatLacksWhatItsHandlerRequiresGetsNoTaskOfThatType) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect({.handler_options = {.required_capabilities = Capabilities{"GPU"}}});
  const auto reply = harness.SubmitCall({{.options = {.required_capabilities = Capabilities{}}}});
  EXPECT_FALSE(reply->results[0].runnable);
  EXPECT_FALSE(worker.Runs(reply->results[0].id));
  worker.Update([](WorkerSpec& spec) { spec.capabilities = {"GPU"}; });
  EXPECT_TRUE(worker.Runs(reply->results[0].id));
}

TEST(TypeOptionsTest, TaskBeatsHandlerBeatsWorkerBeatsBroker) {  // B65
  EngineHarness harness;
  WorkerSpec spec;
  spec.handler_options = {.timeout = 20 * kSecond, .retry_interval = 2 * kSecond};
  spec.default_options = {.max_retries = 5, .retry_interval = 3 * kSecond, .retry_interval_cap = kMinute};
  TestWorker& worker = harness.Connect(spec);
  const TaskId own = harness.Submit({.options = {.timeout = 10 * kSecond, .max_retries = 9}});
  EXPECT_EQ(worker.DeliveryOf(own).timeout, 10 * kSecond);
  EXPECT_EQ(worker.DeliveryOf(own).max_retries, 9);
  const TaskId plain = harness.Submit();
  EXPECT_EQ(worker.DeliveryOf(plain).timeout, 20 * kSecond);
  EXPECT_EQ(worker.DeliveryOf(plain).max_retries, 5);
  worker.Fail(plain);
  EXPECT_EQ(harness.EntryOf(plain).due, harness.now() + 2 * kSecond) << "the handler's, not the worker's";
}

TEST(TypeOptionsTest, OptionsOfTheFirstClaimStayWhoeverClaimsNext) {  // B65
  EngineHarness harness;
  TestWorker& first = harness.Connect(
      {.worker_id = "first", .handler_options = {.timeout = 11 * kSecond, .max_retries = 2}, .handler_version = 3});
  const TaskId id = harness.Submit();
  EXPECT_EQ(first.DeliveryOf(id).handler_version, 3u);
  first.Release(id);
  first.Kill();
  TestWorker& second = harness.Connect(
      {.worker_id = "second", .handler_options = {.timeout = 77 * kSecond, .max_retries = 99}, .handler_version = 4});
  harness.Advance(2 * kSecond);
  for (const bool crash : {false, true}) {
    if (crash) {
      harness.Crash();
      EXPECT_THAT(second.Hello(), NoError());
    }
    ASSERT_TRUE(second.Runs(id));
    EXPECT_EQ(second.DeliveryOf(id).timeout, 11 * kSecond);
    EXPECT_EQ(second.DeliveryOf(id).max_retries, 2);
    EXPECT_EQ(second.DeliveryOf(id).handler_version, 4u);
  }
  second.Fail(id);
  second.Fail(id);
  EXPECT_EQ(harness.StateOf(id), LiveState::FAILED);
}

TEST(TypeOptionsTest, SettledDefaultsStayWhenTheBrokerStartsWithOthers) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit();
  records::v1::OptionsRow row;
  std::string value;
  ASSERT_TRUE(
      harness.store().Get(storage::Family::kMeta, OptionsMetaKey(harness.EntryOf(id).options_number), &value).ok());
  ASSERT_TRUE(row.ParseFromString(value));
  EXPECT_EQ(row.options().timeout_us(), harness.settings().defaults.timeout);
  EXPECT_EQ(row.options().max_retries(), harness.settings().defaults.max_retries);
  EXPECT_TRUE(worker.Runs(id));
}

TEST(TypeOptionsTest, ChildrenTakeTheOptionsOfTheirOwnType) {  // B69
  EngineHarness harness;
  harness.Connect({.worker_id = "children", .types = {"child"}, .handler_options = {.priority = 9}});
  TestWorker& parents = harness.Connect({.worker_id = "parents", .types = {"parent"}});
  const TaskId parent = harness.Submit({.type = "parent", .options = {.priority = -9}});
  parents.Spawn(parent, {{.type = "child"}, {.type = "child", .options = {.priority = 2}}});
  EXPECT_EQ(harness.RowOf(parent + 1).priority(), 9);
  EXPECT_EQ(harness.RowOf(parent + 2).priority(), 2);
}

TEST(TypeOptionsTest, ChildTakesFromItsParentWhatNeitherItselfNorItsHandlerSays) {  // B69
  EngineHarness harness;
  WorkerSpec children{.worker_id = "children", .types = {"child"}};
  children.handler_options = {.timeout = 20 * kSecond};
  children.default_options = {.max_retries = 5, .retry_interval = 3 * kSecond};
  TestWorker& worker = harness.Connect(children);
  TestWorker& parents = harness.Connect({.worker_id = "parents", .types = {"parent"}});
  const TaskId parent =
      harness.Submit({.type = "parent", .options = {.priority = 4, .timeout = 9 * kSecond, .max_retries = 2}});
  parents.Spawn(parent, {{.type = "child"}, {.type = "child", .options = {.priority = 0, .max_retries = 7}}});
  const TaskId plain = parent + 1;
  const TaskId other = parent + 2;
  EXPECT_EQ(harness.RowOf(plain).priority(), 4);
  EXPECT_EQ(harness.RowOf(other).priority(), 0);
  EXPECT_EQ(worker.DeliveryOf(plain).timeout, 20 * kSecond) << "its handler's";
  EXPECT_EQ(worker.DeliveryOf(plain).max_retries, 2) << "its parent's";
  EXPECT_EQ(worker.DeliveryOf(other).max_retries, 7) << "its own";
  worker.Fail(plain);
  EXPECT_EQ(harness.EntryOf(plain).due, harness.now() + 3 * kSecond) << "the worker's";
}

TEST(TypeOptionsTest, WhatAParentTookFromItsHandlerIsNotInherited) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect({.worker_id = "children", .types = {"child"}});
  WorkerSpec spec{.worker_id = "parents", .types = {"parent"}};
  spec.handler_options = {.priority = 4, .timeout = 9 * kSecond};
  TestWorker& parents = harness.Connect(spec);
  const TaskId parent = harness.Submit({.type = "parent"});
  parents.Spawn(parent, {{.type = "child"}});
  EXPECT_EQ(harness.RowOf(parent + 1).priority(), 0);
  EXPECT_EQ(worker.DeliveryOf(parent + 1).timeout, harness.settings().defaults.timeout);
}

TEST(TypeOptionsTest, GrandchildrenInheritTooAndStagedOnes) {  // B69, B70
  EngineHarness harness;
  TestWorker& worker = harness.Connect({.capabilities = {"GPU"}});
  const TaskId root = harness.Submit({.options = {.timeout = 9 * kSecond,
                                                  .max_retries = 2,
                                                  .required_capabilities = Capabilities{"GPU"},
                                                  .progress_timeout = kSecond}});
  worker.SpawnPart(root, 1, {{.options = {.timeout = 8 * kSecond}}});
  worker.Spawn(root, {}, "", 1);
  const TaskId child = root + 1;
  EXPECT_EQ(worker.DeliveryOf(child).timeout, 8 * kSecond);
  worker.Spawn(child, {{}});
  const TaskId grandchild = child + 1;
  harness.Crash();
  EXPECT_THAT(worker.Hello(), NoError());
  worker.Release(grandchild);
  EXPECT_EQ(worker.DeliveryOf(grandchild).timeout, 8 * kSecond);
  EXPECT_EQ(worker.DeliveryOf(grandchild).max_retries, 2);
  EXPECT_EQ(harness.RowOf(grandchild).inherited().progress_timeout_us(), 0);
  EXPECT_FALSE(harness.RowOf(grandchild).inherited().has_required_capabilities());
}

TEST(TypeOptionsTest, LatestRegistrationCountsAndWhatAWorkerRepeatsIsNone) {
  EngineHarness harness;
  TestWorker& old = harness.Connect({.worker_id = "old", .slots = 0, .handler_options = {.priority = 1}});
  harness.Connect({.worker_id = "new", .slots = 0, .handler_options = {.priority = 2}});
  old.Update([](WorkerSpec& spec) { spec.types.emplace_back("other"); });
  EXPECT_EQ(harness.RowOf(harness.Submit()).priority(), 2) << "it registered another type";
  old.Update([](WorkerSpec& spec) { ++spec.handler_version; });
  EXPECT_EQ(harness.RowOf(harness.Submit()).priority(), 1) << "registered again, as it was";
}

TEST(TypeOptionsTest, WorkerThatComesBackToItsAttemptsRegistersNothingAnew) {
  EngineHarness harness;
  TestWorker& old = harness.Connect({.worker_id = "old", .slots = 1, .handler_options = {.priority = 1}});
  ASSERT_TRUE(old.Runs(harness.Submit()));
  harness.Connect({.worker_id = "new", .slots = 0, .handler_options = {.priority = 2}});
  old.CloseStream();
  EXPECT_THAT(old.Hello(), NoError());
  EXPECT_EQ(harness.RowOf(harness.Submit()).priority(), 2);
}

TEST(TypeOptionsTest, RegisteringTheSameHandlerAgainWritesNothing) {
  EngineHarness harness;
  harness.Connect({.worker_id = "one", .handler_options = {.priority = 3}});
  harness.TakeWrites();
  harness.Connect({.worker_id = "two", .handler_options = {.priority = 3}});
  EXPECT_THAT(harness.TakeWrites(), ElementsAre(0, 0, 0, 0, 0, 0, 0, 0));
}

}  // namespace
}  // namespace baton::engine::testing
