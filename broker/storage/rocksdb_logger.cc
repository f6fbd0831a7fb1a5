#include "broker/storage/rocksdb_logger.h"

#include <cstdarg>
#include <cstdio>

#include "spdlog/spdlog.h"

namespace baton::storage {
namespace {

spdlog::level::level_enum LevelOf(rocksdb::InfoLogLevel level) {
  switch (level) {
    case rocksdb::InfoLogLevel::FATAL_LEVEL:
      return spdlog::level::critical;
    case rocksdb::InfoLogLevel::ERROR_LEVEL:
      return spdlog::level::err;
    case rocksdb::InfoLogLevel::WARN_LEVEL:
      return spdlog::level::warn;
    default:
      return spdlog::level::debug;
  }
}

class SpdlogLogger final : public rocksdb::Logger {
 public:
  SpdlogLogger() : Logger(rocksdb::InfoLogLevel::INFO_LEVEL) {}

  void Logv(const char* format, va_list arguments) override {
    Logv(rocksdb::InfoLogLevel::INFO_LEVEL, format, arguments);
  }

  void Logv(rocksdb::InfoLogLevel level, const char* format, va_list arguments) override {
    const spdlog::level::level_enum target = LevelOf(level);
    if (!spdlog::default_logger_raw()->should_log(target)) return;
    char line[1024];  // Longer lines, which RocksDB writes for statistics only, are cut.
    std::vsnprintf(line, sizeof(line), format, arguments);
    spdlog::log(target, "rocksdb: {}", line);
  }

  // The dump of all options at each opening.
  void LogHeader(const char* /*format*/, va_list /*arguments*/) override {}
};

}  // namespace

std::shared_ptr<rocksdb::Logger> MakeRocksDbLogger() { return std::make_shared<SpdlogLogger>(); }

}  // namespace baton::storage
