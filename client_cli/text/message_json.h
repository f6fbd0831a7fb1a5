// Messages of the contract as JSON, for programs that read what `baton` prints.
#pragma once

#include "client_cli/text/json_text.h"
#include "google/protobuf/message.h"

namespace baton::cli {

// Names and order of the fields are those of the contract, with these differences:
//   * times are RFC 3339 text in UTC or null; a field `x_at_us` is called `x_at`
//   * durations are whole microseconds and their name ends in `_us`
//   * enum values go without their prefix; unspecified is null
//   * payload, result and context are the JSON value itself, else {"data": base64, "content_type": …}
//   * a field `x_json` is called `x` and holds the value
//   * 64-bit patterns that are no quantities (incarnation, version of a task) are 16 hexadecimal digits
//   * what is unset is left out
Json MessageJson(const google::protobuf::Message& message);

}  // namespace baton::cli
