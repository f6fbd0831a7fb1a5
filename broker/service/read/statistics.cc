#include "broker/service/read/statistics.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "broker/service/read/activities.h"
#include "broker/service/read/convert.h"
#include "broker/service/read/rows.h"

namespace baton::service {
namespace {

using storage::Family;

struct TypeCounts {
  engine::StateCounts counts{};
  uint64_t unservable = 0;
  // Pending tasks that are due, and since when the first of them is; 0: none is.
  uint64_t due = 0;
  WallMicros oldest_due = 0;
  engine::Activity activity;

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

v1::TypeLimit WireLimit(const records::v1::TypeRow::Limit& limit) {
  v1::TypeLimit wire;
  wire.set_max_running(static_cast<int32_t>(limit.max_running()));
  wire.set_actor(limit.actor());
  wire.set_reason(limit.reason());
  *wire.mutable_set_at() = WireTime(limit.time_us());
  return wire;
}

// Which pending tasks are due, by class.
class DueTasks {
 public:
  struct Due {
    uint64_t count = 0;
    WallMicros oldest = 0;
  };

  explicit DueTasks(WallMicros now) : now_(now) {}

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

  const absl::flat_hash_map<engine::ClassNumber, Due>& classes() const { return classes_; }

 private:
  void Add(const engine::Page& page) {
    if (page.live_count() == 0) return;
    page.ForEachLive([this](const engine::LiveEntry& entry) {
      if (entry.state != LiveState::PENDING) return;
      ++seen_;
      if (entry.paused || entry.due > now_) return;
      Due& due = classes_[entry.class_number];
      if (due.count++ == 0 || entry.due < due.oldest) due.oldest = entry.due;
    });
  }

  const WallMicros now_;
  uint64_t seen_ = 0;
  absl::flat_hash_map<engine::ClassNumber, Due> classes_;
};

// A walk over the live table that has to end some time.
Error CountDue(const Surroundings& surroundings, const Clock& clock, Micros budget, CountsByType* types) {
  uint64_t pending = 0;
  for (const auto& [name, type] : *types) pending += type.counts[LiveState::PENDING];
  DueTasks due(surroundings.now);
  std::map<std::string, records::v1::TypeRow> rows;
  Error error = due.Count(surroundings.view, pending, clock, budget);
  if (error.ok()) error = ReadRegistrations(surroundings.view, &rows);
  if (!error.ok()) return error;
  for (const auto& [number, counted] : due.classes()) {
    const std::string& name = surroundings.view.catalog().Class(number).type;
    if (const auto row = rows.find(name); row != rows.end() && row->second.has_pause()) continue;
    TypeCounts& type = (*types)[name];
    if (type.due == 0 || counted.oldest < type.oldest_due) type.oldest_due = counted.oldest;
    type.due += counted.count;
  }
  return {};
}

// How long the task has waited that is due the longest.
google::protobuf::Duration OldestDue(const TypeCounts& counts, WallMicros now) {
  return WireDuration(counts.due == 0 ? 0 : now - counts.oldest_due);
}

void AddUp(const TypeCounts& type, TypeCounts* all) {
  AddTo(type.counts, &all->counts);
  all->unservable += type.unservable;
  if (type.due > 0 && (all->due == 0 || type.oldest_due < all->oldest_due)) all->oldest_due = type.oldest_due;
  all->due += type.due;
  all->activity.Add(type.activity);
}

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
    if (row != registered.end() && row->second.has_limit()) {
      *info->mutable_limit() = WireLimit(row->second.limit());
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
                    const engine::ActivityBoard::Recent& recent, v1::GetStatisticsResponse* response) {
  CountsByType types;
  Error error = CountByType(surroundings, &types);
  if (error.ok()) error = CountDue(surroundings, clock, budget, &types);
  if (!error.ok()) return error;
  for (const auto& [number, activity] : recent.classes) {
    types[surroundings.view.catalog().Class(number).type].activity.Add(activity);
  }
  TypeCounts all;
  for (const auto& [name, type] : types) {
    AddUp(type, &all);
    if (type.retained() == 0) continue;
    v1::TypeStatistics* statistics = response->add_types();
    statistics->set_type(name);
    Describe(type.counts, statistics->mutable_counts());
    statistics->set_due(type.due);
    *statistics->mutable_oldest_due() = OldestDue(type, surroundings.now);
    statistics->set_unservable(type.unservable);
    DescribeActivity(type.activity, recent.time, statistics->mutable_activity());
  }
  Describe(all.counts, response->mutable_counts());
  response->set_unservable(all.unservable);
  response->set_workers(static_cast<int32_t>(surroundings.routing->workers));
  response->set_slots(static_cast<int32_t>(surroundings.routing->slots));
  response->set_slots_taken(static_cast<int32_t>(surroundings.routing->slots_taken));
  response->set_due(all.due);
  *response->mutable_oldest_due() = OldestDue(all, surroundings.now);
  DescribeActivity(all.activity, recent.time, response->mutable_activity());
  return {};
}

}  // namespace baton::service
