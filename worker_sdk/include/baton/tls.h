// How connections to a broker are encrypted.
#ifndef BATON_TLS_H_
#define BATON_TLS_H_

#include <string>

namespace baton::inline sdk {

// A connection to "tls://host:port" is encrypted, and so is one to "host:port" if anything of this is set, here or in
// the environment. What goes through a Unix socket never is. Nothing is sent before the broker has proved who it is.
//
// The files are PEM. They are read at the beginning, and again when they have changed and a new connection is needed;
// those that cannot be used then change nothing.
struct TlsOptions {
  // File with the CAs one of which has issued the broker's certificate. Empty: the environment's BATON_TLS_CA, else
  // those that the system trusts.
  std::string ca = {};
  // Files with this program's own certificate (behind it, those that lead to its CA) and its key without a passphrase,
  // for brokers that ask (their tls.client_ca). Both or none. Empty: BATON_TLS_CERT and BATON_TLS_KEY, else none.
  std::string certificate = {};
  std::string key = {};
  // The name that the broker's certificate must have. Empty: BATON_TLS_SERVER_NAME, else the host of the address.
  std::string server_name = {};
};

}  // namespace baton::inline sdk

#endif  // BATON_TLS_H_
