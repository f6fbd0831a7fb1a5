// baton schedule create
#pragma once

#include "client_cli/command_table.h"

namespace baton::cli {

void AddScheduleCreate(CommandTable& commands, CLI::App& schedule);

}  // namespace baton::cli
