// The metrics of a live table that a test has written.
#include "broker/server/metrics/collector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include <string>

#include "broker/storage/memory_store.h"
#include "tests/unit/read/scene.h"

namespace baton::server {
namespace {

using service::testing::Scene;
using ::testing::HasSubstr;
using ::testing::Not;

class MetricsCollectorTest : public ::testing::Test {
 protected:
  std::string Scrape() {
    if (collector_ == nullptr) {
      collector_ = std::make_unique<MetricsCollector>(MetricsCollector::Parts{.partition = &scene_.partition(),
                                                                              .store = store_.get(),
                                                                              .server = &meters_,
                                                                              .clock = &scene_.clock(),
                                                                              .version = "9.9.9",
                                                                              .types = types_,
                                                                              .patience = patience_});
    }
    return prometheus::TextSerializer().Serialize(collector_->Collect());
  }

  size_t types_ = 100;
  Micros patience_ = kMinute;
  Scene scene_;
  std::unique_ptr<storage::Store> store_ = *storage::OpenMemoryStore(std::make_shared<storage::MemoryDisk>());
  ServerMeters meters_;
  std::unique_ptr<MetricsCollector> collector_;
};

TEST_F(MetricsCollectorTest, AnEmptyBrokerHasNoTypes) {
  const std::string text = Scrape();
  EXPECT_THAT(text, HasSubstr("baton_build_info{version=\"9.9.9\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("baton_live_table_readable 1\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE baton_tasks gauge\n"));
  EXPECT_THAT(text, Not(HasSubstr("type=\"")));
}

TEST_F(MetricsCollectorTest, TasksAreCountedByTypeAndState) {
  scene_.Submit({.type = "render"});
  scene_.Submit({.type = "render", .capabilities = {"GPU"}});
  scene_.Claim(scene_.Submit({.type = "render"}), "w1");
  scene_.Cancel(scene_.Submit({.type = "send_email"}), "ann", "");
  scene_.Connect("render", {}, 4, 1);
  const std::string text = Scrape();
  EXPECT_THAT(text, HasSubstr("baton_tasks{type=\"render\",state=\"pending\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("baton_tasks{type=\"render\",state=\"running\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("baton_tasks{type=\"send_email\",state=\"cancelled\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("baton_tasks_unservable{type=\"render\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("baton_slots 4\n"));
  EXPECT_THAT(text, HasSubstr("baton_slots_taken 1\n"));
}

TEST_F(MetricsCollectorTest, TheOldestTaskOfEachStateTellsItsAge) {
  scene_.Submit({.type = "render"});
  scene_.Pass(kMinute);
  const auto running = scene_.Submit({.type = "render"});
  scene_.Submit({.type = "render"});
  scene_.Pass(kSecond);
  scene_.Claim(running, "w1");
  scene_.Submit({.type = "later", .delay = kHour});
  scene_.Pass(2 * kSecond);
  const std::string text = Scrape();
  EXPECT_THAT(text, HasSubstr("baton_oldest_task_age_seconds{type=\"render\",state=\"pending\"} 63\n"));
  EXPECT_THAT(text, HasSubstr("baton_oldest_task_age_seconds{type=\"render\",state=\"running\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("baton_oldest_task_age_seconds{type=\"render\",state=\"suspended\"} 0\n"));
  // It is not due.
  EXPECT_THAT(text, HasSubstr("baton_oldest_task_age_seconds{type=\"later\",state=\"pending\"} 0\n"));
}

TEST_F(MetricsCollectorTest, MoreTypesThanThereAreLabelsAreCountedTogether) {
  types_ = 2;
  for (const char* type : {"a", "b", "c", "d"}) scene_.Submit({.type = type});
  const std::string text = Scrape();
  EXPECT_THAT(text, HasSubstr("baton_tasks{type=\"a\",state=\"pending\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("baton_tasks{type=\"other\",state=\"pending\"} 2\n"));
  EXPECT_THAT(text, Not(HasSubstr("type=\"c\"")));
}

TEST_F(MetricsCollectorTest, WithoutAViewTheRestIsToldAllTheSame) {
  scene_.Submit({.type = "render"});
  patience_ = kMillisecond;
  scene_.partition().HoldReads(true);
  const std::string text = Scrape();
  EXPECT_THAT(text, HasSubstr("baton_live_table_readable 0\n"));
  EXPECT_THAT(text, HasSubstr("baton_workers 0\n"));
  EXPECT_THAT(text, Not(HasSubstr("baton_tasks{")));
  scene_.partition().HoldReads(false);
  EXPECT_THAT(Scrape(), HasSubstr("baton_live_table_readable 1\n"));
}

TEST_F(MetricsCollectorTest, WhatHappenedIsCountedFromTheStartOn) {
  scene_.Submit({.type = "render"});
  const SteadyMicros begin = scene_.clock().Read().steady;
  engine::ActivityBoard& activity = scene_.partition().activity();
  for (int minute = 0; minute < 10; ++minute) {
    activity.Add(begin + minute * kMinute, {{1, engine::Happening::kCreated, 5},
                                            {1, engine::Happening::kStarted, 1, 300},
                                            {1, engine::Happening::kCompleted, 1, 2 * kSecond}});
  }
  const std::string text = Scrape();
  EXPECT_THAT(text, HasSubstr("baton_tasks_submitted_total{type=\"render\"} 50\n"));
  EXPECT_THAT(text, HasSubstr("baton_attempts_started_total{type=\"render\"} 10\n"));
  EXPECT_THAT(text, HasSubstr("baton_tasks_ended_total{type=\"render\",state=\"completed\"} 10\n"));
  EXPECT_THAT(text, HasSubstr("baton_queue_seconds_bucket{type=\"render\",le=\"0.000256\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("baton_queue_seconds_bucket{type=\"render\",le=\"0.001024\"} 10\n"));
  EXPECT_THAT(text, HasSubstr("baton_run_seconds_sum{type=\"render\"} 20\n"));
}

}  // namespace
}  // namespace baton::server
