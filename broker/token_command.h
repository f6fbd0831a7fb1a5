// `batond create-token NAME --role ROLE --file FILE`: makes an access token without a broker, above all the first one.
#ifndef BATON_BROKER_TOKEN_COMMAND_H_
#define BATON_BROKER_TOKEN_COMMAND_H_

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace baton {

struct TokenFlags {
  std::string name;
  std::string role;
  std::string file;
  std::vector<std::string> type_prefixes;
  bool payloads = false;
  // In days; 0: for ever.
  int days = 0;
};

// The subcommand; it was given if parsed() says so.
CLI::App* DeclareCreateToken(CLI::App* app, TokenFlags* flags);

// Prints the token on the standard output. The exit code: 0 it is in the file; 1 it is not.
int RunCreateToken(const TokenFlags& flags);

}  // namespace baton

#endif  // BATON_BROKER_TOKEN_COMMAND_H_
