#include <endian.h>

#include <ctime>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "broker/base/status_macros.h"
#include "broker/storage/rocksdb_options.h"
#include "rocksdb/db.h"
#include "rocksdb/write_batch.h"
#include "tests/bench/board.h"
#include "tests/bench/machine_limits.h"
#include "tests/bench/payload.h"
#include "tests/bench/samples.h"

namespace baton::bench {
namespace {

constexpr uint64_t kTaskBytes = 260;
constexpr uint64_t kEndBytes = 80;

absl::Status FromRocksDb(const rocksdb::Status& status) {
  return status.ok() ? absl::OkStatus() : absl::UnavailableError(absl::StrCat("RocksDB: ", status.ToString()));
}

class RawStore {
 public:
  static absl::StatusOr<std::unique_ptr<RawStore>> Open(const std::string& directory) {
    const storage::RocksDbOptions options{.directory = directory};
    auto store = std::make_unique<RawStore>();
    std::error_code error;
    if (!std::filesystem::create_directory(directory, error)) {
      return absl::UnavailableError(absl::StrCat("cannot make ", directory, ": ", error.message()));
    }
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    const rocksdb::Options db_options(storage::MakeDbOptions(options, std::make_shared<storage::StoreFailure>()),
                                      rocksdb::ColumnFamilyOptions());
    rocksdb::DB* db = nullptr;
    RETURN_IF_ERROR(
        FromRocksDb(rocksdb::DB::Open(db_options, directory, storage::MakeFamilies(options), &handles, &db)));
    store->db_.reset(db);
    store->families_.assign(handles.begin(), handles.end());
    return store;
  }
  ~RawStore() {
    for (rocksdb::ColumnFamilyHandle* family : families_) db_->DestroyColumnFamilyHandle(family);
  }

  // Writes `count` tasks from `first` on in one synced batch.
  absl::Status Write(uint64_t first, uint64_t count) {
    rocksdb::WriteBatch batch;
    for (uint64_t id = first; id < first + count; ++id) {
      const uint64_t big_endian = htobe64(id);
      const rocksdb::Slice key(reinterpret_cast<const char*>(&big_endian), sizeof(big_endian));
      batch.Put(family(storage::Family::kTask), key, MakePayload(id, kTaskBytes));
      batch.Put(family(storage::Family::kEnd), key, MakePayload(id, kEndBytes));
    }
    rocksdb::WriteOptions options;
    options.sync = true;
    return FromRocksDb(db_->Write(options, &batch));
  }

 private:
  // Behind the default family.
  rocksdb::ColumnFamilyHandle* family(storage::Family family) { return families_[1 + static_cast<size_t>(family)]; }

  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> families_;
};

}  // namespace

absl::StatusOr<Report> MeasureRawRocksDb(const std::string& directory, int batch, int seconds) {
  ASSIGN_OR_RETURN(const std::unique_ptr<RawStore> store, RawStore::Open(directory));
  const auto batch_tasks = static_cast<uint64_t>(batch);
  std::vector<int64_t> durations;
  const int64_t begin = MonotonicNow();
  const std::clock_t cpu_begin = std::clock();
  uint64_t tasks = 0;
  int64_t now = begin;
  while (now - begin < seconds * int64_t{1'000'000'000}) {
    RETURN_IF_ERROR(store->Write(tasks + 1, batch_tasks));
    tasks += batch_tasks;
    durations.push_back(MonotonicNow() - now);
    now += durations.back();
  }
  const double cpu_us = static_cast<double>(std::clock() - cpu_begin) * 1e6 / CLOCKS_PER_SEC;
  return Report{{"tasks_per_batch", batch},
                {"tasks_per_second", Rounded(static_cast<double>(tasks) * 1e9 / static_cast<double>(now - begin))},
                {"cpu_us_per_task", Rounded(cpu_us / static_cast<double>(tasks))},
                {"batch_ms", QuantilesReport(QuantilesOf(std::move(durations)))}};
}

}  // namespace baton::bench
