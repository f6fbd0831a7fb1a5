// Values of settings as text: "1.5s", "4MiB", "10", "0.2".
#ifndef BATON_BROKER_SERVER_SETTING_VALUE_H_
#define BATON_BROKER_SERVER_SETTING_VALUE_H_

#include <string>

#include "absl/status/statusor.h"
#include "broker/server/setting_table.h"

namespace baton::server {

// In as few digits as tell it from every other number.
std::string ExactNumber(double number);

// Reads a value of the setting's kind. INVALID_ARGUMENT says what is wrong and how it is written, without the name.
absl::StatusOr<Setting::Value> ParseValue(const Setting& setting, const std::string& text);
// Checks range, choices and spelling. INVALID_ARGUMENT as above.
absl::Status CheckValue(const Setting& setting, const Setting::Value& value);
// As TOML: numbers as they are; durations, byte sizes that are round, and texts in quotes.
std::string ValueToToml(const Setting& setting, const Setting::Value& value);
// "1 to 1000", "10ms to 1h", "one of tail, point-in-time".
std::string AllowedText(const Setting& setting);

}  // namespace baton::server

#endif  // BATON_BROKER_SERVER_SETTING_VALUE_H_
