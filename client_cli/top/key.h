// Keys as a terminal sends them.
#pragma once

#include <string>
#include <vector>

namespace baton::cli::top {

// A printable ASCII character is its own key.
using Key = int;
inline constexpr Key kKeyUp = 256;
inline constexpr Key kKeyDown = 257;
inline constexpr Key kKeyPageUp = 258;
inline constexpr Key kKeyPageDown = 259;
inline constexpr Key kKeyFirst = 260;
inline constexpr Key kKeyLast = 261;
inline constexpr Key kKeyEnter = 262;
inline constexpr Key kKeyBack = 263;
inline constexpr Key kKeyOther = 264;

// Takes the keys off the front of `bytes`. What may be the begin of a sequence stays there, unless `complete`: nothing
// follows. Esc alone is kKeyBack; a sequence that means nothing here is one kKeyOther.
std::vector<Key> TakeKeys(std::string& bytes, bool complete);

}  // namespace baton::cli::top
