// Profiles: brokers by name, in a file of the user's.
//
//   default = "production"
//
//   [profile.production]
//   broker = "tls://tasks.example.com:7461"
//   tls_ca = "/etc/ssl/example-ca.pem"
//   token_file = "/home/me/.config/baton/production.token"
//
//   [profile.local]
//   broker = "unix:/run/batond.sock"
#pragma once

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "baton/tls.h"
#include "client_cli/environment.h"

namespace baton::cli {

// How to reach a broker. Another key of the file is another field here, and a line in the table of profiles.cc.
struct Profile {
  // As NormalizeAddress returns it.
  std::string broker;
  // As TlsOptions has them.
  std::string tls_ca, tls_cert, tls_key, tls_server_name;
  // As --token-file.
  std::string token_file;
};

struct ProfileFile {
  // Where it is, or would be; empty: nobody knows.
  std::string path;
  bool exists = false;
  // Name of the profile that is taken if none is named; empty: none is.
  std::string default_name;
  std::map<std::string, Profile> profiles;
};

// The file of this environment; one that does not exist has no profiles. Errors name the file, the line and the key.
absl::StatusOr<ProfileFile> ReadProfiles(const Environment& environment);

// What the command line says of the broker; empty: nothing.
struct ConnectionFlags {
  std::string broker;
  std::string profile;
};

// Which broker is in force, and why.
struct ConnectionChoice {
  // As NormalizeAddress returns it.
  std::string address;
  // What the profile in force says of it.
  TlsOptions tls = {};
  std::string token_file = {};
  // Name of the profile in force; empty: none is.
  std::string profile;
  // What chose it: "--broker", "--profile", "BATON_BROKER", "BATON_PROFILE", "default" of the file, or "default of this
  // program".
  std::string chosen_by;
};

// The first of these that is given decides alone: --broker, --profile, BATON_BROKER, BATON_PROFILE, the default profile
// of the file, kDefaultAddress. So what a profile says of one broker is never used for another one; only --broker
// together with --profile is the profile at another address.
absl::StatusOr<ConnectionChoice> ChooseConnection(const ConnectionFlags& flags, const Environment& environment);

}  // namespace baton::cli
