#include "broker/engine/verify/findings.h"

#include <utility>

namespace baton::engine {
namespace {

struct Traits {
  absl::string_view name;
  bool is_loss;
};

// In the order of Check.
constexpr std::array<Traits, kCheckCount> kTraits = {{
    {"unreadable-task", true},
    {"unreadable-end", true},
    {"unreadable-step", true},
    {"missing-task", true},
    {"missing-end", true},
    {"missing-step", true},
    {"impossible-record", true},
    {"unknown-class", true},
    {"unknown-options", true},
    {"unreadable-request", true},
    {"unreadable-schedule", true},
    {"unreadable-class", false},
    {"unreadable-options", false},
    {"unreadable-type", false},
    {"unreadable-session", false},
    {"unreadable-job", false},
    {"schedule-state", false},
    {"stray-key", false},
    {"interrupted-repair", false},
    {"unreadable-checkpoint", false},
    {"unreadable-page", false},
    {"unreadable-journal", false},
    {"number-ahead", false},
    {"journal-gap", false},
    {"journal-contradiction", false},
    {"live-pages", false},
    {"counters", false},
    {"next-id", false},
    {"state", false},
    {"facts", false},
    {"attempt", false},
    {"session", false},
    {"children", false},
    {"staged", false},
    {"ended", false},
    {"family", false},
    {"index", false},
    {"unreadable-unique-key", false},
    {"unique-key", false},
    {"missing-unique-key", false},
}};

}  // namespace

absl::string_view NameOf(Check check) { return kTraits[static_cast<size_t>(check)].name; }
bool IsLoss(Check check) { return kTraits[static_cast<size_t>(check)].is_loss; }

void Findings::Add(Check check, std::string text) {
  ++total_;
  if (++counts_[static_cast<size_t>(check)] <= kKeptOfEach) kept_.push_back({check, std::move(text)});
}

uint64_t Findings::losses() const {
  uint64_t losses = 0;
  for (int check = 0; check < kCheckCount; ++check) {
    if (IsLoss(static_cast<Check>(check))) losses += counts_[static_cast<size_t>(check)];
  }
  return losses;
}

}  // namespace baton::engine
