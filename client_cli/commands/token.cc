// baton token create, baton token list, baton token rotate, baton token revoke
#include <array>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client_cli/command_table.h"
#include "client_cli/commands/filter_options.h"
#include "client_cli/text/duration_text.h"
#include "client_cli/text/message_json.h"
#include "client_cli/text/proto_time.h"

namespace baton::cli {
namespace {

struct RoleWord {
  const char* word;
  v1::AccessRole role;
};
constexpr std::array<RoleWord, 4> kRoleWords = {{{"submit", v1::ACCESS_ROLE_SUBMIT},
                                                 {"work", v1::ACCESS_ROLE_WORK},
                                                 {"observe", v1::ACCESS_ROLE_OBSERVE},
                                                 {"operate", v1::ACCESS_ROLE_OPERATE}}};

absl::StatusOr<v1::AccessRole> ParseRole(const std::string& text) {
  for (const RoleWord& known : kRoleWords) {
    if (text == known.word) return known.role;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("--role: unknown role \"", text, "\"; it is one of submit, work, observe, operate"));
}

std::string RoleText(v1::AccessRole role) {
  for (const RoleWord& known : kRoleWords) {
    if (role == known.role) return known.word;
  }
  return absl::StrCat("role ", static_cast<int>(role));
}

// Does nothing if the option was not given.
template <typename Mutable>
absl::Status ParseLength(const char* option, const std::string& text, Mutable mutable_length) {
  if (text.empty()) return absl::OkStatus();
  const absl::StatusOr<int64_t> micros = ParseDuration(option, text);
  if (!micros.ok()) return micros.status();
  google::protobuf::Duration* length = mutable_length();
  length->set_seconds(*micros / 1'000'000);
  length->set_nanos(static_cast<int32_t>(*micros % 1'000'000 * 1000));
  return absl::OkStatus();
}

std::string Expiry(Session& session, const v1::AccessToken& token) {
  return token.has_expires_at() ? session.Local(ToTime(token.expires_at())) : "never";
}

// The text alone goes to the standard output, for a file or a pipe.
template <typename Response>
ExitCode ShowText(Session& session, const Response& response, const std::string& what) {
  if (!session.is_table()) return session.Print(MessageJson(response));
  const v1::AccessToken& token = response.token();
  session.environment().out << response.text() << std::endl;
  session.environment().err << "token " << token.name() << " (" << RoleText(token.role()) << ") was " << what
                            << ", expires: " << Expiry(session, token)
                            << ". Keep its text now: it is shown only this time." << std::endl;
  if (token.has_old_until()) {
    session.environment().err << "The old text is valid until " << session.Local(ToTime(token.old_until())) << "."
                              << std::endl;
  }
  return ExitCode::kOk;
}

struct CreateTokenArguments {
  std::string name, role, expires;
  std::vector<std::string> prefixes;
  bool payloads = false;
};

ExitCode RunCreateToken(Session& session, const CreateTokenArguments& arguments) {
  v1::CreateTokenRequest request;
  request.set_name(arguments.name);
  const absl::StatusOr<v1::AccessRole> role = ParseRole(arguments.role);
  if (!role.ok()) return session.Fail(role.status());
  request.set_role(*role);
  for (const std::string& prefix : arguments.prefixes) request.add_type_prefixes(prefix);
  request.set_payloads(arguments.payloads);
  const absl::Status length =
      ParseLength("--expires", arguments.expires, [&request] { return request.mutable_expires_in(); });
  if (!length.ok()) return session.Fail(length);
  const absl::StatusOr<v1::CreateTokenResponse> response =
      session.broker().CreateToken(request, session.call_timeout());
  return response.ok() ? ShowText(session, *response, "created") : session.Fail(response.status());
}

ExitCode RunListTokens(Session& session) {
  const absl::StatusOr<v1::ListTokensResponse> response = session.broker().ListTokens(session.call_timeout());
  if (!response.ok()) return session.Fail(response.status());
  RecordWriter writer(session, {"TOKEN", "ROLE", "TYPES", "PAYLOADS", "CREATED", "EXPIRES", "OLD UNTIL"});
  for (const v1::AccessToken& token : response->tokens()) {
    const bool over = token.has_expires_at() && ToTime(token.expires_at()) <= session.environment().now();
    std::vector<std::string> prefixes;
    for (const std::string& prefix : token.type_prefixes()) prefixes.push_back(absl::StrCat(prefix, "*"));
    writer.Add({token.name(),
                RoleText(token.role()),
                prefixes.empty() ? "all" : absl::StrJoin(prefixes, " "),
                token.role() == v1::ACCESS_ROLE_OBSERVE && !token.payloads() ? "hidden" : "",
                token.has_created_at() ? session.Local(ToTime(token.created_at())) : "",
                {Expiry(session, token), over ? Color::kRed : Color::kNone},
                token.has_old_until() ? session.Local(ToTime(token.old_until())) : ""},
               token);
  }
  return writer.Finish("no tokens");
}

struct RotateArguments {
  std::string name, keep_old, expires;
};

ExitCode RunRotateToken(Session& session, const RotateArguments& arguments) {
  v1::RotateTokenRequest request;
  request.set_name(arguments.name);
  absl::Status length =
      ParseLength("--keep-old", arguments.keep_old, [&request] { return request.mutable_keep_old(); });
  if (length.ok()) {
    length = ParseLength("--expires", arguments.expires, [&request] { return request.mutable_expires_in(); });
  }
  if (!length.ok()) return session.Fail(length);
  const absl::StatusOr<v1::RotateTokenResponse> response =
      session.broker().RotateToken(request, session.call_timeout());
  return response.ok() ? ShowText(session, *response, "rotated") : session.Fail(response.status());
}

ExitCode RunRevokeToken(Session& session, const std::string& name) {
  v1::RevokeTokenRequest request;
  request.set_name(name);
  const absl::Status status = session.broker().RevokeToken(request, session.call_timeout());
  if (!status.ok()) return session.Fail(status);
  if (!session.is_table()) return session.Print(Json{{"name", name}, {"revoked", true}});
  session.environment().out << "token " << name << " is revoked\n";
  return ExitCode::kOk;
}

void AddTokenName(CLI::App& command, std::string& name) {
  command.add_option("name", name, "Of the token; whatever is done with it is told under this name")
      ->required()
      ->type_name("NAME");
}

void AddCreateToken(CommandTable& commands, CLI::App& parent) {
  auto arguments = std::make_shared<CreateTokenArguments>();
  CLI::App& command =
      commands.AddBelow(parent, "create", "Makes an access token and prints it, this once",
                        "  baton token create billing --role submit --type-prefix invoice. --expires 90d\n"
                        "  baton token create worker-7 --role work > worker-7.token\n",
                        [arguments](Session& session) { return RunCreateToken(session, *arguments); });
  AddTokenName(command, arguments->name);
  command.add_option("--role", arguments->role, "What it may do; `batond --print-access` has the calls of each role")
      ->required()
      ->type_name("submit|work|observe|operate");
  command.add_option("--type-prefix", arguments->prefixes, "Only task types that begin so; may be repeated")
      ->allow_extra_args(false)
      ->type_name("PREFIX");
  command.add_flag("--payloads", arguments->payloads,
                   "Role observe: it may see payloads, results and metadata of reports too");
  command.add_option("--expires", arguments->expires, "How long it is valid, such as 90d (default: for ever)")
      ->type_name("DURATION");
  RefuseEmptyValues(command);
}

void AddRotateToken(CommandTable& commands, CLI::App& parent) {
  auto arguments = std::make_shared<RotateArguments>();
  CLI::App& command = commands.AddBelow(parent, "rotate", "Gives a token another text and prints it, this once",
                                        "  baton token rotate worker-7 --keep-old 1h > worker-7.token\n",
                                        [arguments](Session& session) { return RunRotateToken(session, *arguments); });
  AddTokenName(command, arguments->name);
  command
      .add_option("--keep-old", arguments->keep_old,
                  "How long the old text stays valid, at most 30d (default: it ends at once)")
      ->type_name("DURATION");
  command
      .add_option("--expires", arguments->expires,
                  "How long the new text is valid (default: as long as the old one was made for)")
      ->type_name("DURATION");
  RefuseEmptyValues(command);
}

void AddRevokeToken(CommandTable& commands, CLI::App& parent) {
  auto name = std::make_shared<std::string>();
  CLI::App& command = commands.AddBelow(parent, "revoke", "Ends a token at once, and the streams opened with it",
                                        "  baton token revoke worker-7\n",
                                        [name](Session& session) { return RunRevokeToken(session, *name); });
  AddTokenName(command, *name);
}

}  // namespace

void AddTokenCommand(CommandTable& commands) {
  CLI::App& token = commands.Add("token", "Administers the access tokens of a broker that has access.tokens_file set",
                                 "  baton token list\n", RunListTokens);
  AddCreateToken(commands, token);
  commands.AddBelow(token, "list", "Lists the tokens, never their texts", "  baton token list -o json\n",
                    RunListTokens);
  AddRotateToken(commands, token);
  AddRevokeToken(commands, token);
}

}  // namespace baton::cli
