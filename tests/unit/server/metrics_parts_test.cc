// What metrics are made of: numbers that one thread counts, labels, families, pages.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "broker/base/clock.h"
#include "broker/base/manual_clock.h"
#include "broker/base/meter.h"
#include "broker/engine/attempt_ends.h"
#include "broker/server/meters.h"
#include "broker/server/metrics/broker_families.h"
#include "broker/server/metrics/families.h"
#include "broker/server/metrics/pages.h"
#include "broker/server/metrics/type_labels.h"

namespace baton::server {
namespace {

using engine::AttemptEnds;
using engine::Event;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

std::string TextOf(const Families& families) { return prometheus::TextSerializer().Serialize(families); }

TEST(HistogramTest, AValueIsInTheFirstBucketThatHoldsIt) {
  Histogram histogram(10, 2, 3);
  for (const uint64_t value : {0, 10, 11, 20, 21, 40, 41, 1'000'000}) histogram.Add(value);
  const Histogram::Reading reading = histogram.Read();
  EXPECT_THAT(reading.ends, ElementsAre(10, 20, 40));
  EXPECT_THAT(reading.counts, ElementsAre(2, 2, 2, 2));
  EXPECT_EQ(reading.sum, 1'000'143u);
}

TEST(HistogramTest, HasNoMoreBucketsThanItCanHold) {
  Histogram histogram(1, 2, 99);
  histogram.Add(uint64_t{1} << 60);
  const Histogram::Reading reading = histogram.Read();
  EXPECT_EQ(reading.ends.size(), Histogram::kMaxBuckets);
  EXPECT_EQ(reading.counts.back(), 1u);
}

TEST(AttemptEndsTest, CountsByClassAndEvent) {
  AttemptEnds ends;
  ends.Count(1, Event::kTimedOut);
  ends.Count(1, Event::kTimedOut);
  ends.Count(700, Event::kInterrupted);
  EXPECT_EQ(ends.Read(1)[static_cast<size_t>(Event::kTimedOut)], 2u);
  EXPECT_EQ(ends.Read(1)[static_cast<size_t>(Event::kInterrupted)], 0u);
  EXPECT_EQ(ends.Read(700)[static_cast<size_t>(Event::kInterrupted)], 1u);
  EXPECT_EQ(ends.Read(5000), AttemptEnds::Counts{});
}

TEST(AttemptEndsTest, ClassesBeyondTheLastAreCountedTogether) {
  AttemptEnds ends;
  ends.Count(AttemptEnds::kClasses, Event::kFailed);
  ends.Count(4'000'000'000, Event::kFailed);
  EXPECT_EQ(ends.Read(0)[static_cast<size_t>(Event::kFailed)], 2u);
  EXPECT_EQ(ends.Read(AttemptEnds::kClasses), AttemptEnds::Counts{});
}

TEST(RefusalCounterTest, CountsByReasonWhereverTheTextIs) {
  RefusalCounter refusals;
  const std::string copy = "OVERLOADED";
  refusals.Count({});
  refusals.Count(ResourceExhausted("OVERLOADED", "full", 1));
  refusals.Count(ResourceExhausted(copy.c_str(), "full", 1));
  refusals.Count(Unavailable("DRAINING", "leaving"));
  EXPECT_THAT(refusals.Read(), ElementsAre(Pair("DRAINING", 1), Pair("OVERLOADED", 2)));
}

TEST(RefusalCounterTest, MoreReasonsThanItCanHoldAreCountedTogether) {
  RefusalCounter refusals;
  std::vector<std::string> reasons;
  for (int i = 0; i < 300; ++i) reasons.push_back(absl::StrCat("REASON_", i));
  for (const std::string& reason : reasons) refusals.Count(Aborted(reason.c_str(), ""));
  const auto counts = refusals.Read();
  EXPECT_EQ(counts.size(), 257u);
  EXPECT_EQ(counts.at("other"), 44u);
}

TEST(OpenStreamTest, IsOpenAsLongAsItLives) {
  Gauge gauge;
  {
    OpenStream never_opened, opened;
    opened.Open(&gauge);
    EXPECT_EQ(gauge.value(), 1);
  }
  EXPECT_EQ(gauge.value(), 0);
}

TEST(TypeLabelsTest, TheFirstTypesHaveTheirOwnAndKeepIt) {
  TypeLabels labels(2);
  EXPECT_EQ(labels.LabelOf("render"), "render");
  EXPECT_EQ(labels.LabelOf("send_email"), "send_email");
  EXPECT_EQ(labels.LabelOf("convert"), "other");
  EXPECT_EQ(labels.LabelOf("render"), "render");
  EXPECT_EQ(labels.LabelOf("convert"), "other");
}

TEST(FamiliesTest, AreTextAsPrometheusReadsIt) {
  prometheus::MetricFamily counter = CounterFamily("baton_things_total", "Things.");
  AddSample(&counter, 3, {{"type", "a\"b"}});
  prometheus::MetricFamily histogram = HistogramFamily("baton_wait_seconds", "Waits.");
  AddHistogram(&histogram, {0.001, 1}, {2, 0, 1}, 4.5, {{"type", "a"}});
  const std::string text = TextOf({counter, histogram, OneGauge("baton_now", "Now.", 7)});
  EXPECT_THAT(text, HasSubstr("# HELP baton_things_total Things.\n# TYPE baton_things_total counter\n"
                              "baton_things_total{type=\"a\\\"b\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("baton_wait_seconds_count{type=\"a\"} 3\nbaton_wait_seconds_sum{type=\"a\"} 4.5\n"));
  EXPECT_THAT(text, HasSubstr("baton_wait_seconds_bucket{type=\"a\",le=\"1\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("baton_wait_seconds_bucket{type=\"a\",le=\"+Inf\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("baton_now 7\n"));
}

TEST(FamiliesTest, TheProcessIsToldOfAsByEveryClient) {
  Families families;
  AddProcessFamilies(&families);
  const std::string text = TextOf(families);
  for (const char* name :
       {"process_cpu_seconds_total", "process_open_fds", "process_max_fds", "process_virtual_memory_bytes",
        "process_resident_memory_bytes", "process_start_time_seconds"}) {
    EXPECT_THAT(text, HasSubstr(absl::StrCat("\n", name, " "))) << name;
  }
  // A young process may have used no time worth telling.
  for (const char* name : {"process_open_fds", "process_resident_memory_bytes", "process_start_time_seconds"}) {
    EXPECT_THAT(text, Not(HasSubstr(absl::StrCat("\n", name, " 0\n"))));
  }
}

TEST(FamiliesTest, TheStartOfTheProcessStaysWhenItWas) {
  const auto start = [] {
    Families families;
    AddProcessFamilies(&families);
    for (const prometheus::MetricFamily& family : families) {
      if (family.name == "process_start_time_seconds") return family.metric.at(0).gauge.value;
    }
    return 0.0;
  };
  const double first = start();
  const double now = static_cast<double>(SystemClock().Read().wall) / kSecond;
  EXPECT_LE(first, now + 1);
  EXPECT_GT(first, now - 3600) << "a test does not run for an hour";
  EXPECT_EQ(start(), first) << "one that changes is taken for a restart";
}

TEST(FamiliesTest, AFollowerThatHasCaughtUpDoesNotLag) {
  engine::PartitionMeters meters;
  meters.committed = 5;
  meters.folded = 3;
  Families families;
  AddEngineFamilies(meters, &families);
  EXPECT_THAT(TextOf(families), HasSubstr("baton_follower_lag_commits 2\n"));
  // Read one after the other, folded may be ahead.
  meters.folded = 6;
  families.clear();
  AddEngineFamilies(meters, &families);
  EXPECT_THAT(TextOf(families), HasSubstr("baton_follower_lag_commits 0\n"));
}

class OneMetric final : public prometheus::Collectable {
 public:
  std::vector<prometheus::MetricFamily> Collect() const override { return {OneGauge("baton_now", "Now.", 7)}; }
};

class PagesTest : public ::testing::Test {
 protected:
  void Serve() { pages_.Serve(std::make_shared<OneMetric>(), &meters_, &clock_); }
  int StatusOf(const std::string& path) const { return pages_.Answer("GET", path).status; }

  ManualClock clock_{{.wall = kDay, .steady = kHour}};
  engine::PartitionMeters meters_;
  Pages pages_;
};

TEST_F(PagesTest, ABrokerThatOpensItsStoreIsAliveButNotReady) {
  EXPECT_EQ(StatusOf("/healthz"), 200);
  EXPECT_EQ(StatusOf("/readyz"), 503);
  EXPECT_EQ(StatusOf("/metrics"), 503);
  EXPECT_THAT(pages_.Answer("GET", "/readyz").body, HasSubstr("opening the store"));
}

TEST_F(PagesTest, ABrokerThatServesIsReadyAndHasMetrics) {
  Serve();
  EXPECT_EQ(StatusOf("/healthz"), 200);
  EXPECT_EQ(StatusOf("/readyz"), 200);
  const HttpPage metrics = pages_.Answer("GET", "/metrics");
  EXPECT_EQ(metrics.status, 200);
  EXPECT_EQ(metrics.content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_THAT(metrics.body, HasSubstr("baton_now 7\n"));
}

TEST_F(PagesTest, ABrokerThatDrainsIsAliveButNotReady) {
  Serve();
  pages_.Drain();
  EXPECT_EQ(StatusOf("/healthz"), 200);
  EXPECT_EQ(StatusOf("/metrics"), 200);
  EXPECT_EQ(StatusOf("/readyz"), 503);
  EXPECT_THAT(pages_.Answer("GET", "/readyz").body, HasSubstr("draining"));
}

TEST_F(PagesTest, AnEngineThatIsStuckIsNotAlive) {
  Serve();
  meters_.round_began = clock_.Read().steady;
  clock_.AdvanceBoth(Pages::kStuck);
  EXPECT_EQ(StatusOf("/healthz"), 200);
  clock_.AdvanceBoth(kSecond);
  EXPECT_EQ(StatusOf("/healthz"), 503);
  EXPECT_THAT(pages_.Answer("GET", "/healthz").body, HasSubstr("for 31 s"));
  // It waits for input: however long that is, it is in order.
  meters_.round_began = 0;
  clock_.AdvanceBoth(kDay);
  EXPECT_EQ(StatusOf("/healthz"), 200);
}

TEST_F(PagesTest, OtherPathsAndMethodsAreRefused) {
  Serve();
  EXPECT_EQ(StatusOf("/"), 404);
  EXPECT_EQ(StatusOf("/metrics/"), 404);
  EXPECT_THAT(pages_.Answer("GET", "/stats").body, HasSubstr("/metrics, /healthz and /readyz"));
  EXPECT_EQ(pages_.Answer("HEAD", "/healthz").status, 200);
  EXPECT_EQ(pages_.Answer("POST", "/metrics").status, 405);
}

}  // namespace
}  // namespace baton::server
