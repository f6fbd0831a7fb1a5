// Asks a broker for everything that `baton doctor` judges by.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client_cli/doctor/facts.h"
#include "client_cli/doctor/finding.h"
#include "client_cli/session.h"

namespace baton::cli::doctor {

// The settings of a broker out of its settings_toml. A value that cannot be read, of a newer broker, is left at its
// default.
BrokerSettings ReadSettings(const std::string& settings_toml);

// Fails only if the broker does not even say what it is; whatever else it does not answer is told in `not_checked`.
absl::StatusOr<Facts> Examine(Session& session, std::vector<NotChecked>* not_checked);

// Why a broker cannot be asked at all, and what to do. `status`: not OK, as a call ended.
Finding DescribeUnreachable(const absl::Status& status, const std::string& address);

// What `batond verify` says of the store of a stopped broker. Not OK: it could not be run.
absl::StatusOr<std::vector<Finding>> ExamineStore(const Environment& environment, const std::string& directory);

}  // namespace baton::cli::doctor
