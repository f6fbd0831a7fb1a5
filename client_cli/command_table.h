// The commands, each in a file of its own under commands/.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "client_cli/exit_code.h"
#include "client_cli/session.h"

namespace baton::cli {

class CommandTable {
 public:
  using Run = std::function<ExitCode(Session&)>;

  // `root` must outlive the table.
  explicit CommandTable(CLI::App& root) : root_(root) {}

  // Adds a command; the caller adds its options to what is returned. Global options may follow the command's name.
  CLI::App& Add(const std::string& name, const std::string& description, const std::string& examples, Run run) {
    return AddBelow(root_, name, description, examples, std::move(run));
  }

  // The same below another command: `baton PARENT NAME`.
  CLI::App& AddBelow(CLI::App& parent, const std::string& name, const std::string& description,
                     const std::string& examples, Run run) {
    CLI::App* command = parent.add_subcommand(name, description);
    command->fallthrough();
    command->footer("\nExamples:\n" + examples + "\nGlobal options and exit codes: baton --help");
    commands_.emplace_back(command, std::move(run));
    return *command;
  }

  // The command that was parsed, the lowest one; null without one.
  const Run* Parsed() const {
    const Run* parsed = nullptr;
    for (const auto& [command, run] : commands_) {
      if (command->parsed()) parsed = &run;
    }
    return parsed;
  }

 private:
  CLI::App& root_;
  std::vector<std::pair<CLI::App*, Run>> commands_;
};

void AddSubmitCommand(CommandTable& commands);
void AddGetCommand(CommandTable& commands);
void AddExplainCommand(CommandTable& commands);
void AddResultCommand(CommandTable& commands);
void AddWaitCommand(CommandTable& commands);
void AddWatchCommand(CommandTable& commands);
void AddCancelCommand(CommandTable& commands);
void AddResumeCommand(CommandTable& commands);
void AddApprovalsCommand(CommandTable& commands);
void AddApproveCommand(CommandTable& commands);
void AddRejectCommand(CommandTable& commands);
void AddPauseCommand(CommandTable& commands);
void AddUnpauseCommand(CommandTable& commands);
void AddRetentionCommand(CommandTable& commands);
void AddRetryCommand(CommandTable& commands);
void AddDeleteCommand(CommandTable& commands);
void AddBulkCommand(CommandTable& commands);
void AddTreeCommand(CommandTable& commands);
void AddListCommand(CommandTable& commands);
void AddEventsCommand(CommandTable& commands);
void AddAttemptsCommand(CommandTable& commands);
void AddAuditCommand(CommandTable& commands);
void AddSummaryCommand(CommandTable& commands);
void AddWorkersCommand(CommandTable& commands);
void AddTypesCommand(CommandTable& commands);
void AddScheduleCommand(CommandTable& commands);
void AddStatsCommand(CommandTable& commands);
void AddTokenCommand(CommandTable& commands);
void AddTopCommand(CommandTable& commands);
void AddBackupCommand(CommandTable& commands);
void AddBackupsCommand(CommandTable& commands);
void AddCompleteCommand(CommandTable& commands);
void AddInfoCommand(CommandTable& commands);
void AddProfilesCommand(CommandTable& commands);
void AddDoctorCommand(CommandTable& commands);
void AddVersionCommand(CommandTable& commands);

}  // namespace baton::cli
