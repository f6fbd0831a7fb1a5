#include "broker/storage/rocksdb_options.h"

#include <algorithm>
#include <utility>

#include "broker/storage/rocksdb_logger.h"
#include "rocksdb/cache.h"
#include "rocksdb/filter_policy.h"
#include "rocksdb/table.h"

namespace baton::storage {
namespace {

constexpr size_t kMiB = size_t{1} << 20;
constexpr size_t kKiB = size_t{1} << 10;

// How the families differ. `memtable_share`: the size at which a family's memtable is flushed, in 96ths of
// RocksDbOptions::memtable_bytes. All families together are bounded by db_write_buffer_size, so the shares may add up
// to more than the whole.
struct FamilyTraits {
  const char* name;
  size_t memtable_share;
  bool is_point_read;         // Gets a bloom filter.
  bool is_ascending = false;  // Written in ascending order of keys, once: see rocksdb_bounds.h.
  // Most of what is looked up is not there, so memtables get a bloom filter too. A request id is looked for in five
  // windows: 4 % of a single submission.
  bool is_mostly_absent = false;
};

constexpr FamilyTraits kFamilies[kFamilyCount] = {
    {"task", 24, true, true},  // What never changes of a task: written once, in ascending order of ids.
    {"end", 24, true, true},   // What became of it: apart from `task`, so that both are written in ascending order.
    {"log", 12, false},        // The steps between; read by range.
    {"journal", 24, false},    // One record a commit; read in order, deleted from below.
    {"page", 12, true},        // Overwritten as a whole, in the background.
    {"index", 6, false},       // Posting lists; rare.
    {"key", 12, true, false, true},  // Unique keys and request ids: written in random order.
    {"meta", 3, true},               // Small and rare.
};
constexpr FamilyTraits kDefaultFamily = {"default", 1, false};

const FamilyTraits& TraitsOf(Family family) { return kFamilies[static_cast<size_t>(family)]; }

rocksdb::BlockBasedTableOptions MakeTableOptions(const std::shared_ptr<rocksdb::Cache>& cache, bool is_point_read) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.block_size = 16 * kKiB;  // A quarter of the index of the default size, and a better ratio.
  table.checksum = rocksdb::kXXH3;
  // Indexes and filters are charged to the cache and dropped last, so that memory is bounded whatever the disk holds.
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  if (is_point_read) table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  return table;
}

rocksdb::ColumnFamilyOptions MakeFamilyOptions(const RocksDbOptions& options,
                                               const std::shared_ptr<rocksdb::Cache>& cache,
                                               const FamilyTraits& traits) {
  rocksdb::ColumnFamilyOptions family;
  family.write_buffer_size = std::max(options.memtable_bytes / 96 * traits.memtable_share, 64 * kKiB);
  family.max_write_buffer_number = 3;  // One is filled, one is flushed, one waits: a slow flush does not stop writes.
  // One compression for all levels: otherwise files could not sink unread, which is what ascending writes live on.
  family.compression = rocksdb::kLZ4Compression;
  // From the first level down, where there is nothing to merge with, if the last one belongs to the bounds.
  family.level_compaction_dynamic_level_bytes = !traits.is_ascending;
  family.target_file_size_base = 32 * kMiB;
  family.memtable_whole_key_filtering = traits.is_mostly_absent;
  if (traits.is_mostly_absent) family.memtable_prefix_bloom_size_ratio = 0.05;
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(MakeTableOptions(cache, traits.is_point_read)));
  return family;
}

}  // namespace

const char* NameOf(Family family) { return TraitsOf(family).name; }

rocksdb::DBOptions MakeDbOptions(const RocksDbOptions& options, std::shared_ptr<StoreFailure> failure) {
  rocksdb::DBOptions db;
  db.create_if_missing = true;
  db.create_missing_column_families = true;
  // A copy must not inherit the identity: it is how it is told from the original (rocksdb_own_number.h).
  db.write_dbid_to_manifest = false;
  // A record that is cut off at the end of the log was never answered. Damage anywhere else may be a task that was, so
  // the store does not open by itself.
  db.wal_recovery_mode = options.recover == RocksDbOptions::Recover::kPointInTime
                             ? rocksdb::WALRecoveryMode::kPointInTimeRecovery
                             : rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  // Flushing starts at this sum; the rest is for what is written meanwhile.
  db.db_write_buffer_size = options.memtable_bytes / 4 * 3;
  db.max_total_wal_size = 2 * options.memtable_bytes;  // Bounds what a restart replays.
  db.allow_concurrent_memtable_write = false;          // There is one writer.
  db.max_background_flushes = 1;
  db.max_background_compactions = 1;
  db.bytes_per_sync = kMiB;
  db.max_open_files = 512;
  db.max_file_opening_threads = 1;
  db.skip_stats_update_on_db_open = true;
  db.avoid_unnecessary_blocking_io = true;
  db.stats_dump_period_sec = 0;
  db.stats_persist_period_sec = 0;
  // Fail-stop: after an error nothing is tried again behind our back.
  db.max_bgerror_resume_count = 0;
  db.info_log = MakeRocksDbLogger();
  db.listeners.push_back(MakeFailureListener(std::move(failure)));
  return db;
}

std::vector<rocksdb::ColumnFamilyDescriptor> MakeFamilies(const RocksDbOptions& options) {
  rocksdb::LRUCacheOptions cache_options;
  cache_options.capacity = options.block_cache_bytes;
  cache_options.strict_capacity_limit = false;  // A full cache must not make reads fail.
  cache_options.high_pri_pool_ratio = 0.5;
  // By default 64 MiB are cut into 64 parts, of which the filter of one file takes a third: they drove each other out,
  // and listing ten million tasks read 756 GB, nearly all of it filters. There are few readers: four parts are enough.
  cache_options.num_shard_bits = 2;
  const std::shared_ptr<rocksdb::Cache> cache = rocksdb::NewLRUCache(cache_options);
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  families.emplace_back(rocksdb::kDefaultColumnFamilyName, MakeFamilyOptions(options, cache, kDefaultFamily));
  for (const FamilyTraits& traits : kFamilies) {
    families.emplace_back(traits.name, MakeFamilyOptions(options, cache, traits));
  }
  return families;
}

}  // namespace baton::storage
