#include "client_cli/application.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "client_cli/access_token.h"
#include "client_cli/command_table.h"
#include "client_cli/commands/filter_options.h"
#include "client_cli/text/duration_text.h"
#include "client_cli/text/nearest.h"
#include "client_cli/text/style.h"
#include "worker_sdk/src/text.h"
#include "worker_sdk/src/tls_files.h"

namespace baton::cli {
namespace {

// The global options as they were written.
struct GlobalArguments {
  ConnectionFlags connection;
  bool encrypt = false;
  TlsOptions tls;
  std::string token_file;
  std::string format = "table";
  std::string timeout;
  bool no_color = false;
  bool raw = false;
};

// Any of them has the connection encrypted.
void AddTlsOptions(CLI::App& root, GlobalArguments& arguments) {
  root.add_flag("--tls", arguments.encrypt, "Encrypt the connection, as tls:// in front of the address does");
  root.add_option("--tls-ca", arguments.tls.ca,
                  "CAs one of which has issued the broker's certificate, PEM (or BATON_TLS_CA; default those that the "
                  "system trusts)")
      ->type_name("FILE");
  root.add_option("--tls-cert", arguments.tls.certificate,
                  "Certificate to show to a broker that asks, PEM (or BATON_TLS_CERT)")
      ->type_name("FILE");
  root.add_option("--tls-key", arguments.tls.key, "Its key, PEM (or BATON_TLS_KEY)")->type_name("FILE");
  root.add_option("--tls-server-name", arguments.tls.server_name,
                  "Name that the broker's certificate must have (or BATON_TLS_SERVER_NAME; default the host of the "
                  "address)")
      ->type_name("NAME");
}

void AddGlobalOptions(CLI::App& root, GlobalArguments& arguments) {
  root.add_option("--broker", arguments.connection.broker,
                  absl::StrCat("Broker to ask, HOST:PORT, tls://HOST:PORT or unix:PATH (or BATON_BROKER; default ",
                               kDefaultAddress, "); of several with commas between them, the first that answers"))
      ->type_name("ADDRESS");
  root.add_option("--profile", arguments.connection.profile,
                  "Broker to ask, by its name in ~/.config/baton/config.toml (or BATON_PROFILE; see `baton profiles`)")
      ->type_name("NAME");
  AddTlsOptions(root, arguments);
  root.add_option("--token-file", arguments.token_file,
                  "File with the access token, for a broker with access control (or BATON_ACCESS_TOKEN_FILE, or the "
                  "token itself in BATON_ACCESS_TOKEN)")
      ->type_name("FILE");
  root.add_option("-o,--format", arguments.format,
                  "table for people, json for one document, jsonl for one object a line (default table)")
      ->type_name("table|json|jsonl");
  root.add_option("--timeout", arguments.timeout,
                  "Longest time to wait, for the broker's answer (default 10s) and for tasks to end (default: no "
                  "limit). Before `submit`: after it, the word means the task's own timeout")
      ->type_name("DURATION");
  root.add_flag("--no-color", arguments.no_color, "No colours on a terminal (or NO_COLOR)");
  root.add_flag("--raw", arguments.raw, "Results as they are on a terminal, too: control characters are not escaped");
  // Another broker would be asked, without the token or the CA that was to be named.
  RefuseEmptyValues(root);
}

void AddCommands(CommandTable& commands) {
  AddSubmitCommand(commands);
  AddGetCommand(commands);
  AddExplainCommand(commands);
  AddResultCommand(commands);
  AddWaitCommand(commands);
  AddWatchCommand(commands);
  AddCancelCommand(commands);
  AddResumeCommand(commands);
  AddApprovalsCommand(commands);
  AddApproveCommand(commands);
  AddRejectCommand(commands);
  AddPauseCommand(commands);
  AddUnpauseCommand(commands);
  AddRetentionCommand(commands);
  AddRetryCommand(commands);
  AddDeleteCommand(commands);
  AddBulkCommand(commands);
  AddListCommand(commands);
  AddTreeCommand(commands);
  AddEventsCommand(commands);
  AddAttemptsCommand(commands);
  AddAuditCommand(commands);
  AddSummaryCommand(commands);
  AddWorkersCommand(commands);
  AddTypesCommand(commands);
  AddScheduleCommand(commands);
  AddStatsCommand(commands);
  AddTopCommand(commands);
  AddTokenCommand(commands);
  AddBackupCommand(commands);
  AddBackupsCommand(commands);
  AddCompleteCommand(commands);
  AddInfoCommand(commands);
  AddProfilesCommand(commands);
  AddDoctorCommand(commands);
  AddVersionCommand(commands);
}

absl::StatusOr<OutputFormat> ParseFormat(const std::string& text) {
  if (text == "table") return OutputFormat::kTable;
  if (text == "json") return OutputFormat::kJson;
  if (text == "jsonl") return OutputFormat::kJsonLines;
  return absl::InvalidArgumentError(
      absl::StrCat("--format: unknown format \"", Printable(text), "\"; it is one of table, json, jsonl"));
}

// Of each, what the command line says, else the profile in force, else the environment.
TlsOptions ResolveTls(TlsOptions flags, const TlsOptions& profile) {
  if (flags.ca.empty()) flags.ca = profile.ca;
  if (flags.server_name.empty()) flags.server_name = profile.server_name;
  if (flags.certificate.empty() && flags.key.empty()) {
    flags.certificate = profile.certificate;
    flags.key = profile.key;
  }
  return internal::CompleteTls(std::move(flags));
}

// Once the address is resolved.
absl::Status ResolveToken(const std::string& flag, const Environment& environment, GlobalOptions* options) {
  absl::StatusOr<AccessTokenSource> token = FindAccessToken(flag, options->connection.token_file, environment);
  if (!token.ok()) return token.status();
  options->access_token = *std::move(token);
  if (options->access_token == nullptr) return absl::OkStatus();
  for (const absl::string_view address : absl::StrSplit(options->connection.address, ',')) {
    absl::Status may_travel = CheckTokenMayTravel(address, IsEncrypted(address));
    if (!may_travel.ok()) return may_travel;
  }
  return absl::OkStatus();
}

absl::Status ResolveConnection(const GlobalArguments& arguments, const Environment& environment,
                               GlobalOptions* options) {
  absl::StatusOr<ConnectionChoice> choice = ChooseConnection(arguments.connection, environment);
  if (!choice.ok()) return choice.status();
  options->tls = ResolveTls(arguments.tls, choice->tls);
  absl::StatusOr<std::string> address = EncryptAddress(choice->address, options->tls, arguments.encrypt);
  if (!address.ok()) return address.status();
  choice->address = *std::move(address);
  options->connection = *std::move(choice);
  return ResolveToken(arguments.token_file, environment, options);
}

absl::StatusOr<GlobalOptions> Resolve(const GlobalArguments& arguments, const Environment& environment) {
  GlobalOptions options;
  options.no_color = arguments.no_color;
  options.raw = arguments.raw;
  absl::StatusOr<OutputFormat> format = ParseFormat(arguments.format);
  if (!format.ok()) return format.status();
  options.format = *format;
  if (absl::Status status = ResolveConnection(arguments, environment, &options); !status.ok()) return status;
  if (!arguments.timeout.empty()) {
    absl::StatusOr<int64_t> timeout = ParseDuration("--timeout", arguments.timeout);
    if (!timeout.ok()) return timeout.status();
    if (*timeout == 0)
      return absl::InvalidArgumentError("--timeout: 0 leaves no time to answer; leave it out, or 1ms up");
    options.timeout = absl::Microseconds(*timeout);
  }
  return options;
}

bool IsListed(const CLI::App* command) { return !command->get_group().empty() && !command->get_name().empty(); }

void AppendName(std::string* out, const CLI::App* command) { absl::StrAppend(out, command->get_name()); }

// The program, the command that was parsed, and those below it that were.
std::vector<const CLI::App*> ParsedCommands(const CLI::App& root) {
  std::vector<const CLI::App*> commands = {&root};
  for (auto below = root.get_subcommands(); !below.empty(); below = below.front()->get_subcommands()) {
    commands.push_back(below.front());
  }
  return commands;
}

// Which command was meant by a word that is the name of none. `command` is the last one that was recognized, `words` is
// how it was written. Empty: no name is near.
std::string SuggestCommand(const CLI::App& root, const CLI::App& command, const std::string& words) {
  const std::vector<std::string> rest = root.remaining();
  if (rest.empty() || absl::StartsWith(rest[0], "-")) return "";
  std::vector<std::string> names;
  for (const CLI::App* below : command.get_subcommands(IsListed)) names.push_back(below->get_name());
  const std::string meant = NearestMeant(rest[0], names);
  return meant.empty() ? "" : absl::StrCat("\nDid you mean `", words, " ", meant, "`?");
}

// No command was recognized: say which word was taken for one, and which there are.
std::string DescribeMissingCommand(const CLI::App& root) {
  std::string commands = absl::StrJoin(root.get_subcommands(IsListed), ", ", AppendName);
  std::vector<std::string> rest = root.remaining();
  std::string mistake =
      rest.empty() ? "a command is missing" : absl::StrCat("unknown command or option \"", Printable(rest[0]), "\"");
  return absl::StrCat(mistake, "; the commands are ", commands);
}

// The parser signals --help, --version and mistakes alike.
ExitCode Report(const CLI::App& root, const CLI::ParseError& error, const Environment& environment) {
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
    root.exit(error, environment.out, environment.err);
    return ExitCode::kOk;
  }
  const std::vector<const CLI::App*> parsed = ParsedCommands(root);
  const std::string words = absl::StrJoin(parsed, " ", AppendName);
  const bool none = parsed.size() == 1;
  std::string mistake = none && error.get_exit_code() == static_cast<int>(CLI::ExitCodes::RequiredError)
                            ? DescribeMissingCommand(root)
                            : Printable(error.what());
  absl::StrAppend(&mistake, SuggestCommand(root, *parsed.back(), words));
  if (words == "baton submit" && error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError)) {
    mistake += "\nA payload is given by --data or --json.";
  }
  environment.err << words << ": " << mistake << "\nSee `" << words << " --help`." << std::endl;
  return ExitCode::kBadInput;
}

// The parser would take the next word as the value of `--option=`, and an unset variable of a script would so swallow
// the
// `--dry-run` behind it.
absl::Status CheckValues(const std::vector<std::string>& arguments) {
  for (const std::string& word : arguments) {
    if (word == "--") break;
    const bool is_long = absl::StartsWith(word, "--") && word.find('=') == word.size() - 1;
    if (!is_long) continue;
    const std::string option = Printable(word.substr(0, word.size() - 1));
    return absl::InvalidArgumentError(
        absl::StrCat(option, ": nothing follows the =; write ", option, " '' if it is to be empty, or leave it out"));
  }
  return absl::OkStatus();
}

// Payloads and paths are taken byte for byte; and completion is asked about whatever was typed.
bool MayBeBytes(const CLI::Option& option) {
  const std::string kind = option.get_type_name();
  return absl::StrContains(kind, "FILE") || kind == "DIR" || kind == "ADDRESS" || kind == "WORD";
}

// Everything else travels in messages that take nothing but UTF-8, and are refused as a whole for anything else.
absl::Status CheckEncoding(const CLI::App& root) {
  const auto was_parsed = [](const CLI::App* below) { return below->parsed() || below->get_name().empty(); };
  std::vector<const CLI::App*> parsed = {&root};
  for (size_t i = 0; i < parsed.size(); ++i) {
    for (const CLI::App* below : parsed[i]->get_subcommands(was_parsed)) parsed.push_back(below);
    for (const CLI::Option* option : parsed[i]->get_options()) {
      for (const std::string& value : option->results()) {
        if (MayBeBytes(*option) || internal::IsUtf8(value)) continue;
        return absl::InvalidArgumentError(
            absl::StrCat(option->get_name(), ": \"", Printable(value),
                         "\" is not UTF-8; the encoding of the terminal, or of the script, has to be UTF-8"));
      }
    }
  }
  return absl::OkStatus();
}

// The last chance to notice that the reader of standard output is gone or its disk is full.
ExitCode Finish(ExitCode code, const Environment& environment) {
  environment.out.flush();
  if (environment.out) return code;
  environment.err << "baton: cannot write to standard output: the answer is not complete" << std::endl;
  return code == ExitCode::kOk ? ExitCode::kOther : code;
}

}  // namespace

ExitCode RunCommandLine(std::vector<std::string> arguments, const Environment& environment) {
  if (const absl::Status values = CheckValues(arguments); !values.ok()) {
    return Session(environment, GlobalOptions()).Fail(values);
  }
  CLI::App root("Submits tasks to a Baton broker and looks at tasks, workers and history.", "baton");
  GlobalArguments globals;
  root.set_version_flag("--version", "baton " + environment.version);
  AddGlobalOptions(root, globals);
  CommandTable commands(root);
  AddCommands(commands);
  root.require_subcommand(1);
  root.footer(absl::StrCat(
      "\nDurations are written 500ms, 3s, 5m, 2h, 1d, 1h30m. Each command: baton COMMAND --help\n\n", kExitCodeHelp));
  try {
    std::reverse(arguments.begin(), arguments.end());  // as CLI11 takes them
    root.parse(std::move(arguments));
  } catch (const CLI::ParseError& error) {
    return Finish(Report(root, error, environment), environment);
  }
  if (const absl::Status encoding = CheckEncoding(root); !encoding.ok()) {
    return Session(environment, GlobalOptions()).Fail(encoding);
  }
  absl::StatusOr<GlobalOptions> options = Resolve(globals, environment);
  if (!options.ok()) return Session(environment, GlobalOptions()).Fail(options.status());
  Session session(environment, *std::move(options));
  return Finish((*commands.Parsed())(session), environment);
}

}  // namespace baton::cli
