// JSON text: checking it without building it, and showing it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"

namespace baton::cli {

// Keeps the order in which members were written.
using Json = nlohmann::ordered_json;

// OK if `text` is one well-formed JSON value in UTF-8. The error names `source`, the line, counted from `first_line`,
// and the column, counted in bytes from 1.
absl::Status CheckJson(absl::string_view source, absl::string_view text, size_t first_line = 1);

// The value of `text`, nothing if it is not JSON or nested too deeply to be worked with (more than 200 levels).
std::optional<Json> ParseJson(absl::string_view text);

// On one line, or indented by two for each level. What is not UTF-8 is replaced, and no control character stays.
std::string CompactJson(const Json& value);
std::string PrettyJson(const Json& value);

}  // namespace baton::cli
