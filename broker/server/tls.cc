#include "broker/server/tls.h"

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <sys/stat.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "broker/base/check.h"
#include "broker/base/named_thread.h"
#include "broker/base/status_macros.h"
#include "spdlog/spdlog.h"

namespace baton::server {
namespace {

constexpr Micros kLook = kSecond;
// Renewal is usually due thirty days before the end.
constexpr Micros kWarnBefore = 14 * kDay;

int64_t NanosecondsOf(const timespec& time) { return time.tv_sec * 1'000'000'000 + time.tv_nsec; }

std::string DayText(WallMicros time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixMicros(time), absl::UTCTimeZone());
}

}  // namespace

// gRPC's C++ credentials have their certificates for good; those of its C interface ask for them at each handshake.
class TlsCredentials final : public grpc::ServerCredentials {
 public:
  explicit TlsCredentials(Tls* tls) {
    const auto request = tls->files_.client_ca.empty() ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
                                                       : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY;
    credentials_ = grpc_ssl_server_credentials_create_with_options(
        grpc_ssl_server_credentials_create_options_using_config_fetcher(request, &TlsCredentials::Fetch, tls));
  }
  ~TlsCredentials() override { grpc_server_credentials_release(credentials_); }

  // Tokens are checked at the start of each call, whatever the connection is.
  void SetAuthMetadataProcessor(const std::shared_ptr<grpc::AuthMetadataProcessor>&) override {
    BATON_CHECK(false, "no metadata is processed here");
  }

 private:
  int AddPortToServer(const std::string& address, grpc_server* server) override {
    return grpc_server_add_http2_port(server, address.c_str(), credentials_);
  }

  static grpc_ssl_certificate_config_reload_status Fetch(void* user_data, grpc_ssl_server_certificate_config** config) {
    Certificates current;
    if (!static_cast<Tls*>(user_data)->TakeNew(&current)) return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
    const grpc_ssl_pem_key_cert_pair pair = {current.private_key.c_str(), current.chain.c_str()};
    // gRPC insists on CAs also where no client is asked for a certificate, and then does nothing with them.
    const std::string& client_ca = current.client_ca.empty() ? current.chain : current.client_ca;
    *config = grpc_ssl_server_certificate_config_create(client_ca.c_str(), &pair, 1);
    return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
  }

  grpc_server_credentials* credentials_;
};

absl::StatusOr<std::unique_ptr<Tls>> Tls::Start(const TlsFiles& files, const Clock* clock) {
  std::unique_ptr<Tls> tls(new Tls(files, clock));  // Not make_unique: it is private.
  {
    absl::MutexLock lock(&tls->mutex_);
    RETURN_IF_ERROR(tls->Load());
  }
  tls->thread_ = NamedThread("certificates", [tls = tls.get()] { tls->Watch(); });
  return tls;
}

Tls::~Tls() {
  if (!thread_.joinable()) return;
  stop_.Notify();
  thread_.join();
}

std::shared_ptr<grpc::ServerCredentials> Tls::MakeCredentials() { return std::make_shared<TlsCredentials>(this); }

bool Tls::TakeNew(Certificates* certificates) {
  absl::MutexLock lock(&mutex_);
  if (!std::exchange(is_new_, false)) return false;
  *certificates = current_;
  return true;
}

void Tls::Reload() {
  absl::MutexLock lock(&mutex_);
  LoadOrKeep();
}

Tls::Stamp Tls::StampOf(const std::string& path) {
  struct stat found {};
  if (path.empty() || stat(path.c_str(), &found) != 0) return {};
  return {.device = found.st_dev,
          .inode = found.st_ino,
          .size = found.st_size,
          .modified = NanosecondsOf(found.st_mtim),
          .changed = NanosecondsOf(found.st_ctim)};
}

Tls::Stamps Tls::Look() const {
  return {StampOf(files_.certificate), StampOf(files_.private_key), StampOf(files_.client_ca)};
}

absl::Status Tls::Load() {
  // Before they are read: what changes meanwhile shows at the next look.
  loaded_ = Look();
  ASSIGN_OR_RETURN(current_, ReadCertificates(files_, clock_->Read().wall));
  is_new_ = true;
  next_warning_ = 0;
  spdlog::info("TLS with the certificate of {} (number {}), valid until {}{}", current_.subject, current_.serial,
               DayText(current_.valid_until), files_.client_ca.empty() ? "" : "; clients need one too");
  return absl::OkStatus();
}

void Tls::LoadOrKeep() {
  const absl::Status status = Load();
  if (status.ok()) return;
  spdlog::error("the certificate of {} (number {}) stays in use: {}", current_.subject, current_.serial,
                std::string(status.message()));
}

void Tls::Watch() {
  Stamps last;
  while (!stop_.WaitFor(kLook)) {
    const Stamps seen = Look();
    absl::MutexLock lock(&mutex_);
    // What differs from the last look may be half written, or one file of two that belong together.
    if (seen != loaded_ && seen == last) LoadOrKeep();
    last = seen;
    WarnOfExpiry();
  }
}

void Tls::WarnOfExpiry() {
  const Now now = clock_->Read();
  if (now.wall < current_.valid_until - kWarnBefore || now.steady < next_warning_) return;
  next_warning_ = now.steady + kDay;
  if (now.wall < current_.valid_until) {
    spdlog::warn(
        "the certificate in '{}' (tls.certificate) expires at {}: renew it, it is taken over without a restart",
        files_.certificate, DayText(current_.valid_until));
  } else {
    spdlog::error(
        "the certificate in '{}' (tls.certificate) has expired at {}, and no client can connect: renew it, it "
        "is taken over without a restart",
        files_.certificate, DayText(current_.valid_until));
  }
}

}  // namespace baton::server
