// How the result of an ended task is printed.
#pragma once

#include <vector>

#include "baton/v1/task.pb.h"
#include "client_cli/exit_code.h"
#include "client_cli/session.h"

namespace baton::cli {

// The result of an ended task: its bytes as they are (on a terminal only with --raw), or the whole task as JSON with -o
// json. Without a result the reason goes to standard error, and the exit code is kTaskDidNotComplete.
ExitCode PrintResult(Session& session, const v1::Task& task);

// Tells on standard error that the access token may not see the result.
ExitCode ReportHidden(Session& session, const v1::Task& task);

// Several ended tasks: a row or an object for each; kTaskDidNotComplete if any did not complete.
ExitCode PrintEnded(Session& session, const std::vector<v1::Task>& tasks);

// Tells on standard error why an ended task has no result; kOk for a completed one.
ExitCode ReportIfNotCompleted(Session& session, const v1::Task& task);

}  // namespace baton::cli
