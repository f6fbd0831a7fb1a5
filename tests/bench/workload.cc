#include "tests/bench/workload.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "tests/bench/payload.h"

namespace baton::bench {
namespace {

constexpr uint64_t kMixedCycle = 10;
constexpr uint64_t kMixedParentAt = 8;
constexpr uint64_t kTags = 50;
constexpr int64_t kDaysAhead = 30;
// Attempts of a task that uses them up.
constexpr int kExhaustedRuns = 2;

// Neighbours differ in every bit.
uint64_t Scatter(uint64_t value) {
  value += 0x9E3779B97F4A7C15u;
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9u;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBu;
  return value ^ (value >> 31);
}

int ScatteredType(uint64_t sequence, int types) {
  return static_cast<int>((Scatter(sequence) >> 8) % static_cast<uint64_t>(types));
}

absl::Duration ScatteredDelay(uint64_t sequence) {
  constexpr int64_t kSecondsInDay = 86'400;
  const auto second = static_cast<int64_t>((Scatter(sequence) >> 20) % ((kDaysAhead - 1) * kSecondsInDay));
  return absl::Seconds(kSecondsInDay + second);
}

bool IsDelayed(Kind kind, uint64_t sequence) {
  if (kind == Kind::kSpread) return Scatter(sequence) % 10 == 0;
  return kind == Kind::kListed && Scatter(sequence) % 10 < 5;
}

// How many types a kind with numbered ones has; 0: it has one without number.
int NumberOfTypes(Kind kind) {
  if (kind == Kind::kRouted) return kRoutedTypes;
  return kind == Kind::kSpread || kind == Kind::kListed ? kSpreadTypes : 0;
}

std::string NumberedType(Kind kind, int number) {
  if (kind == Kind::kRouted) return absl::StrFormat("bench.routed.%04d", number);
  return kind == Kind::kSpread ? absl::StrFormat("bench.spread.%02d", number)
                               : absl::StrFormat("bench.listed.%02d", number);
}

Fate MixedFateOf(MixedPart part) {
  switch (part) {
    case MixedPart::kPlain:
      return {v1::TASK_STATE_COMPLETED, 1};
    case MixedPart::kRetried:
    case MixedPart::kParent:
      return {v1::TASK_STATE_COMPLETED, 2};
    case MixedPart::kHopeless:
      return {v1::TASK_STATE_PERMANENTLY_FAILED, 1};
    case MixedPart::kExhausted:
      return {v1::TASK_STATE_PERMANENTLY_FAILED, kExhaustedRuns};
    case MixedPart::kReported:
      return {v1::TASK_STATE_COMPLETED, 1, 100, kCheckpoints};
    case MixedPart::kRetriedAndReported:
      return {v1::TASK_STATE_COMPLETED, 2, 100, 2 * kCheckpoints};
  }
  return {};
}

}  // namespace

MixedPart MixedPartOf(uint64_t sequence) {
  constexpr MixedPart kParts[kMixedCycle] = {
      MixedPart::kPlain,     MixedPart::kPlain,
      MixedPart::kPlain,     MixedPart::kPlain,
      MixedPart::kRetried,   MixedPart::kHopeless,
      MixedPart::kExhausted, MixedPart::kReported,
      MixedPart::kParent,    MixedPart::kRetriedAndReported,
  };
  static_assert(kParts[kMixedParentAt] == MixedPart::kParent);
  return kParts[sequence % kMixedCycle];
}

uint64_t CountMixedParents(uint64_t first, uint64_t count) {
  const auto below = [](uint64_t end) { return end / kMixedCycle + (end % kMixedCycle > kMixedParentAt ? 1 : 0); };
  return below(first + count) - below(first);
}

std::string TypeOf(Kind kind, uint64_t sequence) {
  switch (kind) {
    case Kind::kWarmUp:
      return "bench.warm-up";
    case Kind::kMeasured:
      return "bench.task";
    case Kind::kBacklog:
      return "bench.backlog";
    case Kind::kHeld:
      return "bench.held";
    case Kind::kCancelled:
      return "bench.cancelled";
    case Kind::kStream:
      return "bench.stream";
    case Kind::kSpread:
    case Kind::kListed:
    case Kind::kRouted:
      return NumberedType(kind, ScatteredType(sequence, NumberOfTypes(kind)));
    case Kind::kMixed:
      return "bench.mixed";
    case Kind::kMixedChild:
      return "bench.mixed-child";
    case Kind::kParent:
      return "bench.parent";
    case Kind::kChild:
      return "bench.child";
  }
  return "";
}

std::vector<std::string> TypesOf(Kind kind) {
  const int count = NumberOfTypes(kind);
  if (count == 0) return {TypeOf(kind, 0)};
  std::vector<std::string> types;
  types.reserve(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) types.push_back(NumberedType(kind, i));
  return types;
}

std::vector<std::string> ShareOf(const std::vector<std::string>& types, int worker, int workers) {
  std::vector<std::string> share;
  for (size_t i = 0; i < types.size(); ++i) {
    const int dealt_to = static_cast<int>(i % static_cast<size_t>(workers));
    if (dealt_to == worker || (dealt_to + 1) % workers == worker) share.push_back(types[i]);
  }
  return share;
}

std::string TagOf(Kind kind, uint64_t sequence) {
  if (kind != Kind::kListed) return "";
  if (sequence % kRareEvery == 0) return kRareTag;
  return absl::StrFormat("tag.%02d", (Scatter(sequence) >> 16) % kTags);
}

Fate FateOf(Kind kind, uint64_t sequence) {
  switch (kind) {
    case Kind::kSpread:
      return {v1::TASK_STATE_PENDING, 0};
    case Kind::kListed:
      if (IsDelayed(kind, sequence)) return {v1::TASK_STATE_PENDING, 0};
      return {Scatter(sequence) % 10 == 9 ? v1::TASK_STATE_PERMANENTLY_FAILED : v1::TASK_STATE_COMPLETED, 1};
    case Kind::kMixed:
      return MixedFateOf(MixedPartOf(sequence));
    case Kind::kMixedChild:
      return {sequence % kMixedChildren == 0 ? v1::TASK_STATE_PERMANENTLY_FAILED : v1::TASK_STATE_COMPLETED, 1};
    case Kind::kParent:
      return {v1::TASK_STATE_COMPLETED, 2};
    case Kind::kCancelled:
      return {v1::TASK_STATE_CANCELLED, 1};
    default:
      return {v1::TASK_STATE_COMPLETED, 1};
  }
}

bool IsSpawned(Kind kind) { return kind == Kind::kChild || kind == Kind::kMixedChild; }

NewTask MakeTask(Kind kind, uint64_t sequence, uint64_t payload_bytes) {
  NewTask task{.type = TypeOf(kind, sequence), .payload = MakePayload(sequence, payload_bytes)};
  task.tag = TagOf(kind, sequence);
  if (kind == Kind::kSpread) task.options.priority = static_cast<int>((Scatter(sequence) >> 40) % 5) * 5 - 10;
  if (IsDelayed(kind, sequence)) task.delay = ScatteredDelay(sequence);
  if (kind == Kind::kMixed && MixedPartOf(sequence) == MixedPart::kExhausted) task.options.max_retries = kExhaustedRuns;
  return task;
}

}  // namespace baton::bench
