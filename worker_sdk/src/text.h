// Text on its way to the wire. Protobuf refuses a whole message for one string that is not UTF-8, so what users and
// exceptions provide is looked at first.
#ifndef BATON_WORKER_SDK_TEXT_H_
#define BATON_WORKER_SDK_TEXT_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace baton::inline sdk {
namespace internal {

bool IsUtf8(std::string_view text);

// `text` with every byte that is not part of valid UTF-8 replaced by '?', and cut at a character boundary to at most
// `limit` bytes, with a mark at the end where it was cut.
std::string CleanText(std::string text, size_t limit);

std::string_view Trimmed(std::string_view text);

// 1 to `limit` bytes of [A-Za-z0-9_.:/-].
bool IsName(std::string_view text, size_t limit);

// One well-formed JSON object in UTF-8.
bool IsJsonObject(const std::string& text);

}  // namespace internal
}  // namespace baton::inline sdk

#endif  // BATON_WORKER_SDK_TEXT_H_
