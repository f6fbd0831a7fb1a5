// Live workers, all pages of them.
#pragma once

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "baton/v1/admin.pb.h"
#include "client_cli/broker_client.h"

namespace baton::cli {

// Those that match, the one that has been here longest first; next_page_token is empty. Each page may take `timeout`.
absl::StatusOr<v1::ListWorkersResponse> ListAllWorkers(Broker& broker, const v1::WorkerFilter& filter,
                                                       absl::Duration timeout);

}  // namespace baton::cli
