// Precedence of options, and the delay before a retry.
#include "broker/engine/options.h"

#include <limits>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace baton::engine {
namespace {

using ::testing::AllOf;
using ::testing::Ge;
using ::testing::Gt;
using ::testing::Le;

Options Full() {
  return {.priority = 1,
          .timeout = 2,
          .max_retries = 3,
          .retry_interval = 4,
          .retry_backoff = Backoff::kExponential,
          .retry_interval_cap = 5,
          .retry_jitter = 0.5,
          .required_capabilities = Capabilities{"GPU"},
          .progress_timeout = 6};
}

Options Other() {
  return {.priority = 0,
          .timeout = 12,
          .max_retries = 13,
          .retry_interval = 0,
          .retry_backoff = Backoff::kFixed,
          .retry_interval_cap = 15,
          .retry_jitter = 0.0,
          .required_capabilities = Capabilities{},
          .progress_timeout = 0};
}

TEST(OptionsTest, FirstOneWinsFieldByFieldAlsoWhenItSaysZeroOrNone) {  // B63, B67, B68
  EXPECT_EQ(Complete(Full(), Other()), Full());
  EXPECT_EQ(Complete(Other(), Full()), Other());
  EXPECT_EQ(Complete({}, Full()), Full());
  EXPECT_EQ(Complete(Full(), {}), Full());
  EXPECT_TRUE(Complete({}, {}).empty());
  EXPECT_EQ(Complete({.priority = 9}, Other()).priority, 9);
  EXPECT_EQ(Complete({.priority = 9}, Other()).timeout, 12);
}

TEST(OptionsTest, SettledFieldsAreWhatIsSaidOrTheDefaults) {  // B27, B29, B30, B257, S114
  const Settled defaults = Settle({}, {});
  EXPECT_EQ(defaults.timeout, 60 * kSecond);
  EXPECT_EQ(defaults.max_retries, 3);
  EXPECT_EQ(defaults.retry_interval, 0);
  EXPECT_EQ(defaults.retry_backoff, Backoff::kFixed);
  EXPECT_EQ(defaults.retry_interval_cap, kHour);
  EXPECT_EQ(defaults.retry_jitter, 0.0);
  EXPECT_EQ(defaults.progress_timeout, 0);
  const Settled mixed = Settle(Complete({.timeout = 7, .max_retries = 1}, Full()), {});
  EXPECT_EQ(mixed.timeout, 7);
  EXPECT_EQ(mixed.max_retries, 1);
  EXPECT_EQ(mixed.retry_interval, 4);
  EXPECT_EQ(mixed.retry_backoff, Backoff::kExponential);
  EXPECT_EQ(mixed.retry_interval_cap, 5);
  EXPECT_EQ(mixed.retry_jitter, 0.5);
}

TEST(OptionsTest, JitterOfAnExponentialRetryHasADefaultOfItsOwn) {
  EXPECT_EQ(Settle({.retry_backoff = Backoff::kExponential}, {}).retry_jitter, 0.2);
  EXPECT_EQ(Settle({.retry_backoff = Backoff::kExponential, .retry_jitter = 0.0}, {}).retry_jitter, 0.0);
  EXPECT_EQ(Settle({.retry_backoff = Backoff::kFixed}, {}).retry_jitter, 0.0);
}

TEST(OptionsTest, OwnValuesGoBeforeTheHandlersThoseBeforeInheritedOnesAndTheseBeforeTheWorkers) {
  const Options own{.timeout = 1};
  const Options inherited{.timeout = 3, .max_retries = 3, .retry_interval = 3};
  const ClaimOptions claim{{.timeout = 2, .max_retries = 2},
                           {.timeout = 4, .max_retries = 4, .retry_interval = 4, .retry_interval_cap = 4}};
  const Settled settled = Settle(own, inherited, claim, {});
  EXPECT_EQ(settled.timeout, 1);
  EXPECT_EQ(settled.max_retries, 2);
  EXPECT_EQ(settled.retry_interval, 3);
  EXPECT_EQ(settled.retry_interval_cap, 4);
  EXPECT_EQ(settled.retry_jitter, 0.0);
}

TEST(OptionsTest, ChildrenInheritAllButCapabilitiesAndTheProgressTimeout) {
  Options expected = Full();
  expected.required_capabilities.reset();
  expected.progress_timeout.reset();
  EXPECT_EQ(InheritedBy(Full(), Other()), expected);
  EXPECT_EQ(InheritedBy({}, expected), expected);
  EXPECT_EQ(InheritedBy({}, {}), Options());
}

TEST(OptionsTest, RecordsOfClaimsKeepBothParts) {
  for (const ClaimOptions& options : {ClaimOptions{Full(), Other()}, ClaimOptions{{}, Full()}}) {
    EXPECT_EQ(FromRecord(ToRecord(options)), options);
  }
}

TEST(OptionsTest, RecordsKeepWhatIsSetAndOnlyThat) {
  for (const Options& options : {Full(), Other(), Options{}, Options{.priority = 0}}) {
    EXPECT_EQ(FromRecord(ToRecord(options)), options);
  }
}

Settled Retry(Backoff backoff, Micros interval, Micros cap, double jitter) {
  return Settle(
      {.retry_interval = interval, .retry_backoff = backoff, .retry_interval_cap = cap, .retry_jitter = jitter}, {});
}

TEST(OptionsTest, FixedDelayIsAlwaysTheInterval) {
  const Settled options = Retry(Backoff::kFixed, 3 * kSecond, kSecond, 0);
  for (const uint32_t failures : {1u, 2u, 7u, 1000u}) EXPECT_EQ(RetryDelay(options, failures, 42), 3 * kSecond);
}

TEST(OptionsTest, ExponentialDelayDoublesUpToItsCap) {  // B254
  const Settled options = Retry(Backoff::kExponential, kSecond, kMinute, 0);
  const Micros expected[] = {1, 2, 4, 8, 16, 32, 60, 60};
  for (uint32_t i = 0; i < std::size(expected); ++i) {
    EXPECT_EQ(RetryDelay(options, i + 1, 42), expected[i] * kSecond) << "failure " << i + 1;
  }
  EXPECT_EQ(RetryDelay(options, 1000, 42), kMinute);
  EXPECT_EQ(RetryDelay(Retry(Backoff::kExponential, 30 * kDay, 30 * kDay, 0), 1000, 42), 30 * kDay);
  EXPECT_EQ(RetryDelay(Retry(Backoff::kExponential, 0, kMinute, 1), 5, 42), 0);
}

TEST(OptionsTest, JitterOnlyShortensAndByNoMoreThanItsShare) {  // B254
  std::mt19937_64 random(1);
  for (const double jitter : {0.0, 0.2, 0.5, 1.0}) {
    const Settled options = Retry(Backoff::kFixed, 1000 * kSecond, kHour, jitter);
    const Micros least = static_cast<Micros>(1000 * kSecond * (1 - jitter));
    Micros sum = 0;
    for (int i = 0; i < 1000; ++i) {
      const Micros delay = RetryDelay(options, 1, random());
      EXPECT_THAT(delay, AllOf(Ge(least), Le(1000 * kSecond)));
      sum += delay;
    }
    // Spread evenly: the mean is in the middle.
    EXPECT_NEAR(static_cast<double>(sum) / 1000, 1000e6 * (1 - jitter / 2), 1000e6 * jitter * 0.05 + 1);
    EXPECT_EQ(RetryDelay(options, 1, 0), 1000 * kSecond);
    EXPECT_THAT(RetryDelay(options, 1, std::numeric_limits<uint64_t>::max()), Ge(least));
  }
}

}  // namespace
}  // namespace baton::engine
