#include "worker_sdk/src/tls_files.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace baton::inline sdk {
namespace internal {
namespace {

// What a file is to people, and how they name another one.
struct FileRole {
  const char* name;
  const char* variable;
};
constexpr FileRole kCa = {"CA file", "BATON_TLS_CA"};
constexpr FileRole kCertificate = {"client certificate", "BATON_TLS_CERT"};
constexpr FileRole kKey = {"client key", "BATON_TLS_KEY"};

struct FreeContext {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using Context = std::unique_ptr<SSL_CTX, FreeContext>;

std::string FromEnvironment(const std::string& set, const char* variable) {
  if (!set.empty()) return set;
  const char* value = std::getenv(variable);
  return value == nullptr ? "" : value;
}

absl::Status Unusable(const FileRole& role, const std::string& path, absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("TLS: the ", role.name, " '", path, "' ", why, " (", role.variable, " or the option of this name)"));
}

absl::StatusOr<std::string> ReadPemFile(const FileRole& role, const std::string& path) {
  if (path.empty()) return std::string();
  errno = 0;
  std::ifstream file(path);
  std::ostringstream text;
  // Opening a folder succeeds, reading from it does not.
  if (file.is_open()) text << file.rdbuf();
  if (!file.is_open() || file.bad() || errno == EISDIR) {
    return Unusable(role, path, absl::StrCat("cannot be read: ", std::strerror(errno)));
  }
  if (!absl::StrContains(text.str(), "-----BEGIN ")) return Unusable(role, path, "is not PEM: name a PEM file");
  return text.str();
}

std::string FirstReason() {
  const char* reason = ERR_reason_error_string(ERR_peek_error());
  ERR_clear_error();
  return absl::StrCat("cannot be used: ", reason == nullptr ? "unknown reason" : reason);
}

// OpenSSL would ask for the passphrase at the terminal.
int NoPassphrase(char*, int, int, void*) { return -1; }

absl::Status CheckOwn(const TlsOptions& tls, SSL_CTX* context) {
  if (SSL_CTX_use_certificate_chain_file(context, tls.certificate.c_str()) != 1) {
    return Unusable(kCertificate, tls.certificate, FirstReason());
  }
  const X509* certificate = SSL_CTX_get0_certificate(context);
  if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0) {
    return Unusable(kCertificate, tls.certificate, "has expired: renew it");
  }
  if (SSL_CTX_use_PrivateKey_file(context, tls.key.c_str(), SSL_FILETYPE_PEM) == 1) return absl::OkStatus();
  const std::string reason = FirstReason();
  if (absl::StrContains(reason, "mismatch")) {
    return Unusable(kKey, tls.key, absl::StrCat("does not belong to the certificate '", tls.certificate, "'"));
  }
  return Unusable(kKey, tls.key, reason);
}

absl::Status CheckFiles(const TlsOptions& tls) {
  const Context context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_default_passwd_cb(context.get(), NoPassphrase);
  if (!tls.ca.empty() && SSL_CTX_load_verify_file(context.get(), tls.ca.c_str()) != 1) {
    return Unusable(kCa, tls.ca, FirstReason());
  }
  return tls.certificate.empty() ? absl::OkStatus() : CheckOwn(tls, context.get());
}

std::string FileStamp(const std::string& path) {
  struct stat found {};
  if (path.empty() || stat(path.c_str(), &found) != 0) return "-";
  return absl::StrCat(found.st_dev, ".", found.st_ino, ".", found.st_size, ".", found.st_mtim.tv_sec, ".",
                      found.st_mtim.tv_nsec, ".", found.st_ctim.tv_sec, ".", found.st_ctim.tv_nsec);
}

}  // namespace

TlsOptions CompleteTls(TlsOptions tls) {
  tls.ca = FromEnvironment(tls.ca, "BATON_TLS_CA");
  tls.server_name = FromEnvironment(tls.server_name, "BATON_TLS_SERVER_NAME");
  if (tls.certificate.empty() && tls.key.empty()) {
    tls.certificate = FromEnvironment("", "BATON_TLS_CERT");
    tls.key = FromEnvironment("", "BATON_TLS_KEY");
  }
  return tls;
}

Endpoint ResolveEndpoint(const std::string& address, const TlsOptions& tls) {
  absl::string_view target = address;
  const bool has_scheme = absl::ConsumePrefix(&target, kTlsScheme);
  const bool is_any_set = !tls.ca.empty() || !tls.certificate.empty() || !tls.key.empty() || !tls.server_name.empty();
  return {std::string(target), has_scheme || (is_any_set && !absl::StartsWith(target, "unix:"))};
}

absl::StatusOr<TlsMaterial> ReadTls(const TlsOptions& tls) {
  if (tls.certificate.empty() != tls.key.empty()) {
    const bool is_key_missing = tls.key.empty();
    return absl::InvalidArgumentError(absl::StrCat(
        "TLS: there is a ", is_key_missing ? kCertificate.name : kKey.name, " '",
        is_key_missing ? tls.certificate : tls.key, "', but no ", is_key_missing ? kKey.name : kCertificate.name,
        ": name both (BATON_TLS_CERT and BATON_TLS_KEY, or the options of these names), or none"));
  }
  TlsMaterial read;
  const struct {
    const FileRole& role;
    const std::string& path;
    std::string* text;
  } files[] = {{kCa, tls.ca, &read.ca}, {kCertificate, tls.certificate, &read.certificate}, {kKey, tls.key, &read.key}};
  for (const auto& file : files) {
    absl::StatusOr<std::string> text = ReadPemFile(file.role, file.path);
    if (!text.ok()) return text.status();
    *file.text = *std::move(text);
  }
  if (absl::Status status = CheckFiles(tls); !status.ok()) return status;
  return read;
}

absl::Status ValidateTls(const std::string& address, const TlsOptions& tls) {
  const TlsOptions complete = CompleteTls(tls);
  const Endpoint endpoint = ResolveEndpoint(address, complete);
  return endpoint.encrypted ? ReadTls(complete).status() : absl::OkStatus();
}

std::string TlsStamp(const TlsOptions& tls) {
  return absl::StrCat(FileStamp(tls.ca), " ", FileStamp(tls.certificate), " ", FileStamp(tls.key));
}

std::string TlsAdvice(bool encrypted, absl::string_view reason) {
  // Only a connection that was never there has to do with certificates.
  if (!absl::StrContains(reason, "failed to connect")) return "";
  const bool was_hung_up = absl::StrContains(reason, "Socket closed") || absl::StrContains(reason, "reset by peer") ||
                           absl::StrContains(reason, "Broken pipe");
  if (!encrypted) {
    return was_hung_up ? "If it speaks TLS, write tls:// in front of its address, or name its CA in BATON_TLS_CA "
                         "(--tls-ca, TlsOptions)"
                       : "";
  }
  if (absl::StrContains(reason, "certificate verify failed")) {
    return "The broker's certificate is not of a CA in BATON_TLS_CA (--tls-ca, TlsOptions), or if none is named, of "
           "one "
           "that the system trusts; or it has expired";
  }
  if (absl::StrContains(reason, "is not in peer certificate")) {
    return "The broker's certificate is for other names: use one of them in the address, or say which it must have "
           "with "
           "BATON_TLS_SERVER_NAME (--tls-server-name, TlsOptions)";
  }
  if (absl::StrContains(reason, "wrong version number")) {
    return "What listens there does not speak TLS: leave out tls:// and all that is set of TLS, or set tls.certificate "
           "of the broker";
  }
  return was_hung_up ? "The broker may ask for a certificate (its tls.client_ca): name one that it accepts with "
                       "BATON_TLS_CERT and BATON_TLS_KEY (--tls-cert and --tls-key, TlsOptions)"
                     : "";
}

}  // namespace internal
}  // namespace baton::inline sdk
