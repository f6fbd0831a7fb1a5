#include "broker/service/read/activities.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "broker/service/read/convert.h"
#include "broker/service/read/rows.h"

namespace baton::service {
namespace {

using engine::ActivityBoard;

// What an activity takes in an answer beside its names, at most.
constexpr size_t kActivityBytes = 128;

uint64_t Happenings(const engine::Activity& activity) {
  return std::accumulate(activity.counts.begin(), activity.counts.end(), uint64_t{0});
}

// Empty if no record tells it.
std::string NameOfTag(const engine::View& view, uint32_t tag_hash, TaskId task) {
  records::v1::TaskRow row;
  bool found = false;
  const Error error = ReadRow(view.store(), storage::Family::kTask, engine::TaskKey(task), &row, &found);
  return error.ok() && found && engine::TagHash(row.tag()) == tag_hash ? row.tag() : "";
}

}  // namespace

void DescribeActivity(const engine::Activity& activity, Micros time, v1::Activity* wire) {
  const double seconds = static_cast<double>(std::max(time, kSecond)) / static_cast<double>(kSecond);
  const auto rate = [&](engine::Happening happening) {
    return static_cast<double>(activity.counts[static_cast<size_t>(happening)]) / seconds;
  };
  wire->set_created_per_second(rate(engine::Happening::kCreated));
  wire->set_completed_per_second(rate(engine::Happening::kCompleted));
  wire->set_failed_per_second(rate(engine::Happening::kFailed));
  wire->set_cancelled_per_second(rate(engine::Happening::kCancelled));
  wire->set_started_per_second(rate(engine::Happening::kStarted));
  wire->set_retried_per_second(rate(engine::Happening::kRetried));
  if (activity.queued.count() > 0) {
    *wire->mutable_queued_p50() = WireDuration(activity.queued.Quantile(0.5));
    *wire->mutable_queued_p99() = WireDuration(activity.queued.Quantile(0.99));
  }
  if (activity.ran.count() == 0) return;
  *wire->mutable_ran_p50() = WireDuration(activity.ran.Quantile(0.5));
  *wire->mutable_ran_p99() = WireDuration(activity.ran.Quantile(0.99));
}

void DescribeTags(const Surroundings& surroundings, const Clock& clock, const PageLimits& limits,
                  ActivityBoard::RecentTags recent, v1::GetStatisticsResponse* response) {
  const SteadyMicros deadline = clock.Read().steady + limits.budget;
  std::vector<std::pair<uint64_t, ActivityBoard::TagKey>> busiest;
  for (const auto& [key, tag] : recent.tags) busiest.emplace_back(Happenings(tag->activity), key);
  std::sort(busiest.begin(), busiest.end(), [](const auto& a, const auto& b) { return a.first > b.first; });

  std::map<std::pair<std::string, std::string>, engine::Activity> told;
  size_t bytes = 0;
  for (const auto& [happenings, key] : busiest) {
    const ActivityBoard::TagActivity& tag = *recent.tags.at(key);
    const bool has_room = bytes < limits.bytes && (told.empty() || clock.Read().steady < deadline);
    const std::string name = has_room ? NameOfTag(surroundings.view, key.tag_hash, tag.newest) : "";
    if (name.empty()) {
      recent.others.Add(tag.activity);
      continue;
    }
    const std::string& type = surroundings.view.catalog().Class(key.class_number).type;
    told[{name, type}].Add(tag.activity);
    bytes += name.size() + type.size() + kActivityBytes;
  }

  for (const auto& [names, activity] : told) {
    v1::TagStatistics* statistics = response->add_tags();
    statistics->set_tag(names.first);
    statistics->set_type(names.second);
    DescribeActivity(activity, recent.time, statistics->mutable_activity());
  }
  if (Happenings(recent.others) > 0) DescribeActivity(recent.others, recent.time, response->mutable_other_tags());
}

}  // namespace baton::service
