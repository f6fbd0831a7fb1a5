#include "broker/storage/rocksdb_bounds.h"

#include <filesystem>
#include <system_error>

#include "rocksdb/env.h"
#include "rocksdb/metadata.h"
#include "rocksdb/options.h"
#include "rocksdb/sst_file_writer.h"

namespace baton::storage {
namespace {

namespace fs = std::filesystem;

// Below and above all keys of a family: keys begin with an id of eight bytes.
const std::string kBelow(1, '\0');
const std::string kAbove(32, '\xff');

rocksdb::Status WriteFile(const std::string& path, const rocksdb::Options& options) {
  rocksdb::SstFileWriter writer(rocksdb::EnvOptions(), options);
  rocksdb::Status status = writer.Open(path);
  if (status.ok()) status = writer.Delete(kBelow);
  if (status.ok()) status = writer.Delete(kAbove);
  if (status.ok()) status = writer.Finish();
  return status;
}

// RocksDB warns that it cannot tell whether a file that it has not written itself is the right one.
class WithoutWarnings {
 public:
  explicit WithoutWarnings(rocksdb::Logger* logger) : logger_(logger), level_(logger->GetInfoLogLevel()) {
    logger_->SetInfoLogLevel(rocksdb::InfoLogLevel::ERROR_LEVEL);
  }
  ~WithoutWarnings() { logger_->SetInfoLogLevel(level_); }

 private:
  rocksdb::Logger* const logger_;
  const rocksdb::InfoLogLevel level_;
};

}  // namespace

rocksdb::Status WriteBounds(rocksdb::DB* db, rocksdb::ColumnFamilyHandle* family, const std::string& directory) {
  rocksdb::ColumnFamilyMetaData files;
  db->GetColumnFamilyMetaData(family, &files);
  if (files.file_count > 0) return rocksdb::Status::OK();
  const std::string path = (fs::path(directory) / "bounds.tmp").string();
  rocksdb::Status status = WriteFile(path, db->GetOptions(family));
  rocksdb::IngestExternalFileOptions ingest;
  ingest.move_files = true;
  if (status.ok()) {
    const WithoutWarnings quiet(db->GetDBOptions().info_log.get());
    status = db->IngestExternalFile(family, {path}, ingest);
  }
  std::error_code ignored;
  fs::remove(path, ignored);
  return status;
}

}  // namespace baton::storage
