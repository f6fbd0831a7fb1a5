#include "broker/server/metrics/broker_families.h"

#include <algorithm>
#include <utility>

namespace baton::server {
namespace {

constexpr double kSecondsOfMicros = 1e-6;

void AddGauge(std::string name, std::string help, uint64_t value, Families* families) {
  families->push_back(OneGauge(std::move(name), std::move(help), static_cast<double>(value)));
}

}  // namespace

void AddWorkerFamilies(const engine::Routing& routing, Families* families) {
  AddGauge("baton_workers", "Connected workers.", routing.workers, families);
  AddGauge("baton_slots", "Attempts that they can run at the same time.", routing.slots, families);
  AddGauge("baton_slots_taken", "Slots that are taken.", routing.slots_taken, families);
}

void AddEngineFamilies(const engine::PartitionMeters& meters, Families* families) {
  families->push_back(OneHistogram("baton_engine_round_commands", "Calls that the engine applied in one round.",
                                   meters.round_commands.Read(), 1));
  families->push_back(OneHistogram("baton_engine_round_seconds", "How long a round of the engine took.",
                                   meters.round_micros.Read(), kSecondsOfMicros));
  families->push_back(
      OneHistogram("baton_commit_bytes", "Bytes that one commit wrote.", meters.commit_bytes.Read(), 1));
  families->push_back(OneHistogram("baton_commit_sync_seconds", "How long the write of a commit took, sync included.",
                                   meters.sync_micros.Read(), kSecondsOfMicros));
  // In this order: a commit in between may not make it negative.
  const uint64_t folded = meters.folded.load(std::memory_order_relaxed);
  const uint64_t committed = meters.committed.load(std::memory_order_acquire);
  AddGauge("baton_follower_lag_commits", "Commits that the follower has not folded into pages yet.",
           committed - std::min(folded, committed), families);
  AddGauge("baton_follower_lag_bytes", "Journal of those commits.",
           meters.follower_lag_bytes.load(std::memory_order_relaxed), families);
}

void AddStoreFamilies(const storage::Store& store, Families* families) {
  const storage::StoreCondition condition = store.Condition();
  AddGauge("baton_store_disk_bytes", "Files of the store.", store.DiskBytes(), families);
  AddGauge("baton_store_live_data_bytes", "What the store holds, without what was overwritten or deleted; an estimate.",
           condition.live_data_bytes, families);
  AddGauge("baton_store_memtable_bytes", "Memory of what was written and is not in files yet.",
           condition.memtable_bytes, families);
  AddGauge("baton_store_cache_bytes", "Memory of blocks read from files.", condition.cache_bytes, families);
  AddGauge("baton_store_pending_compaction_bytes", "What compactions have to rewrite; an estimate.",
           condition.pending_compaction_bytes, families);
  AddGauge("baton_store_background_jobs", "Flushes and compactions under way.", condition.background_jobs, families);
  AddGauge("baton_store_writes_stopped", "1 while commits wait until compactions have caught up, else 0.",
           condition.writes_stopped ? 1 : 0, families);
  AddGauge("baton_store_delayed_write_bytes_per_second", "To what the store slows commits down; 0: it does not.",
           condition.delayed_write_rate, families);
}

void AddServerFamilies(const ServerMeters& meters, Families* families) {
  prometheus::MetricFamily refusals =
      CounterFamily("baton_refusals_total", "Calls, and items of calls, that were refused, by reason.");
  for (const auto& [reason, count] : meters.refusals.Read()) {
    AddSample(&refusals, static_cast<double>(count), {{"reason", reason}});
  }
  families->push_back(std::move(refusals));
  prometheus::MetricFamily streams = GaugeFamily("baton_open_streams", "Streams that are open, by method.");
  AddSample(&streams, static_cast<double>(meters.claim_streams.value()), {{"method", "Claim"}});
  AddSample(&streams, static_cast<double>(meters.watch_streams.value()), {{"method", "Watch"}});
  families->push_back(std::move(streams));
}

void AddBuildFamily(const std::string& version, Families* families) {
  prometheus::MetricFamily build = GaugeFamily("baton_build_info", "Always 1; the labels tell what runs.");
  AddSample(&build, 1, {{"version", version}});
  families->push_back(std::move(build));
}

}  // namespace baton::server
