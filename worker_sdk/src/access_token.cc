#include "worker_sdk/src/access_token.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "worker_sdk/src/convert.h"

namespace baton::inline sdk {
namespace internal {
namespace {

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

bool IsTokenText(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || absl::StrContains("-._~+/=", c);
  });
}

absl::StatusOr<std::string> AccessToken::TextFor(absl::string_view address, bool is_encrypted) {
  if (!is_encrypted && !IsThisMachine(address)) {
    return MakeStatus(static_cast<int>(absl::StatusCode::kFailedPrecondition),
                      absl::StrCat(source_, ": the broker at ", address,
                                   " is on another machine and the connection is not encrypted, so that the access "
                                   "token could be read on the way: use TLS, or an SSH tunnel to 127.0.0.1"),
                      "TOKEN_WOULD_BE_EXPOSED", absl::ZeroDuration());
  }
  absl::MutexLock lock(&mutex_);
  if (text_.empty()) {
    if (absl::Status read = ReadLocked(); !read.ok()) return read;
  }
  if (IsTokenText(text_)) return text_;
  return absl::InvalidArgumentError(
      absl::StrCat(source_, file_.empty() ? "" : absl::StrCat(" (", file_, ")"),
                   " is not an access token: give it as `baton token create` prints it, and nothing else"));
}

void AccessToken::Refresh() {
  absl::MutexLock lock(&mutex_);
  ReadLocked().IgnoreError();
}

bool AccessToken::Replaced(absl::string_view text) {
  absl::MutexLock lock(&mutex_);
  ReadLocked().IgnoreError();
  return text_ != text;
}

absl::Status AccessToken::ReadLocked() {
  if (file_.empty()) return absl::OkStatus();
  errno = 0;
  std::ifstream file(file_);
  std::ostringstream content;
  // Opening a folder succeeds, reading from it does not.
  if (file.is_open() && file.peek() != std::ifstream::traits_type::eof()) content << file.rdbuf();
  const std::string text(absl::StripAsciiWhitespace(content.str()));
  if (!text.empty()) {
    text_ = text;
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(source_, ": cannot read an access token from ", file_, ": ",
                                                 errno == 0 ? "it is empty" : std::strerror(errno)));
}

std::shared_ptr<AccessToken> FindAccessToken(const std::string& text, const std::string& file) {
  const auto of_text = [](const char* source, const std::string& given) {
    return std::make_shared<AccessToken>(source, std::string(absl::StripAsciiWhitespace(given)), "");
  };
  if (!text.empty()) return of_text("access_token", text);
  if (!file.empty()) return std::make_shared<AccessToken>("access_token_file", "", file);
  const std::string text_variable = Variable("BATON_ACCESS_TOKEN");
  if (!text_variable.empty()) return of_text("BATON_ACCESS_TOKEN", text_variable);
  const std::string file_variable = Variable("BATON_ACCESS_TOKEN_FILE");
  if (file_variable.empty()) return nullptr;
  return std::make_shared<AccessToken>("BATON_ACCESS_TOKEN_FILE", "", file_variable);
}

bool IsThisMachine(absl::string_view address) {
  if (absl::StartsWith(address, "unix:") || absl::StartsWith(address, "[::1]:")) return true;
  const absl::string_view host = address.substr(0, address.rfind(':'));
  return host == "localhost" ||
         (absl::StartsWith(host, "127.") && host.find_first_not_of("0123456789.") == absl::string_view::npos);
}

}  // namespace internal
}  // namespace baton::inline sdk
