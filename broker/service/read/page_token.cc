#include "broker/service/read/page_token.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "broker/base/hash.h"
#include "broker/base/utf8.h"

namespace baton::service {
namespace {

void AppendNumber(uint64_t number, std::string* bytes) {
  for (int shift = 56; shift >= 0; shift -= 8) bytes->push_back(static_cast<char>(number >> shift));
}

uint64_t NumberAt(absl::string_view bytes, size_t at) {
  uint64_t number = 0;
  for (size_t i = at; i < at + 8; ++i) number = number << 8 | static_cast<uint8_t>(bytes[i]);
  return number;
}

// Ties the position to its list, so that neither a mistyped token nor one of another list is taken for a position.
uint64_t Seal(absl::string_view list, absl::string_view position) {
  return HashOf(absl::StrCat(list.size(), " ", list, position)).low;
}

Error BadToken(absl::string_view token) {
  return InvalidArgument("BAD_PAGE_TOKEN",
                         absl::StrCat("page_token '", EscapeText(CutUtf8(token, 200)),
                                      "' is not from this list: pass next_page_token of the previous page with the "
                                      "same filter, or leave it empty to start over"));
}

}  // namespace

std::string EncodePageToken(absl::string_view list, absl::string_view position) {
  std::string bytes(position);
  AppendNumber(Seal(list, position), &bytes);
  return absl::WebSafeBase64Escape(bytes);
}

Error DecodePageToken(absl::string_view list, absl::string_view token, std::string* position) {
  if (!absl::WebSafeBase64Unescape(token, position) || position->size() < 8) return BadToken(token);
  const size_t size = position->size() - 8;
  const uint64_t seal = NumberAt(*position, size);
  position->resize(size);
  return seal == Seal(list, *position) ? Error() : BadToken(token);
}

std::string EncodePageToken(absl::string_view list, const std::vector<uint64_t>& position) {
  std::string bytes;
  for (const uint64_t number : position) AppendNumber(number, &bytes);
  return EncodePageToken(list, bytes);
}

Error DecodePageToken(absl::string_view list, absl::string_view token, size_t count, std::vector<uint64_t>* position) {
  std::string bytes;
  if (Error error = DecodePageToken(list, token, &bytes); !error.ok()) return error;
  if (bytes.size() != 8 * count) return BadToken(token);
  position->clear();
  for (size_t i = 0; i < count; ++i) position->push_back(NumberAt(bytes, 8 * i));
  return {};
}

Error ResolvePageSize(int32_t page_size, int32_t default_size, int32_t max_size, size_t* size) {
  if (page_size < 0 || page_size > max_size) {
    return InvalidArgument(
        "PAGE_SIZE", absl::StrCat("page_size is ", page_size, ": use 1 to ", max_size, ", or 0 for ", default_size));
  }
  *size = static_cast<size_t>(page_size == 0 ? default_size : page_size);
  return {};
}

}  // namespace baton::service
