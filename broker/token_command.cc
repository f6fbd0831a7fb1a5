#include "broker/token_command.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "baton/v1/access.pb.h"
#include "broker/base/clock.h"
#include "broker/server/access/token_changes.h"
#include "broker/server/access/token_file.h"

namespace baton {
namespace {

constexpr char kCreateTokenHelp[] = R"(
Adds an access token to FILE (setting access.tokens_file), which is made if it is missing, readable for its owner alone.
Run it as the user that the broker runs as. The token is printed once, and is nowhere else: FILE has a hash of it.

A running broker takes the file over with SIGHUP (systemctl reload batond). Where one runs that has a token of role
operate already, `baton token create` does all of this.

Exit codes: 0 the token is in FILE; 1 it is not, and FILE is as it was; 2 a flag is wrong.)";

int Refuse(absl::string_view why) {
  std::fprintf(stderr, "batond create-token: %s\n", std::string(why).c_str());
  return EXIT_FAILURE;
}

}  // namespace

CLI::App* DeclareCreateToken(CLI::App* app, TokenFlags* flags) {
  CLI::App* command = app->add_subcommand("create-token", "Make an access token without a broker: the first one");
  command->footer(kCreateTokenHelp);
  command->add_option("NAME", flags->name, "Its name: the actor of everything that is done with it")->required();
  command->add_option("--role", flags->role, "submit, work, observe or operate")
      ->required()
      ->check(CLI::IsMember(std::vector<std::string>(server::kRoleNames.begin(), server::kRoleNames.end())));
  command->add_option("--file", flags->file, "The tokens file")->required();
  command->add_option("--type-prefix", flags->type_prefixes, "Only task types that begin so; may be repeated")
      ->allow_extra_args(false);
  command->add_flag("--payloads", flags->payloads, "Role observe: it may see payloads and results");
  command->add_option("--expires-days", flags->days, "How many days it is valid; default: for ever")
      ->check(CLI::Range(1, 3650));
  return command;
}

int RunCreateToken(const TokenFlags& flags) {
  absl::StatusOr<std::vector<server::Token>> tokens = server::ReadTokensFile(flags.file);
  if (absl::IsNotFound(tokens.status())) tokens.emplace();
  if (!tokens.ok()) return Refuse(tokens.status().message());
  v1::CreateTokenRequest request;
  v1::CreateTokenResponse response;
  request.set_name(flags.name);
  request.set_role(server::WireRole(*server::RoleNamed(flags.role)));
  for (const std::string& prefix : flags.type_prefixes) request.add_type_prefixes(prefix);
  request.set_payloads(flags.payloads);
  if (flags.days > 0) request.mutable_expires_in()->set_seconds(int64_t{flags.days} * (kDay / kSecond));
  const Error error = server::CreateToken(request, SystemClock().Read().wall, &*tokens, &response);
  if (!error.ok()) return Refuse(error.message);
  const absl::Status written = server::WriteTokensFile(flags.file, *tokens);
  if (!written.ok()) return Refuse(written.message());
  std::printf("%s\n", response.text().c_str());
  return std::fflush(stdout) == 0 ? EXIT_SUCCESS : Refuse("the token is in the file, but could not be printed");
}

}  // namespace baton
