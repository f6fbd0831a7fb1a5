#include "broker/server/broker.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/base/status_macros.h"
#include "broker/engine/retention/ages.h"
#include "broker/server/address.h"
#include "broker/server/metrics/collector.h"
#include "broker/server/version.h"
#include "broker/service/read/convert.h"
#include "broker/service/read/task_finder.h"
#include "broker/service/sessions.h"
#include "broker/storage/ballast.h"
#include "broker/storage/rocksdb_store.h"
#include "broker/storage/space_guard.h"
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

void EncodeRetention(const engine::EngineSettings& settings, v1::GetServerInfoResponse* info) {
  if (settings.retention != 0) *info->mutable_retention() = service::WireDuration(settings.retention);
  const engine::RetentionAges ages = engine::AgesOf(settings);
  v1::RetentionAges& wire = *info->mutable_retention_ages();
  if (ages.completed != 0) *wire.mutable_completed() = service::WireDuration(ages.completed);
  if (ages.failed != 0) *wire.mutable_permanently_failed() = service::WireDuration(ages.failed);
  if (ages.cancelled != 0) *wire.mutable_cancelled() = service::WireDuration(ages.cancelled);
}

void LimitPages(const service::WireLimits& limits, service::ReadSettings* reading) {
  reading->max_page_size = static_cast<int32_t>(limits.page_size);
  reading->default_page_size = std::min(service::kDefaultPageSize, reading->max_page_size);
  reading->page_bytes = service::PageBytes(limits);
}

v1::GetServerInfoResponse ServerFacts(const Settings& settings, const std::string& address, WallMicros now) {
  v1::GetServerInfoResponse info;
  info.set_version(kVersion);
  *info.mutable_started_at() = service::WireTime(now);
  info.set_data_dir(settings.store.directory);
  info.set_listen_address(address);
  info.set_format_version(engine::kFormatVersion);
  EncodeRetention(settings.engine, &info);
  info.set_settings_toml(SettingsToToml(settings, Comments::kNo));
  service::EncodeLimits(settings.limits, info.mutable_limits());
  return info;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Broker>> Broker::Start(const Settings& settings) {
  // Not make_unique: the constructor is private.
  std::unique_ptr<Broker> broker(new Broker(settings));
  // Before anything on disk is touched: most failed starts are second starts.
  if (!settings.tls.certificate.empty()) {
    ASSIGN_OR_RETURN(broker->tls_, Tls::Start(settings.tls, &broker->clock_));
  }
  RETURN_IF_ERROR(CheckAddressFree(settings.listen));
  RETURN_IF_ERROR(CheckMetricsAddressFree(settings.metrics_address));
  RETURN_IF_ERROR(broker->LoadTokens());
  RETURN_IF_ERROR(broker->ServePages());
  RETURN_IF_ERROR(broker->Open());
  RETURN_IF_ERROR(broker->StartPartition());
  RETURN_IF_ERROR(broker->Serve());
  broker->ServeMetrics();
  return broker;
}

absl::Status Broker::ServePages() {
  if (settings_.metrics_address.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(endpoint_, MetricsEndpoint::Start(settings_.metrics_address, &pages_));
  spdlog::info("metrics on http://{}/metrics, health on /healthz and /readyz", endpoint_->address());
  return absl::OkStatus();
}

absl::Status Broker::LoadTokens() {
  if (settings_.access_tokens_file.empty()) return absl::OkStatus();
  tokens_ = std::make_unique<TokenStore>(settings_.access_tokens_file, [this](std::shared_ptr<const TokenBook> book) {
    spdlog::info("access tokens: {}, from {}", book->tokens().size(), settings_.access_tokens_file);
    if (server_ != nullptr) return server_->UseTokens(std::move(book));
    first_tokens_ = std::move(book);
  });
  return tokens_->Load();
}

absl::Status Broker::ReloadTokens() { return tokens_ == nullptr ? absl::OkStatus() : tokens_->Load(); }

absl::Status Broker::Open() {
  const std::string& directory = settings_.store.directory;
  // First: the space may be what the start needs.
  if (!settings_.backup_directory.empty()) service::BackupDirectory(settings_.backup_directory).RemoveLeftOver();
  absl::StatusOr<std::unique_ptr<storage::Store>> store = storage::OpenRocksDbStore(settings_.store);
  if (absl::IsResourceExhausted(store.status()) && storage::DropBallast(directory)) {
    spdlog::error("the ballast is given up: {}", std::string(store.status().message()));
    store = storage::OpenRocksDbStore(settings_.store);
  }
  ASSIGN_OR_RETURN(store_, std::move(store));
  const absl::Status ballast = storage::KeepBallast(directory, settings_.ballast_bytes, settings_.reserve_bytes);
  if (!ballast.ok()) spdlog::warn("{}", std::string(ballast.message()));
  return absl::OkStatus();
}

absl::Status Broker::StartPartition() {
  const Listener::Options listener = {.listen = settings_.listen,
                                      .connections = settings_.max_connections,
                                      .socket_mode = settings_.socket_mode,
                                      .may_reach_further = tls_ != nullptr && !settings_.access_tokens_file.empty()};
  server_ = std::make_unique<Server>(Server::Options{.listener = listener,
                                                     .tls = tls_.get(),
                                                     .message_bytes = settings_.limits.message_bytes,
                                                     .handshake_timeout = settings_.handshake_timeout,
                                                     .max_concurrent_streams = settings_.max_concurrent_streams,
                                                     .transport_bytes = settings_.transport_bytes});
  engine::PartitionOptions options;
  options.engine = settings_.engine;
  options.broker_version = kVersion;
  options.random = RandomNumber;
  options.release = [server = server_.get()](engine::Outbox outbox) { server->Release(std::move(outbox)); };
  options.find_matches = [](const engine::View& view, const engine::LoadRequest& request) {
    return service::FindTasks(view, request);
  };
  options.warn = [directory = settings_.store.directory](const std::string& what) {
    spdlog::error("{}. Stop the broker and run batond verify {}", what, directory);
  };
  options.fatal = StopProcess;
  ASSIGN_OR_RETURN(partition_, engine::Partition::Start(std::move(options), store_.get(), &clock_));
  return absl::OkStatus();
}

absl::Status Broker::Serve() {
  service::ReadSettings reading;
  reading.defaults = settings_.engine.defaults;
  LimitPages(settings_.limits, &reading);
  reading.max_watches = static_cast<size_t>(settings_.max_watches);
  reading.store_bytes = [store = store_.get()] { return store->DiskBytes(); };
  reading.resident_bytes = ResidentBytes;
  ASSIGN_OR_RETURN(const std::string address, server_->Bind());
  reading.server = ServerFacts(settings_, address, clock_.Read().wall);
  reads_ = std::make_unique<service::ReadService>(partition_.get(), &clock_, std::move(reading));
  backups_ =
      std::make_unique<service::BackupService>(partition_.get(), store_.get(), &clock_,
                                               service::BackupSettings{.directory = settings_.backup_directory,
                                                                       .broker_version = kVersion,
                                                                       .data_directory = settings_.store.directory,
                                                                       .reserve_bytes = settings_.reserve_bytes});
  const storage::SpaceGuard::Options space{.directory = settings_.store.directory,
                                           .reserve_bytes = settings_.reserve_bytes};
  server_->Serve(
      {settings_.limits, settings_.engine, kVersion, settings_.watch_heartbeat, space, settings_.unread_bytes},
      partition_.get(), reads_.get(), backups_.get(), &clock_, tokens_.get(), std::move(first_tokens_));
  return absl::OkStatus();
}

void Broker::ServeMetrics() {
  const auto collector = std::make_shared<MetricsCollector>(MetricsCollector::Parts{.partition = partition_.get(),
                                                                                    .store = store_.get(),
                                                                                    .server = &server_->meters(),
                                                                                    .clock = &clock_,
                                                                                    .version = kVersion,
                                                                                    .types = settings_.metrics_types});
  pages_.Serve(collector, &partition_->meters(), &clock_);
}

Broker::~Broker() {
  pages_.Drain();
  endpoint_.reset();
  if (server_ != nullptr) server_->Stop();
  if (partition_ != nullptr) partition_->Stop();
  reads_.reset();
  backups_.reset();
  partition_.reset();
  server_.reset();
}

void Broker::ReloadCertificates() {
  if (tls_ != nullptr) tls_->Reload();
}

bool Broker::Drain(const std::string& reason) {
  pages_.Drain();
  return server_->Drain(reason, settings_.engine.drain_deadline);
}

bool Broker::WaitForBackup(absl::Duration timeout) { return backups_->WaitUntilIdle(timeout); }

}  // namespace baton::server
