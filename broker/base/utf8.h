#ifndef BATON_BROKER_BASE_UTF8_H_
#define BATON_BROKER_BASE_UTF8_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace baton {

// Whether it is text that a protobuf string, or a TOML file, can hold.
bool IsUtf8(absl::string_view text);

// Bytes of the character that `text` begins with, which must not be empty; 0: there is none.
size_t CharacterLength(absl::string_view text);

// Bytes of the control character at the start of valid UTF-8, also of one that separates lines or turns the direction
// of text; 0: none is there.
size_t ControlLength(absl::string_view text);

// As absl::CHexEscape, but characters beyond ASCII that are no controls stay as they are, so that people can read what
// they have written. The result is valid UTF-8, whatever the bytes.
std::string EscapeText(absl::string_view text);

// The first `limit` bytes at most, without a part of a character at the end.
absl::string_view CutUtf8(absl::string_view text, size_t limit);

}  // namespace baton

#endif  // BATON_BROKER_BASE_UTF8_H_
