// Cron expressions and time zones: any text is parsed or refused in words, and what is due next is later than before,
// wherever one begins to look.
#include <iterator>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "broker/base/check.h"
#include "broker/engine/schedules/cron.h"
#include "tests/fuzz/input.h"

namespace baton::fuzz {
namespace {

// With changes of clocks of an hour, of half an hour, at midnight, and of a whole day.
constexpr const char* kZones[] = {
    "UTC",          "Europe/Berlin",     "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo",
    "Pacific/Apia", "Africa/Casablanca", "Antarctica/Troll", "Asia/Kathmandu"};

// What a Timestamp can say: the years 1 to 9999.
constexpr WallMicros kFirstInstant = -62'135'596'800 * kSecond;
constexpr WallMicros kLastInstant = 253'402'300'799 * kSecond;

WallMicros TakeInstant(Input& input) {
  // Around the changes of clocks of our time, as a rule.
  if (input.Chance(224)) return 1'700'000'000 * kSecond + input.Signed() % (3650 * kDay);
  const int64_t number = input.Signed();
  return number < kFirstInstant ? kFirstInstant : number > kLastInstant ? kLastInstant : number;
}

std::string Sentence(const absl::Status& status) {
  BATON_CHECK(!status.message().empty(), "an expression is refused without a word");
  return std::string(status.message());
}

// Beyond that the database of zones knows no single changes of clocks any more, and a firing may be an hour off.
constexpr WallMicros kLastKnownChange = 13'569'465'600 * kSecond;  // The year 2400.

void CheckFirings(const engine::CronExpression& expression, const std::string& text, const std::string& zone_name,
                  WallMicros after, Input& input) {
  const absl::StatusOr<absl::TimeZone> zone = engine::FindTimeZone(zone_name);
  BATON_CHECK(zone.ok(), absl::StrCat(zone_name, ": ", zone.status().ToString()));
  for (int firings = 0; firings < 4; ++firings) {
    const std::optional<WallMicros> next = expression.Next(after, *zone);
    if (!next.has_value()) return;
    const std::string where = absl::StrCat("'", text, "' in ", zone_name, " after ", after, " is due at ", *next);
    BATON_CHECK(*next > after, where);
    BATON_CHECK(*next % kSecond == 0, where);
    if (*next > kLastKnownChange) return;
    // Nothing is due in between: whoever looks from there finds the same.
    const WallMicros between = after + static_cast<WallMicros>(input.Number() % static_cast<uint64_t>(*next - after));
    const std::optional<WallMicros> again = expression.Next(between, *zone);
    BATON_CHECK(again == next, absl::StrCat(where, ", after ", between, " at ", again.value_or(0)));
    after = *next;
  }
}

void Run(Input input) {
  const std::string zone = kZones[input.Below(std::size(kZones))];
  const WallMicros after = TakeInstant(input);
  if (input.Chance(16)) {
    const absl::StatusOr<absl::TimeZone> found = engine::FindTimeZone(std::string(input.Rest()));
    if (!found.ok()) Sentence(found.status());
    return;
  }
  const std::string text(input.Bytes(200));
  const absl::StatusOr<engine::CronExpression> expression = engine::CronExpression::Parse(text);
  if (!expression.ok()) {
    Sentence(expression.status());
    return;
  }
  CheckFirings(*expression, text, zone, after, input);
}

}  // namespace
}  // namespace baton::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  baton::fuzz::Run(baton::fuzz::Input(data, size));
  return 0;
}
