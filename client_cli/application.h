// The command line as a function.
#pragma once

#include <string>
#include <vector>

#include "client_cli/environment.h"
#include "client_cli/exit_code.h"

namespace baton::cli {

// Runs the command that `arguments` (without the program's name) describe.
ExitCode RunCommandLine(std::vector<std::string> arguments, const Environment& environment);

}  // namespace baton::cli
