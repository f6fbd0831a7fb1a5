#include "client_cli/text/nearest.h"

#include <algorithm>
#include <numeric>

namespace baton::cli {
namespace {

// How many letters have to be put in, taken out or replaced to make one of the other.
size_t ChangesBetween(absl::string_view from, absl::string_view to) {
  std::vector<size_t> changes(to.size() + 1);
  std::iota(changes.begin(), changes.end(), size_t{0});
  for (size_t i = 0; i < from.size(); ++i) {
    size_t before = changes[0];
    changes[0] = i + 1;
    for (size_t j = 0; j < to.size(); ++j) {
      const size_t replaced = before + (from[i] == to[j] ? 0 : 1);
      before = changes[j + 1];
      changes[j + 1] = std::min({replaced, changes[j] + 1, changes[j + 1] + 1});
    }
  }
  return changes.back();
}

}  // namespace

std::string Nearest(absl::string_view word, const std::vector<std::string>& names) {
  const auto nearest = std::min_element(names.begin(), names.end(), [word](const auto& one, const auto& other) {
    return ChangesBetween(word, one) < ChangesBetween(word, other);
  });
  return nearest == names.end() ? "" : *nearest;
}

std::string NearestMeant(absl::string_view word, const std::vector<std::string>& names) {
  std::string nearest = Nearest(word, names);
  if (ChangesBetween(word, nearest) > std::max<size_t>(1, word.size() / 3)) nearest.clear();
  return nearest;
}

}  // namespace baton::cli
