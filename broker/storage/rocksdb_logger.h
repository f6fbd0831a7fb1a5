#ifndef BATON_BROKER_STORAGE_ROCKSDB_LOGGER_H_
#define BATON_BROKER_STORAGE_ROCKSDB_LOGGER_H_

#include <memory>

#include "rocksdb/env.h"

namespace baton::storage {

// Sends what RocksDB logs to the default logger of spdlog: warnings and errors as such, the rest only when that logger
// takes debug messages. RocksDB's own log file must not be used: on a full disk it aborts the process.
std::shared_ptr<rocksdb::Logger> MakeRocksDbLogger();

}  // namespace baton::storage

#endif  // BATON_BROKER_STORAGE_ROCKSDB_LOGGER_H_
