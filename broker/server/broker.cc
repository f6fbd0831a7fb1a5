#include "broker/server/broker.h"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/base/status_macros.h"
#include "broker/server/address.h"
#include "broker/server/version.h"
#include "broker/service/read/convert.h"
#include "broker/service/read/task_finder.h"
#include "broker/service/sessions.h"
#include "broker/storage/rocksdb_store.h"
#include "spdlog/spdlog.h"

namespace baton::server {
namespace {

uint64_t RandomNumber() {
  std::random_device device;
  return uint64_t{device()} << 32 | device();
}

// Resident memory of this process, from the second number of statm, which counts pages.
uint64_t ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  uint64_t total = 0, resident = 0;
  statm >> total >> resident;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

[[noreturn]] void StopProcess(const std::string& why) {
  spdlog::critical("stopping at once, a restart recovers what was acknowledged: {}", why);
  spdlog::shutdown();
  std::_Exit(1);
}

v1::GetServerInfoResponse ServerFacts(const Settings& settings, const std::string& address, WallMicros now) {
  v1::GetServerInfoResponse info;
  info.set_version(kVersion);
  *info.mutable_started_at() = service::WireTime(now);
  info.set_data_dir(settings.store.directory);
  info.set_listen_address(address);
  info.set_format_version(engine::kFormatVersion);
  if (settings.engine.retention != 0) *info.mutable_retention() = service::WireDuration(settings.engine.retention);
  info.set_settings_toml(SettingsToToml(settings, Comments::kNo));
  service::EncodeLimits(settings.limits, info.mutable_limits());
  return info;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Broker>> Broker::Start(const Settings& settings) {
  // Not make_unique: the constructor is private.
  std::unique_ptr<Broker> broker(new Broker(settings));
  // Before anything on disk is touched: most failed starts are second starts.
  RETURN_IF_ERROR(CheckAddressFree(settings.listen));
  RETURN_IF_ERROR(broker->Open());
  RETURN_IF_ERROR(broker->StartPartition());
  RETURN_IF_ERROR(broker->Serve());
  return broker;
}

absl::Status Broker::Open() {
  ASSIGN_OR_RETURN(store_, storage::OpenRocksDbStore(settings_.store));
  return absl::OkStatus();
}

absl::Status Broker::StartPartition() {
  server_ = std::make_unique<Server>(Server::Options{.listen = settings_.listen,
                                                     .message_bytes = settings_.limits.message_bytes,
                                                     .max_concurrent_streams = settings_.max_concurrent_streams});
  engine::PartitionOptions options;
  options.engine = settings_.engine;
  options.broker_version = kVersion;
  options.random = RandomNumber;
  options.release = [server = server_.get()](engine::Outbox outbox) { server->Release(std::move(outbox)); };
  options.find_matches = [](const engine::View& view, const engine::LoadRequest& request) {
    return service::FindTasks(view, request);
  };
  options.fatal = StopProcess;
  ASSIGN_OR_RETURN(partition_, engine::Partition::Start(std::move(options), store_.get(), &clock_));
  return absl::OkStatus();
}

absl::Status Broker::Serve() {
  service::ReadSettings reading;
  reading.defaults = settings_.engine.defaults;
  reading.default_page_size = service::kDefaultPageSize;
  reading.max_page_size = static_cast<int32_t>(settings_.limits.page_size);
  reading.max_watches = static_cast<size_t>(settings_.max_watches);
  reading.store_bytes = [store = store_.get()] { return store->DiskBytes(); };
  reading.resident_bytes = ResidentBytes;
  ASSIGN_OR_RETURN(const std::string address, server_->Bind());
  reading.server = ServerFacts(settings_, address, clock_.Read().wall);
  reads_ = std::make_unique<service::ReadService>(partition_.get(), &clock_, std::move(reading));
  server_->Serve({settings_.limits, settings_.engine, kVersion, settings_.watch_heartbeat}, partition_.get(),
                 reads_.get(), &clock_);
  return absl::OkStatus();
}

Broker::~Broker() {
  if (server_ != nullptr) server_->Stop();
  if (partition_ != nullptr) partition_->Stop();
  reads_.reset();
  partition_.reset();
  server_.reset();
}

bool Broker::Drain(const std::string& reason) { return server_->Drain(reason, settings_.engine.drain_deadline); }

}  // namespace baton::server
