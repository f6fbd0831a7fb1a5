// `batond verify DIR [--repair [--drop-lost]]`: looks at the store of a stopped broker, and mends it.
#ifndef BATON_BROKER_VERIFY_COMMAND_H_
#define BATON_BROKER_VERIFY_COMMAND_H_

#include <CLI/CLI.hpp>
#include <string>

namespace baton {

struct VerifyFlags {
  std::string directory;
  bool repair = false;
  bool drop_lost = false;
};

// The subcommand; it was given if parsed() says so.
CLI::App* DeclareVerify(CLI::App* app, VerifyFlags* flags);

// Prints what it finds. The exit code: 0 no damage, or all of it was mended; 1 the store is damaged; 2 it could not be
// verified: no store, in use, of a newer version, not readable by this user.
int RunVerify(const VerifyFlags& flags);

}  // namespace baton

#endif  // BATON_BROKER_VERIFY_COMMAND_H_
