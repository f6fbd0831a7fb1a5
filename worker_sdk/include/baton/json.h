// nlohmann::json as payload, result and context. Header-only; needs nlohmann-json3-dev only where it is included.
//
//   baton::Outcome Resize(baton::Task& task) {
//     absl::StatusOr<nlohmann::json> input = baton::ParseJson(task.payload());
//     if (!input.ok()) return baton::FinalError(input.status());
//     return nlohmann::json{{"width", (*input)["width"]}};
//   }
#ifndef BATON_JSON_H_
#define BATON_JSON_H_

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

// Reads JSON from a payload, of either kind. An absent payload is null. Errors: INVALID_ARGUMENT, not JSON.
inline absl::StatusOr<nlohmann::json> ParseJson(const Payload& payload) {
  if (!payload.has_value()) return nlohmann::json();
  nlohmann::json value = nlohmann::json::parse(payload.json_text(), nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded()) {
    return absl::InvalidArgumentError(
        absl::StrCat("payload: ", payload.bytes().size(), " bytes that are not well-formed JSON; submit it as JSON"));
  }
  return value;
}

}  // namespace baton::inline sdk

#endif  // BATON_JSON_H_
