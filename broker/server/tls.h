#ifndef BATON_BROKER_SERVER_TLS_H_
#define BATON_BROKER_SERVER_TLS_H_

#include <grpcpp/security/server_credentials.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "broker/base/clock.h"
#include "broker/base/steady_notification.h"
#include "broker/server/certificates.h"

namespace baton::server {

// The broker's side of TLS: gives gRPC the certificates for every handshake, and keeps up with their files.
//
// A thread looks at the files once a second. Files that have changed, and stay as they are for another second, are
// read; if they can be used, all connections that come from then on get them, and those that are there go on. If they
// cannot, the log tells why, once for each change, and the certificates of before stay in use. It also tells when they
// are about to expire.
//
// Thread-safe. Lives until the server that has its credentials is gone.
class Tls {
 public:
  // Errors: those of ReadCertificates. The clock must outlive it.
  static absl::StatusOr<std::unique_ptr<Tls>> Start(const TlsFiles& files, const Clock* clock);
  ~Tls();
  Tls(const Tls&) = delete;
  Tls& operator=(const Tls&) = delete;

  // For one port of one server: what is new is told once.
  std::shared_ptr<grpc::ServerCredentials> MakeCredentials();

  // Reads the files now, changed or not.
  void Reload();

 private:
  // What tells one content of a file from another, without reading it. All 0: there is no file.
  struct Stamp {
    uint64_t device = 0;
    uint64_t inode = 0;
    int64_t size = 0;
    int64_t modified = 0;
    int64_t changed = 0;
    bool operator==(const Stamp&) const = default;
  };
  using Stamps = std::array<Stamp, 3>;

  Tls(const TlsFiles& files, const Clock* clock) : files_(files), clock_(clock) {}

  // False if gRPC has them already.
  bool TakeNew(Certificates* certificates);
  static Stamp StampOf(const std::string& path);
  Stamps Look() const;
  absl::Status Load() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void LoadOrKeep() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Watch();
  void WarnOfExpiry() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const TlsFiles files_;
  const Clock* const clock_;
  SteadyNotification stop_;
  std::thread thread_;

  absl::Mutex mutex_;
  Certificates current_ ABSL_GUARDED_BY(mutex_);
  // Of `current_`, or of files that cannot be used.
  Stamps loaded_ ABSL_GUARDED_BY(mutex_);
  SteadyMicros next_warning_ ABSL_GUARDED_BY(mutex_) = 0;
  // gRPC has not been given `current_` yet.
  bool is_new_ ABSL_GUARDED_BY(mutex_) = true;

  friend class TlsCredentials;
};

}  // namespace baton::server

#endif  // BATON_BROKER_SERVER_TLS_H_
