// The options of `baton submit` on the command line.
#pragma once

#include "CLI/CLI.hpp"
#include "client_cli/commands/submit_input.h"

namespace baton::cli {

// `arguments` must outlive `command`.
void AddSubmitOptions(CLI::App& command, SubmitArguments& arguments);

// Those of the task that a schedule creates.
void AddScheduledTaskOptions(CLI::App& command, SubmitArguments& arguments);

}  // namespace baton::cli
