// damage_store DIRECTORY pages | end TASK | task TASK: takes rows out of a stopped store, or makes the record of a task
// unreadable, as a fault of disk or program might.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "broker/base/status_macros.h"
#include "broker/engine/format/keys.h"
#include "broker/storage/rocksdb_store.h"

namespace {

using baton::storage::Family;

absl::Status Damage(const std::string& directory, const std::string& what, uint64_t task) {
  ASSIGN_OR_RETURN(const std::unique_ptr<baton::storage::Store> store,
                   baton::storage::OpenRocksDbStore({.directory = directory}));
  baton::storage::WriteBatch batch;
  if (what == "pages") {
    batch.DeleteRange(Family::kPage, baton::engine::PageKey(0), baton::engine::PageKey(UINT64_MAX));
    batch.Delete(Family::kMeta, baton::engine::CheckpointMetaKey());
    batch.DeleteRange(Family::kJournal, baton::engine::JournalKey(0), baton::engine::JournalKey(UINT64_MAX));
  } else if (what == "end") {
    batch.Delete(Family::kEnd, baton::engine::EndKey(task));
  } else if (what == "task") {
    batch.Put(Family::kTask, baton::engine::TaskKey(task), "\xff\xff\xff");
  } else {
    return absl::InvalidArgumentError("unknown: " + what);
  }
  std::string error;
  const auto result = store->Commit(batch, store->number() + 1, &error);
  return result == baton::storage::CommitResult::kDone ? absl::OkStatus() : absl::InternalError(error);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return std::fprintf(stderr, "usage: damage_store DIRECTORY pages | end TASK | task TASK\n"), 2;
  const absl::Status status = Damage(argv[1], argv[2], argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 0);
  if (!status.ok()) std::fprintf(stderr, "damage_store: %s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
