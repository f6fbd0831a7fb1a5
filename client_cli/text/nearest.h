// Which of some words somebody meant who wrote another one.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace baton::cli {

// The one of `names` that fewest changes of letters lead to from `word`; of several, the first one. Empty without
// names.
std::string Nearest(absl::string_view word, const std::vector<std::string>& names);

// The same, if it is near enough to be what was meant: a third of the letters of `word` may be wrong, and one in any
// case. Else empty.
std::string NearestMeant(absl::string_view word, const std::vector<std::string>& names);

}  // namespace baton::cli
