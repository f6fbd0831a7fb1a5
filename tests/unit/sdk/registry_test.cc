#include "worker_sdk/src/registry.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace baton::inline sdk {
namespace internal {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Outcome Done(Task&) { return {}; }

TEST(RegistryTest, SeveralAreAllOrNothing) {  // B179
  Registry registry;
  EXPECT_TRUE(absl::IsInvalidArgument(registry.Use({{"good", Done}, {"bad type", Done}})));
  EXPECT_EQ(registry.Find("good"), nullptr);
  EXPECT_TRUE(absl::IsInvalidArgument(registry.Use({{"same", Done}, {"same", Done}})));
  EXPECT_EQ(registry.size(), 0);
  EXPECT_TRUE(registry.Use({{"a", Done}, {"b", HandlerOptions{.handler = Done, .options = {.priority = 3}}}}).ok());
  EXPECT_EQ(registry.size(), 2);
}

TEST(RegistryTest, RefusalIsRememberedUntilMadeGood) {
  Registry registry;
  EXPECT_TRUE(registry.refusal().ok());
  EXPECT_FALSE(registry.Use({{"a", HandlerOptions{}}}).ok());
  EXPECT_TRUE(registry.Use({{"b", Done}}).ok());
  EXPECT_THAT(std::string(registry.refusal().message()), HasSubstr("'a'"));
  EXPECT_TRUE(registry.Use({{"a", Done}}).ok());
  EXPECT_TRUE(registry.refusal().ok());

  EXPECT_FALSE(registry.Use({{"c", HandlerOptions{}}}).ok());
  EXPECT_THAT(registry.Unuse({"c"}), ElementsAre());
  EXPECT_TRUE(registry.refusal().ok());

  EXPECT_FALSE(registry.Configure({.max_concurrency = 0}).ok());
  EXPECT_THAT(std::string(registry.refusal().message()), HasSubstr("max_concurrency"));
  EXPECT_TRUE(registry.Configure({.max_concurrency = 4}).ok());
  EXPECT_TRUE(registry.refusal().ok());
}

TEST(RegistryTest, RefusedReplacementLeavesTheOldHandler) {
  Registry registry;
  ASSERT_TRUE(registry.Use({{"a", Done}}).ok());
  const auto before = registry.Find("a");
  EXPECT_FALSE(registry.Use({{"a", HandlerOptions{}}}).ok());
  EXPECT_EQ(registry.Find("a"), before);
}

TEST(RegistryTest, WhatAHandlerHoldsMayCallBackWhenItIsDestroyed) {
  Registry registry;
  std::vector<size_t> sizes;
  const auto use = [&] {
    const std::shared_ptr<void> held(nullptr, [&](void*) { sizes.push_back(registry.size()); });
    std::vector<Registration> one;
    one.emplace_back("a", [held](Task&) { return Outcome(); });
    EXPECT_TRUE(registry.Use(std::move(one)).ok());
  };
  use();
  use();
  EXPECT_THAT(sizes, ElementsAre(1)) << "the first handler was replaced";
  EXPECT_THAT(registry.Unuse({"a"}), ElementsAre("a"));
  EXPECT_THAT(sizes, ElementsAre(1, 0));
}

TEST(RegistryTest, OfAllHandlersOfATypeTheLastOneIsCurrent) {
  Registry registry;
  EXPECT_TRUE(registry.IsCurrent("a", nullptr));
  ASSERT_TRUE(registry.Use({{"a", Done}}).ok());
  const auto first = registry.Find("a");
  EXPECT_TRUE(registry.IsCurrent("a", first.get()));
  ASSERT_TRUE(registry.Use({{"a", Done}}).ok());
  EXPECT_FALSE(registry.IsCurrent("a", first.get()));
  const auto second = registry.Find("a");
  EXPECT_TRUE(registry.IsCurrent("a", second.get()));
  EXPECT_THAT(registry.Unuse({"a"}), ElementsAre("a"));
  EXPECT_FALSE(registry.IsCurrent("a", second.get()));
}

TEST(RegistryTest, VersionsCountPerTypeAndGoOnAfterUnuse) {
  Registry registry;
  ASSERT_TRUE(registry.Use({{"a", Done}, {"b", Done}}).ok());
  ASSERT_TRUE(registry.Use({{"a", Done}}).ok());
  EXPECT_EQ(registry.Find("a")->version, 2);
  EXPECT_EQ(registry.Find("b")->version, 1);
  EXPECT_THAT(registry.Unuse({"a", "x"}), ElementsAre("a"));
  EXPECT_EQ(registry.Find("a"), nullptr);
  ASSERT_TRUE(registry.Use({{"a", Done}}).ok());
  EXPECT_EQ(registry.Find("a")->version, 3);
}

TEST(RegistryTest, KeepsACopyOfWhatItWasGiven) {  // B180, S133
  Registry registry;
  HandlerOptions options{.handler = Done, .options = {.priority = 3}, .description = "old"};
  std::vector<std::string> needed = {"GPU"};
  options.options.required_capabilities = needed;
  ASSERT_TRUE(registry.Use({{"a", options}}).ok());
  options = {.options = {.priority = 9}, .description = "new"};
  needed[0] = "SSD";
  const auto kept = registry.Find("a");
  EXPECT_TRUE(kept->options.handler);
  EXPECT_EQ(kept->options.options.priority, 3);
  EXPECT_THAT(*kept->options.options.required_capabilities, ElementsAre("GPU"));
  EXPECT_EQ(kept->options.description, "old");
}

TEST(RegistryTest, RefusesMoreTypesThanABrokerTakes) {
  Registry registry;
  std::vector<Registration> many;
  many.reserve(1000);
  for (int i = 0; i < 1000; ++i) many.emplace_back("t" + std::to_string(i), Done);
  ASSERT_TRUE(registry.Use(many).ok());
  EXPECT_THAT(std::string(registry.Use({{"one-more", Done}}).message()), HasSubstr("1001 types; at most 1000"));
  EXPECT_TRUE(registry.Use({{"t1", Done}}).ok());
}

TEST(RegistryTest, DescribesEverythingToTheBroker) {  // B66, B253, S106
  Registry registry;
  ASSERT_TRUE(registry
                  .Configure({.max_concurrency = 4,
                              .prefetch = 2,
                              .capabilities = {"GPU"},
                              .retry = {.max_attempts = 7, .backoff = RetryBackoff::kExponential}})
                  .ok());
  ASSERT_TRUE(
      registry
          .Use({{"a", HandlerOptions{.handler = Done,
                                     .options = {.timeout = absl::Seconds(5), .required_capabilities = {{"GPU"}}},
                                     .description = "does a",
                                     .max_concurrency = 3}},
                {"b", Done}})
          .ok());
  const v1::WorkerUpdate update = registry.Describe();
  EXPECT_THAT(update.capabilities(), ElementsAre("GPU"));
  EXPECT_EQ(update.slots(), 6);
  EXPECT_EQ(update.default_options().max_retries(), 7);
  EXPECT_EQ(update.default_options().retry_backoff(), v1::RETRY_BACKOFF_EXPONENTIAL);
  EXPECT_FALSE(update.default_options().has_timeout_us());
  ASSERT_EQ(update.handlers_size(), 2);
  EXPECT_EQ(update.handlers(0).type(), "a");
  EXPECT_EQ(update.handlers(0).max_concurrency(), 3);
  EXPECT_EQ(update.handlers(1).max_concurrency(), 0);
  EXPECT_EQ(update.handlers(0).options().timeout_us(), 5'000'000);
  EXPECT_FALSE(update.handlers(0).options().has_priority());
  EXPECT_THAT(update.handlers(0).options().required_capabilities().names(), ElementsAre("GPU"));
  EXPECT_EQ(update.handlers(0).description(), "does a");
  EXPECT_EQ(update.handlers(0).version(), 1);
}

}  // namespace
}  // namespace internal
}  // namespace baton::inline sdk
