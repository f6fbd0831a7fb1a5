// nlohmann::json as payload, result and context. Header-only; needs nlohmann-json3-dev only where it is included.
//
//   baton::Outcome Resize(baton::Task& task) {
//     absl::StatusOr<nlohmann::json> input = baton::ParseJson(task.payload());
//     if (!input.ok()) return baton::FinalError(input.status());
//     return nlohmann::json{{"width", (*input)["width"]}};
//   }
#ifndef BATON_JSON_H_
#define BATON_JSON_H_

#include <algorithm>
#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "baton/payload.h"
#include "nlohmann/json.hpp"

namespace baton::inline sdk {

// Bytes that are not UTF-8 inside strings are replaced by U+FFFD, so that conversion never fails.
template <>
struct PayloadConverter<nlohmann::json> {
  static Payload Convert(const nlohmann::json& value) {
    return Payload::Json(value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  }
};

// Lists and objects within each other that ParseJson goes into. Copying a value, or writing it, takes stack for each
// of them: without a limit whoever submits a task could bring its worker down.
inline constexpr size_t kMaxJsonDepth = 200;

namespace internal {

// How many lists and objects of a text are open at once, at most. Of text that is not JSON: any number.
inline size_t JsonDepth(const std::string& text) {
  size_t depth = 0, deepest = 0;
  bool quoted = false;
  for (size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (quoted && c == '\\') {
      ++at;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && (c == '[' || c == '{')) {
      deepest = std::max(deepest, ++depth);
    } else if (!quoted && (c == ']' || c == '}')) {
      depth -= depth > 0 ? 1 : 0;
    }
  }
  return deepest;
}

}  // namespace internal

// Reads JSON from a payload, of either kind. An absent payload is null. Errors: INVALID_ARGUMENT, not JSON, or deeper
// than kMaxJsonDepth.
inline absl::StatusOr<nlohmann::json> ParseJson(const Payload& payload) {
  if (!payload.has_value()) return nlohmann::json();
  if (const size_t depth = internal::JsonDepth(payload.json_text()); depth > kMaxJsonDepth) {
    return absl::InvalidArgumentError(absl::StrCat("payload: JSON of ", depth, " lists and objects within each other, ",
                                                   kMaxJsonDepth,
                                                   " are allowed: make it flatter, or send it as bytes"));
  }
  nlohmann::json value = nlohmann::json::parse(payload.json_text(), nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded()) {
    return absl::InvalidArgumentError(
        absl::StrCat("payload: ", payload.bytes().size(), " bytes that are not well-formed JSON; submit it as JSON"));
  }
  return value;
}

}  // namespace baton::inline sdk

#endif  // BATON_JSON_H_
