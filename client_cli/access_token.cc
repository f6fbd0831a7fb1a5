#include "client_cli/access_token.h"

#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "client_cli/text/payload_text.h"
#include "worker_sdk/src/access_token.h"

namespace baton::cli {
namespace {

// `source` is what is told of it: nobody is shown the text.
absl::StatusOr<std::string> ParseToken(const std::string& source, const std::string& text) {
  std::string token(absl::StripAsciiWhitespace(text));
  if (internal::IsTokenText(token)) return token;
  return absl::InvalidArgumentError(
      absl::StrCat(source, " is to have one access token and nothing else, as `baton token create` prints it"));
}

absl::StatusOr<std::string> ReadToken(const std::string& option, const std::string& file) {
  absl::StatusOr<std::string> text = ReadFile(option, file);
  if (!text.ok()) return text.status();
  return ParseToken(absl::StrCat(option, ": ", file), *text);
}

absl::StatusOr<AccessTokenSource> FromFile(const std::string& option, const std::string& file) {
  absl::StatusOr<std::string> token = ReadToken(option, file);
  if (!token.ok()) return token.status();
  return [option, file, last = std::make_shared<std::string>(*std::move(token))] {
    // One that is being replaced may be missing for a moment.
    if (absl::StatusOr<std::string> read = ReadToken(option, file); read.ok()) *last = *std::move(read);
    return *last;
  };
}

}  // namespace

absl::StatusOr<AccessTokenSource> FindAccessToken(const std::string& flag, const std::string& profile,
                                                  const Environment& environment) {
  if (!flag.empty()) return FromFile("--token-file", flag);
  if (!profile.empty()) return FromFile("token_file of the profile", profile);
  if (environment.access_token_variable.has_value()) {
    absl::StatusOr<std::string> token = ParseToken("BATON_ACCESS_TOKEN", *environment.access_token_variable);
    if (!token.ok()) return token.status();
    return [token = *std::move(token)] { return token; };
  }
  if (!environment.access_token_file_variable.has_value()) return AccessTokenSource();
  return FromFile("BATON_ACCESS_TOKEN_FILE", *environment.access_token_file_variable);
}

absl::Status CheckTokenMayTravel(absl::string_view address, bool is_encrypted) {
  if (is_encrypted || internal::IsThisMachine(address)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("broker address: ", address,
                   " is on another machine and the connection is not encrypted, so that the "
                   "access token could be read on the way: use TLS, or an SSH tunnel to 127.0.0.1, or no token"));
}

}  // namespace baton::cli
