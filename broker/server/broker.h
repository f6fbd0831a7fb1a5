#ifndef BATON_BROKER_SERVER_BROKER_H_
#define BATON_BROKER_SERVER_BROKER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "broker/base/clock.h"
#include "broker/engine/run/partition.h"
#include "broker/server/access/token_store.h"
#include "broker/server/metrics/endpoint.h"
#include "broker/server/metrics/pages.h"
#include "broker/server/server.h"
#include "broker/server/settings.h"
#include "broker/service/backups.h"
#include "broker/service/read/reads.h"
#include "broker/storage/store.h"

namespace baton::server {

// A whole broker in one object: store, partition, reads and server. What batond runs, and what tests run in process.
//
//   ASSIGN_OR_RETURN(std::unique_ptr<Broker> broker, Broker::Start(settings));
//   … broker->address()
//   broker->Drain("…");
//
// Not thread-safe, but Drain and ReloadTokens may run while another thread waits for anything else.
class Broker {
 public:
  // Opens or creates the data directory, recovers, and serves. Settings must have passed Validate.
  // Errors: those of ReadCertificates, and then nothing was touched; those of OpenRocksDbStore and Partition::Start,
  // naming the data directory; UNAVAILABLE naming the address.
  static absl::StatusOr<std::unique_ptr<Broker>> Start(const Settings& settings);

  // Stops without draining: workers find their streams closed and come back to the next broker on this data directory.
  ~Broker();

  // Where it listens, with the port that was picked.
  const std::string& address() const { return server_->address(); }

  // Where metrics and health are served, with the port that was picked; empty: nowhere.
  std::string metrics_address() const { return endpoint_ == nullptr ? "" : endpoint_->address(); }

  // Reads the access tokens again; an error, in one line, leaves those that were read before. OK without access
  // control.
  absl::Status ReloadTokens();

  // What is on disk. For tests, which look deeper than the services show.
  const storage::Store& store() const { return *store_; }

  // Whether connections are encrypted.
  bool has_tls() const { return tls_ != nullptr; }

  // Reads the files of [tls] again, see Tls. Any thread.
  void ReloadCertificates();

  // Takes no new tasks and workers, and waits until what runs has ended, at most settings.engine.drain_deadline. False
  // if the time was up before. Outcomes and heartbeats are still taken afterwards, until the destructor.
  bool Drain(const std::string& reason);
  // False if a backup is still being written after `timeout`. The destructor waits for it.
  bool WaitForBackup(absl::Duration timeout);

 private:
  explicit Broker(const Settings& settings) : settings_(settings) {}
  // Serves the pages before the store is open, so that whoever watches the start can tell it from a crash.
  absl::Status ServePages();
  absl::Status LoadTokens();
  absl::Status Open();
  absl::Status StartPartition();
  absl::Status Serve();
  void ServeMetrics();

  const Settings settings_;
  SystemClock clock_;
  Pages pages_;
  // Outlives the server.
  std::unique_ptr<Tls> tls_;
  // Null: no access control.
  std::unique_ptr<TokenStore> tokens_;
  // Until it is served.
  std::shared_ptr<const TokenBook> first_tokens_;
  std::unique_ptr<storage::Store> store_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<engine::Partition> partition_;
  std::unique_ptr<service::ReadService> reads_;
  std::unique_ptr<service::BackupService> backups_;
  std::unique_ptr<MetricsEndpoint> endpoint_;
};

}  // namespace baton::server

#endif  // BATON_BROKER_SERVER_BROKER_H_
