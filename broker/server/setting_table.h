#ifndef BATON_BROKER_SERVER_SETTING_TABLE_H_
#define BATON_BROKER_SERVER_SETTING_TABLE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "broker/server/settings.h"

namespace baton::server {

// One setting: what is known of it, for parsing, checking and printing.
struct Setting {
  enum class Kind { kCount, kBytes, kDuration, kRatio, kText };
  using Value = std::variant<int64_t, double, std::string>;
  // Of numbers: the value of another setting is meant.
  static constexpr int64_t kOther = INT64_MIN;

  // "section.key".
  std::string name;
  Kind kind;
  // For people, one or two sentences.
  std::string help;
  // Of numbers: bytes, microseconds or a count.
  double low = 0;
  double high = 0;
  // Of numbers: a word for 0, which then is allowed whatever `low` is; empty: none.
  std::string zero;
  // Of numbers: a word for kOther, which then is allowed; empty: none.
  std::string other;
  // Of texts: the allowed ones; empty: `check` decides.
  std::vector<std::string> choices;
  std::function<absl::Status(const std::string&)> check;
  std::function<Value(const Settings&)> get;
  std::function<void(Settings&, const Value&)> set;
};

// Every setting there is, in the order of printing.
const std::vector<Setting>& AllSettings();

}  // namespace baton::server

#endif  // BATON_BROKER_SERVER_SETTING_TABLE_H_
