// The access token that this program shows to brokers with access control.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client_cli/environment.h"

namespace baton::cli {

// Answers the text of the token for each call anew, so that a file that is replaced is taken over; empty: none.
using AccessTokenSource = std::function<std::string()>;

// Of `flag` (the file of --token-file), else of the file that the profile in force names, else of BATON_ACCESS_TOKEN,
// else of the file named by BATON_ACCESS_TOKEN_FILE; null if there is none of them. INVALID_ARGUMENT the file cannot be
// read, or is empty.
absl::StatusOr<AccessTokenSource> FindAccessToken(const std::string& flag, const std::string& profile,
                                                  const Environment& environment);

// A token is worth as much as a password: over a connection that is not encrypted it goes to this machine only.
// INVALID_ARGUMENT naming the address.
absl::Status CheckTokenMayTravel(absl::string_view address, bool is_encrypted);

}  // namespace baton::cli
