// Configuration files and flags: any text is taken or refused in words, and what is printed of the settings in force is
// a file that says the same.
#include "broker/server/settings.h"

#include <iterator>
#include <string>

#include "absl/strings/str_cat.h"
#include "broker/base/check.h"
#include "broker/server/setting_table.h"
#include "tests/fuzz/input.h"

namespace baton::fuzz {
namespace {

using server::Comments;
using server::Settings;
using server::SettingsToToml;

// True if it was taken.
bool Taken(const absl::Status& status) {
  if (status.ok()) return true;
  BATON_CHECK(status.code() == absl::StatusCode::kInvalidArgument, status.ToString());
  BATON_CHECK(!status.message().empty(), "settings are refused without a word");
  return false;
}

void CheckPrinted(const Settings& settings, Comments comments) {
  const std::string printed = SettingsToToml(settings, comments);
  Settings read;
  const absl::Status status = server::ReadSettings(printed, "printed", &read);
  BATON_CHECK(status.ok(), absl::StrCat(status.ToString(), " in\n", printed));
  for (const server::Setting& setting : server::AllSettings()) {
    BATON_CHECK(setting.get(read) == setting.get(settings), absl::StrCat(setting.name, " differs in\n", printed));
  }
}

// Flags as they are given on a command line: mostly names there are, and values that resemble what they take.
void SetSome(Input& input, Settings* settings) {
  const auto& all = server::AllSettings();
  constexpr const char* kUnits[] = {"", "us", "ms", "s", "m", "h", "d", "B", "KiB", "MiB", "GiB"};
  for (int count = static_cast<int>(input.Below(4)); count > 0; --count) {
    const std::string name = input.Chance(240) ? all[input.Below(all.size())].name : std::string(input.Bytes(30));
    const std::string value = input.Chance(128) ? absl::StrCat(input.Below(300), kUnits[input.Below(std::size(kUnits))])
                                                : std::string(input.Bytes(40));
    Taken(server::SetSetting(name, value, settings));
  }
}

void Run(Input input) {
  Settings settings;
  SetSome(input, &settings);
  Taken(server::ReadSettings(std::string(input.Rest()), "baton.toml", &settings));
  Taken(server::CheckSettings(settings));
  CheckPrinted(settings, Comments::kNo);
  CheckPrinted(settings, Comments::kYes);
}

}  // namespace
}  // namespace baton::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  baton::fuzz::Run(baton::fuzz::Input(data, size));
  return 0;
}
