// raise_format DIRECTORY: makes the store in it look as if a later version of Baton had written it.
#include <cstdio>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "baton/records/v1/records.pb.h"
#include "broker/base/status_macros.h"
#include "broker/engine/format/keys.h"
#include "broker/storage/rocksdb_store.h"

namespace {

using baton::storage::Family;

absl::Status Raise(const std::string& directory) {
  ASSIGN_OR_RETURN(const std::unique_ptr<baton::storage::Store> store,
                   baton::storage::OpenRocksDbStore({.directory = directory}));
  std::string value;
  RETURN_IF_ERROR(store->TakeSnapshot()->Get(Family::kMeta, baton::engine::StoreMetaKey(), &value));
  baton::records::v1::StoreRow row;
  if (!row.ParseFromString(value)) return absl::DataLossError("the record of the store's format is not readable");
  row.set_format_version(baton::engine::kFormatVersion + 1);
  row.set_broker_version("99.0.0");
  baton::storage::WriteBatch batch;
  batch.Put(Family::kMeta, baton::engine::StoreMetaKey(), row.SerializeAsString());
  std::string error;
  const auto result = store->Commit(batch, store->number() + 1, &error);
  return result == baton::storage::CommitResult::kDone ? absl::OkStatus() : absl::InternalError(error);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fprintf(stderr, "usage: raise_format DIRECTORY\n"), 2;
  const absl::Status status = Raise(argv[1]);
  if (!status.ok()) std::fprintf(stderr, "raise_format: %s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
