// Jobs of the broker, for the commands that start them.
#pragma once

#include "baton/v1/admin.pb.h"
#include "client_cli/session.h"

namespace baton::cli {

// Starts a job and prints which one it is, or with `wait` what came of it.
ExitCode RunJob(Session& session, const v1::StartJobRequest& request, bool wait);

}  // namespace baton::cli
