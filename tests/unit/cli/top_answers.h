// A broker that has something of everything for `baton top` to show.
#pragma once

#include <string>

#include "absl/time/time.h"
#include "client_cli/top/ask.h"

namespace baton::cli::top {

inline const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

inline v1::TypeStatistics* AddType(Answer& answer, const std::string& type, uint64_t pending, uint64_t due) {
  v1::TypeStatistics* added = answer.statistics->add_types();
  added->set_type(type);
  added->mutable_counts()->set_pending(pending);
  added->set_due(due);
  if (due > 0) added->mutable_oldest_due()->set_seconds(static_cast<int64_t>(due) * 10);
  v1::TypeInfo* info = answer.types->add_types();
  info->set_type(type);
  info->set_workers(2);
  return added;
}

// Three types: `gpu` has tasks that nobody can run, `mail` is paused, and `resize` is at its limit.
inline Answer Busy() {
  Answer answer;
  answer.info.emplace().set_version("9.8.7");
  answer.types.emplace();
  v1::GetStatisticsResponse& statistics = answer.statistics.emplace();
  statistics.set_workers(2);
  statistics.set_slots(40);
  statistics.set_slots_taken(12);
  statistics.set_due(7);
  statistics.mutable_oldest_due()->set_seconds(192);
  statistics.set_unservable(3);
  statistics.mutable_counts()->set_pending(20);
  statistics.mutable_counts()->set_running(12);
  statistics.mutable_counts()->set_permanently_failed(150);
  statistics.mutable_activity()->set_created_per_second(12.34);
  statistics.mutable_activity()->set_started_per_second(0.004);
  statistics.mutable_activity()->set_retried_per_second(1234.5);
  v1::TypeStatistics* resize = AddType(answer, "resize", 9, 7);
  resize->mutable_counts()->set_running(12);
  resize->mutable_counts()->set_permanently_failed(4);
  v1::Activity* activity = resize->mutable_activity();
  activity->set_created_per_second(12);
  activity->set_completed_per_second(0.5);
  activity->set_failed_per_second(0.1);
  activity->mutable_queued_p50()->set_nanos(12'000'000);
  activity->mutable_queued_p99()->set_seconds(2);
  activity->mutable_ran_p50()->set_seconds(1);
  activity->mutable_ran_p99()->set_seconds(70);
  AddType(answer, "mail", 8, 5)->mutable_counts()->set_suspended(2);
  AddType(answer, "gpu", 3, 3)->set_unservable(3);
  answer.types->mutable_types(0)->mutable_limit()->set_max_running(12);
  answer.types->mutable_types(1)->mutable_pause()->set_actor("local");
  answer.types->mutable_types(2)->set_workers(0);
  return answer;
}

}  // namespace baton::cli::top
