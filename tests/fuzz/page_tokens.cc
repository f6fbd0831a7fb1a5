// Page tokens: what was written is read back by the same list, and nothing else is taken for a position.
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "broker/base/check.h"
#include "broker/service/read/page_token.h"
#include "tests/fuzz/input.h"

namespace baton::fuzz {
namespace {

using service::DecodePageToken;
using service::EncodePageToken;

void CheckRefused(const Error& error, absl::string_view token) {
  BATON_CHECK(error.reason == std::string("BAD_PAGE_TOKEN"), absl::CHexEscape(token));
}

// No input has the seal of a token by chance: one that is read back was written by EncodePageToken.
void CheckForeign(absl::string_view list, absl::string_view token) {
  std::string position;
  const Error error = DecodePageToken(list, token, &position);
  if (!error.ok()) return CheckRefused(error, token);
  // Base64 leaves room for several spellings of the same bytes.
  std::string written, read;
  BATON_CHECK(absl::WebSafeBase64Unescape(EncodePageToken(list, position), &written), position);
  BATON_CHECK(absl::WebSafeBase64Unescape(token, &read), position);
  BATON_CHECK(written == read, absl::CHexEscape(token));
}

void CheckNumbers(absl::string_view list, const std::vector<uint64_t>& numbers) {
  const std::string token = EncodePageToken(list, numbers);
  std::vector<uint64_t> read;
  BATON_CHECK(DecodePageToken(list, token, numbers.size(), &read).ok(), token);
  BATON_CHECK(read == numbers, token);
  CheckRefused(DecodePageToken(list, token, numbers.size() + 1, &read), token);
}

void CheckText(absl::string_view list, absl::string_view text) {
  const std::string token = EncodePageToken(list, text);
  std::string read;
  BATON_CHECK(DecodePageToken(list, token, &read).ok(), token);
  BATON_CHECK(read == text, token);
  CheckRefused(DecodePageToken(std::string(list) + "x", token, &read), token);
}

void CheckPageSize(int32_t size) {
  size_t resolved = 0;
  const Error error = service::ResolvePageSize(size, 100, 1000, &resolved);
  BATON_CHECK(error.ok() == (size >= 0 && size <= 1000), error.message);
  BATON_CHECK(!error.ok() || (resolved >= 1 && resolved <= 1000), std::to_string(resolved));
}

void Run(Input input) {
  const std::string list(input.Bytes(40));
  std::vector<uint64_t> numbers(input.Below(5));
  for (uint64_t& number : numbers) number = input.Number();
  CheckNumbers(list, numbers);
  CheckPageSize(static_cast<int32_t>(input.Number()));
  CheckText(list, input.Bytes(100));
  // A token that somebody has changed a little.
  std::string token = EncodePageToken(list, numbers);
  token[input.Below(token.size())] = static_cast<char>(input.Byte());
  CheckForeign(list, token);
  CheckForeign(list, input.Rest());
}

}  // namespace
}  // namespace baton::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  baton::fuzz::Run(baton::fuzz::Input(data, size));
  return 0;
}
