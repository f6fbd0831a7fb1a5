// Rates for people.
#pragma once

#include <string>

namespace baton::cli {

// "0.52", "12.3", "1870"; "<0.01" for less, empty for nothing at all.
std::string RateText(double per_second);

}  // namespace baton::cli
