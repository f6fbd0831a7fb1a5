// Sizes for people.
#pragma once

#include <cstdint>
#include <string>

namespace baton::cli {

// "512 B", "1.5 MiB".
std::string SizeText(uint64_t bytes);

}  // namespace baton::cli
