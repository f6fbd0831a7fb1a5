#include "broker/server/certificates.h"

#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <memory>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "broker/base/status_macros.h"

namespace baton::server {
namespace {

constexpr off_t kLargestFile = 1 << 20;

template <auto kFree>
struct Freed {
  template <typename T>
  void operator()(T* pointer) const {
    kFree(pointer);
  }
};
using BioPointer = std::unique_ptr<BIO, Freed<&BIO_free_all>>;
using CertificatePointer = std::unique_ptr<X509, Freed<&X509_free>>;
using KeyPointer = std::unique_ptr<EVP_PKEY, Freed<&EVP_PKEY_free>>;
using ContextPointer = std::unique_ptr<SSL_CTX, Freed<&SSL_CTX_free>>;

// A file and the setting that names it.
struct NamedFile {
  const char* setting;
  const std::string& path;
};

absl::Status Unusable(const NamedFile& file, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("setting ", file.setting, " is '", file.path, "', which ", why));
}

// Why OpenSSL failed last.
std::string OpenSslReason() {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return reason == nullptr ? "unknown reason" : reason;
}

// A key that belongs to root may be readable by a group: that is how service managers hand it to a user of theirs.
absl::Status CheckIsSecret(const NamedFile& file, const struct stat& found) {
  const bool is_handed_over = found.st_uid == 0 && geteuid() != 0;
  const mode_t forbidden = is_handed_over ? 0037 : 0077;
  if ((found.st_mode & forbidden) == 0) return absl::OkStatus();
  return Unusable(file, absl::StrFormat("others than its owner may use (mode %04o): chmod 600 %s",
                                        found.st_mode & 07777, file.path));
}

enum class Secret { kNo, kYes };

absl::StatusOr<std::string> ReadPem(const NamedFile& file, Secret secret) {
  // Of a pipe it would wait for somebody who writes.
  const int fd = open(file.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return Unusable(file, absl::StrCat("cannot be read: ", std::strerror(errno)));
  const auto close_fd = absl::MakeCleanup([fd] { close(fd); });
  struct stat found {};
  fstat(fd, &found);
  if (!S_ISREG(found.st_mode)) return Unusable(file, "is not a file");
  if (found.st_size > kLargestFile) return Unusable(file, "is larger than 1 MiB: name a file with PEM text");
  if (secret == Secret::kYes) RETURN_IF_ERROR(CheckIsSecret(file, found));
  std::string text(static_cast<size_t>(found.st_size), '\0');
  const ssize_t size = read(fd, text.data(), text.size());
  if (size < 0) return Unusable(file, absl::StrCat("cannot be read: ", std::strerror(errno)));
  text.resize(static_cast<size_t>(size));
  return text;
}

BioPointer Reading(const std::string& text) {
  return BioPointer(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// At least one, in their order.
absl::StatusOr<std::vector<CertificatePointer>> ParseCertificates(const NamedFile& file, const std::string& pem) {
  std::vector<CertificatePointer> certificates;
  const BioPointer input = Reading(pem);
  while (X509* certificate = PEM_read_bio_X509(input.get(), nullptr, nullptr, nullptr)) {
    certificates.emplace_back(certificate);
  }
  const bool is_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  const std::string reason = OpenSslReason();
  if (!is_end) return Unusable(file, absl::StrCat("holds a damaged certificate: ", reason));
  if (certificates.empty()) return Unusable(file, "holds no certificate: name a PEM file (BEGIN CERTIFICATE)");
  return certificates;
}

// OpenSSL would ask for the passphrase at the terminal.
int NoPassphrase(char*, int, int, void*) { return -1; }

absl::StatusOr<KeyPointer> ParseKey(const NamedFile& file, const std::string& pem) {
  KeyPointer key(PEM_read_bio_PrivateKey(Reading(pem).get(), nullptr, NoPassphrase, nullptr));
  if (key != nullptr) return key;
  const unsigned long error = ERR_peek_last_error();
  const std::string reason = OpenSslReason();
  if (ERR_GET_REASON(error) == PEM_R_BAD_PASSWORD_READ || pem.find("ENCRYPTED") != std::string::npos) {
    return Unusable(file,
                    "is protected by a passphrase: store it without one (openssl pkey), readable by the broker only");
  }
  return Unusable(file, absl::StrCat("holds no private key: name a PEM file (BEGIN PRIVATE KEY); ", reason));
}

std::string NameText(const X509_NAME* name) {
  const BioPointer output(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(output.get(), name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB);
  char* text = nullptr;
  const long size = BIO_get_mem_data(output.get(), &text);
  return std::string(text, static_cast<size_t>(size));
}

std::string SerialText(const X509* certificate) {
  const BioPointer output(BIO_new(BIO_s_mem()));
  i2a_ASN1_INTEGER(output.get(), X509_get0_serialNumber(certificate));
  char* text = nullptr;
  const long size = BIO_get_mem_data(output.get(), &text);
  return std::string(text, static_cast<size_t>(size));
}

absl::Time TimeOf(const ASN1_TIME* time) {
  std::tm parts{};
  ASN1_TIME_to_tm(time, &parts);
  return absl::FromTM(parts, absl::UTCTimeZone());
}

std::string TimeText(absl::Time time) { return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone()); }

absl::Status CheckValidity(const NamedFile& file, const std::vector<CertificatePointer>& chain, absl::Time now) {
  for (const CertificatePointer& certificate : chain) {
    const absl::Time begin = TimeOf(X509_get0_notBefore(certificate.get()));
    const absl::Time end = TimeOf(X509_get0_notAfter(certificate.get()));
    if (begin <= now && now < end) continue;
    const std::string subject = NameText(X509_get_subject_name(certificate.get()));
    return Unusable(file, now < begin ? absl::StrCat("is not valid before ", TimeText(begin), " (", subject,
                                                     "): no client would take it; look at the clock of this machine")
                                      : absl::StrCat("has expired at ", TimeText(end), " (", subject,
                                                     "): no client would take it; renew it"));
  }
  return absl::OkStatus();
}

// Hands them to OpenSSL as a handshake would, which refuses what is too weak as well.
absl::Status CheckUse(const NamedFile& certificate_file, const NamedFile& key_file,
                      const std::vector<CertificatePointer>& chain, EVP_PKEY* key) {
  X509* const own = chain.front().get();
  if (X509_check_private_key(own, key) != 1) {
    ERR_clear_error();
    return Unusable(key_file, absl::StrCat("does not belong to the first certificate in '", certificate_file.path,
                                           "' (tls.certificate), that of ", NameText(X509_get_subject_name(own)),
                                           ": name the key that it was made with"));
  }
  if (X509_check_purpose(own, X509_PURPOSE_SSL_SERVER, 0) != 1) {
    return Unusable(certificate_file, "is not for servers: its extended key usage has to include serverAuth");
  }
  const ContextPointer context(SSL_CTX_new(TLS_server_method()));
  bool works = SSL_CTX_use_certificate(context.get(), own) == 1;
  for (size_t i = 1; works && i < chain.size(); ++i) {
    works = SSL_CTX_add1_chain_cert(context.get(), chain[i].get()) == 1;
  }
  if (!works) return Unusable(certificate_file, absl::StrCat("OpenSSL refuses: ", OpenSslReason()));
  if (SSL_CTX_use_PrivateKey(context.get(), key) != 1) {
    return Unusable(key_file, absl::StrCat("OpenSSL refuses: ", OpenSslReason()));
  }
  return absl::OkStatus();
}

absl::Time EarliestEnd(const std::vector<CertificatePointer>& chain) {
  absl::Time end = absl::InfiniteFuture();
  for (const CertificatePointer& certificate : chain) {
    end = std::min(end, TimeOf(X509_get0_notAfter(certificate.get())));
  }
  return end;
}

}  // namespace

absl::StatusOr<Certificates> ReadCertificates(const TlsFiles& files, WallMicros now) {
  const NamedFile certificate_file = {"tls.certificate", files.certificate};
  const NamedFile key_file = {"tls.private_key", files.private_key};
  const NamedFile client_ca_file = {"tls.client_ca", files.client_ca};
  Certificates read;
  ASSIGN_OR_RETURN(read.chain, ReadPem(certificate_file, Secret::kNo));
  ASSIGN_OR_RETURN(const std::vector<CertificatePointer> chain, ParseCertificates(certificate_file, read.chain));
  ASSIGN_OR_RETURN(read.private_key, ReadPem(key_file, Secret::kYes));
  ASSIGN_OR_RETURN(const KeyPointer key, ParseKey(key_file, read.private_key));
  RETURN_IF_ERROR(CheckUse(certificate_file, key_file, chain, key.get()));
  RETURN_IF_ERROR(CheckValidity(certificate_file, chain, absl::FromUnixMicros(now)));
  if (!files.client_ca.empty()) {
    ASSIGN_OR_RETURN(read.client_ca, ReadPem(client_ca_file, Secret::kNo));
    RETURN_IF_ERROR(ParseCertificates(client_ca_file, read.client_ca).status());
  }
  read.subject = NameText(X509_get_subject_name(chain.front().get()));
  read.serial = SerialText(chain.front().get());
  read.valid_until = absl::ToUnixMicros(EarliestEnd(chain));
  return read;
}

}  // namespace baton::server
