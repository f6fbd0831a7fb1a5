// The file with the access tokens of a broker (setting access.tokens_file): TOML, one table [[token]] for each. It has
// hashes, no secrets, but whoever can write it can let himself in, and whoever can read it learns who may do what: only
// its owner may do either (mode 0600).
#ifndef BATON_BROKER_SERVER_ACCESS_TOKEN_FILE_H_
#define BATON_BROKER_SERVER_ACCESS_TOKEN_FILE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "broker/server/access/token.h"

namespace baton::server {

inline constexpr size_t kTokenNameBytes = 64;
inline constexpr size_t kTokenPrefixes = 16;

// Whether a token may have this name, these prefixes, and see payloads in this role. INVALID_ARGUMENT saying what is
// wrong and allowed, beginning with the name of the field.
absl::Status CheckTokenName(absl::string_view name);
absl::Status CheckTypePrefixes(const std::vector<std::string>& prefixes);
absl::Status CheckPayloadsRight(Role role, bool payloads);

// In the order of the text. INVALID_ARGUMENT in one line, naming `file` and the line.
absl::StatusOr<std::vector<Token>> ParseTokens(const std::string& toml, const std::string& file);
std::string TokensToToml(const std::vector<Token>& tokens);

// NOT_FOUND there is no such file; PERMISSION_DENIED it cannot be read, or others than its owner can;
// INVALID_ARGUMENT as ParseTokens.
absl::StatusOr<std::vector<Token>> ReadTokensFile(const std::string& path);
// Replaces the file as a whole: whatever happens, it has the old text or the new one, and after OK the new one is on
// disk. UNAVAILABLE saying what failed.
absl::Status WriteTokensFile(const std::string& path, const std::vector<Token>& tokens);

}  // namespace baton::server

#endif  // BATON_BROKER_SERVER_ACCESS_TOKEN_FILE_H_
