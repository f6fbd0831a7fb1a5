// The files that [tls] names: read, and checked so far that no handshake fails for what an operator can see beforehand.
#ifndef BATON_BROKER_SERVER_CERTIFICATES_H_
#define BATON_BROKER_SERVER_CERTIFICATES_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "broker/base/clock.h"

namespace baton::server {

// Paths of PEM files.
struct TlsFiles {
  // The broker's certificate, and behind it those that lead to its CA. Empty: no TLS.
  std::string certificate;
  // The key of the first certificate, without a passphrase.
  std::string private_key;
  // Certificates of the CAs whose clients may connect. Empty: clients are not asked for a certificate.
  std::string client_ca;
};

// What the files hold, as PEM.
struct Certificates {
  std::string chain;
  std::string private_key;
  std::string client_ca;
  // The broker's certificate: whose it is, such as "CN = broker.example", and its number.
  std::string subject;
  std::string serial;
  // From then on a certificate of the chain is no longer valid.
  WallMicros valid_until = 0;
};

// INVALID_ARGUMENT, "setting tls.… is '…', which …", with the cure: a file that cannot be read or holds something else,
// a key that does not belong to the certificate or that others than its owner may read, a certificate that is not for
// servers, or is not valid at `now`.
absl::StatusOr<Certificates> ReadCertificates(const TlsFiles& files, WallMicros now);

}  // namespace baton::server

#endif  // BATON_BROKER_SERVER_CERTIFICATES_H_
