// Which of some words somebody meant who wrote another one.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace baton::cli {

// The one of `names` that fewest changes of letters lead to from `word`; of several, the first one. Empty without
// names.
std::string Nearest(absl::string_view word, const std::vector<std::string>& names);

}  // namespace baton::cli
