#include "broker/service/read/statistics.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "broker/service/read/convert.h"
#include "broker/service/read/rows.h"

namespace baton::service {
namespace {

using storage::Family;

struct TypeCounts {
  engine::StateCounts counts{};
  uint64_t unservable = 0;

  // STAGED and REMOVED tasks are not there for any caller.
  uint64_t retained() const {
    uint64_t sum = 0;
    for (int state = LiveState::PENDING; state <= LiveState::CANCELLED; ++state) sum += counts[state];
    return sum;
  }
};
using CountsByType = std::map<std::string, TypeCounts>;

void AddTo(const engine::StateCounts& from, engine::StateCounts* to) {
  for (int state = 0; state < engine::kLiveStates; ++state) (*to)[state] += from[state];
}

Error CountByType(const Surroundings& surroundings, CountsByType* types) {
  for (const auto& [number, counts] : surroundings.view.counts()) {
    const engine::ClassInfo* info = nullptr;
    Error error = FindClass(surroundings.view, number, &info);
    if (!error.ok()) return error;
    TypeCounts& type = (*types)[info->type];
    AddTo(counts, &type.counts);
    if (!surroundings.routing->Runnable(*info)) type.unservable += counts[LiveState::PENDING];
  }
  return {};
}

void Describe(const engine::StateCounts& counts, v1::StateCounts* wire) {
  wire->set_pending(counts[LiveState::PENDING]);
  wire->set_running(counts[LiveState::RUNNING]);
  wire->set_suspended(counts[LiveState::SUSPENDED] + counts[LiveState::WAITING]);
  wire->set_completed(counts[LiveState::COMPLETED]);
  wire->set_permanently_failed(counts[LiveState::FAILED]);
  wire->set_cancelled(counts[LiveState::CANCELLED]);
}

Error ReadRegistrations(const engine::View& view, std::map<std::string, records::v1::TypeRow>* rows) {
  Error error;
  const absl::Status status =
      view.store().Scan(Family::kMeta, "t", "u", [&](absl::string_view key, absl::string_view value) {
        const std::string type(key.substr(1));
        error = ParseRow(value, absl::StrCat("record of type ", type), &(*rows)[type]);
        return error.ok();
      });
  return status.ok() ? error : StoreDamaged(std::string(status.message()));
}

int32_t WorkersWith(const engine::Routing& routing, const std::string& type) {
  uint32_t workers = 0;
  for (const engine::Routing::Group& group : routing.groups) {
    if (group.handlers.contains(type)) workers += group.workers;
  }
  return static_cast<int32_t>(workers);
}

v1::TypePause WirePause(const records::v1::TypeRow::Pause& pause) {
  v1::TypePause wire;
  wire.set_actor(pause.actor());
  wire.set_reason(pause.reason());
  *wire.mutable_paused_at() = WireTime(pause.time_us());
  return wire;
}

// How many pending tasks are due, and how long one has been.
class DueTasks {
 public:
  explicit DueTasks(WallMicros now) : now_(now), oldest_(now) {}

  // Looks at the live table from the newest page down, until `pending` tasks were seen.
  Error Count(const engine::View& view, uint64_t pending, const Clock& clock, Micros budget) {
    const SteadyMicros deadline = clock.Read().steady + budget;
    for (uint64_t page = engine::PageOf(view.next_id()) + 1; page-- > 0 && seen_ < pending;) {
      absl::StatusOr<std::shared_ptr<const engine::Page>> found = view.GetPage(page);
      if (!found.ok()) return StoreDamaged(std::string(found.status().message()));
      if (*found != nullptr) Add(**found);
      if (clock.Read().steady >= deadline) break;
    }
    return {};
  }

  uint64_t count() const { return count_; }
  Micros oldest_age() const { return now_ - oldest_; }

 private:
  void Add(const engine::Page& page) {
    if (page.live_count() == 0) return;
    page.ForEachLive([this](const engine::LiveEntry& entry) {
      if (entry.state != LiveState::PENDING) return;
      ++seen_;
      if (entry.paused || entry.due > now_) return;
      ++count_;
      oldest_ = std::min(oldest_, entry.due);
    });
  }

  const WallMicros now_;
  WallMicros oldest_;
  uint64_t seen_ = 0;
  uint64_t count_ = 0;
};

}  // namespace

Error ListTypes(const Surroundings& surroundings, size_t response_bytes, v1::ListTypesResponse* response) {
  CountsByType counts;
  std::map<std::string, records::v1::TypeRow> registered;
  Error error = CountByType(surroundings, &counts);
  if (error.ok()) error = ReadRegistrations(surroundings.view, &registered);
  if (!error.ok()) return error;
  for (const auto& [type, row] : registered) counts.try_emplace(type);
  size_t bytes = 0;
  for (const auto& [type, count] : counts) {
    const auto row = registered.find(type);
    if (row == registered.end() && count.retained() == 0) continue;
    v1::TypeInfo* info = response->add_types();
    info->set_type(type);
    Describe(count.counts, info->mutable_counts());
    info->set_unservable(count.unservable);
    info->set_workers(WorkersWith(*surroundings.routing, type));
    if (row != registered.end() && row->second.has_pause()) {
      *info->mutable_pause() = WirePause(row->second.pause());
    }
    if (row != registered.end() && row->second.registered_us() != 0) {
      *info->mutable_options() = WireOptions(engine::FromRecord(row->second.options()));
      *info->mutable_registered_at() = WireTime(row->second.registered_us());
      if (bytes < response_bytes) info->set_description(row->second.description());
    }
    bytes += info->ByteSizeLong() + 8;
  }
  return {};
}

Error GetStatistics(const Surroundings& surroundings, const Clock& clock, Micros budget,
                    v1::GetStatisticsResponse* response) {
  CountsByType types;
  Error error = CountByType(surroundings, &types);
  if (!error.ok()) return error;
  TypeCounts all;
  for (const auto& [name, type] : types) {
    AddTo(type.counts, &all.counts);
    all.unservable += type.unservable;
    if (type.retained() == 0) continue;
    v1::TypeStatistics* statistics = response->add_types();
    statistics->set_type(name);
    Describe(type.counts, statistics->mutable_counts());
  }
  Describe(all.counts, response->mutable_counts());
  response->set_unservable(all.unservable);
  uint32_t slots = 0, slots_taken = 0;
  for (const engine::Routing::Group& group : surroundings.routing->groups) {
    slots += group.slots;
    slots_taken += group.slots_taken;
  }
  response->set_workers(static_cast<int32_t>(surroundings.routing->workers));
  response->set_slots(static_cast<int32_t>(slots));
  response->set_slots_taken(static_cast<int32_t>(slots_taken));

  DueTasks due(surroundings.now);
  error = due.Count(surroundings.view, all.counts[LiveState::PENDING], clock, budget);
  response->set_due(due.count());
  *response->mutable_oldest_due() = WireDuration(due.oldest_age());
  return error;
}

}  // namespace baton::service
