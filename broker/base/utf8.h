#ifndef BATON_BROKER_BASE_UTF8_H_
#define BATON_BROKER_BASE_UTF8_H_

#include "absl/strings/string_view.h"

namespace baton {

// Whether it is text that a protobuf string, or a TOML file, can hold.
bool IsUtf8(absl::string_view text);

}  // namespace baton

#endif  // BATON_BROKER_BASE_UTF8_H_
