// How handlers end.
#include "absl/strings/str_cat.h"
#include "tests/simulation/bulk.h"
#include "tests/simulation/worker.h"

namespace baton::simulation {

std::vector<engine::testing::TaskSpec> SimulatedWorker::DrawChildren(const Handler& handler, size_t count) {
  std::vector<engine::testing::TaskSpec> children;
  for (size_t i = 0; i < count; ++i) {
    engine::testing::TaskSpec child;
    child.type = random_->Chance(260) ? "parent" : "work";
    child.payload = absl::StrCat("child of ", handler.delivery.attempt.task, " #", random_->Below(1000),
                                 DrawBulk(broker_->settings(), *random_));
    if (i % 4 == 3) child.trace = "its own trace";
    if (random_->Chance(200)) child.tag = "often";
    if (random_->Chance(50)) child.total_timeout = random_->Time(kMillisecond, 20 * kSecond);
    if (random_->Chance(200)) child.delay = random_->Time(kMillisecond, 5 * kSecond);
    if (random_->Chance(200)) child.options.priority = static_cast<int32_t>(random_->Between(-2, 2));
    children.push_back(std::move(child));
  }
  return children;
}

engine::Outcome SimulatedWorker::DrawOutcome(const Handler& handler) {
  using Kind = engine::Outcome::Kind;
  engine::Outcome outcome;
  outcome.attempt = handler.delivery.attempt;
  // Of this attempt and no other.
  const std::string of = absl::StrCat(" task ", outcome.attempt.task, " attempt ", outcome.attempt.attempt);
  outcome.step = engine::testing::ResultStep(absl::StrCat("done", of, DrawBulk(broker_->settings(), *random_)));
  const uint32_t sum = habits_.succeed + habits_.fail + habits_.fail_finally + habits_.spawn + habits_.suspend +
                       habits_.release + habits_.bad;
  uint64_t draw = behaves_ ? 0 : random_->Below(sum);
  const auto is = [&](uint32_t weight) {
    const bool hit = draw < weight;
    draw = hit ? UINT64_MAX : draw - weight;
    return hit;
  };
  if (handler.parts > 0 && !behaves_) draw = habits_.succeed + habits_.fail + habits_.fail_finally;  // It spawns.
  if (is(habits_.succeed)) return outcome;
  if (is(habits_.fail) || is(habits_.fail_finally)) {
    outcome.kind = Kind::kFailed;
    outcome.step = engine::testing::ErrorStep("it broke" + of);
    outcome.retryable = random_->Chance(750);
    return outcome;
  }
  std::string context;
  if (!random_->Chance(500)) {
    context = absl::StrCat("context ", random_->Below(1'000'000), DrawBulk(broker_->settings(), *random_));
  }
  outcome.has_context = !context.empty();
  if (is(habits_.spawn)) {
    if (handler.delivery.type != "parent" || handler.delivery.stage > 2) {
      outcome.has_context = false;
      return outcome;
    }
    outcome.kind = Kind::kSpawned;
    outcome.step = engine::testing::ContextStep(context);
    outcome.fail_fast = random_->Chance(300);
    outcome.parts = handler.parts + (random_->Chance(20) ? 1 : 0);
    const auto snapshot = broker_->up() ? broker_->Snapshot() : nullptr;
    if (snapshot == nullptr) return outcome;
    for (const auto& child : DrawChildren(handler, random_->Below(random_->Chance(50) ? 8 : 4))) {
      outcome.children.push_back(engine::testing::MakeTask(child, *snapshot));
    }
    return outcome;
  }
  if (is(habits_.suspend)) {
    outcome.kind = Kind::kSuspended;
    outcome.step = engine::testing::ContextStep(context, "approval");
    if (random_->Chance(500)) return outcome;
    outcome.decide_within = random_->Time(kMillisecond, 20 * kSecond);
    outcome.when_undecided = static_cast<records::v1::Mutable::Undecided>(random_->Below(3));
    if (outcome.when_undecided == records::v1::Mutable::RESUME && random_->Chance(700)) {
      Step step;
      step.mutable_decision()->set_data(absl::StrCat("default ", random_->Below(1'000'000)));
      outcome.step += step.SerializeAsString();
    }
    return outcome;
  }
  outcome.has_context = false;
  if (is(habits_.release)) {
    outcome.kind = Kind::kReleased;
    outcome.step.clear();
    return outcome;
  }
  outcome.error = InvalidArgument("PAYLOAD_TOO_LARGE", "the result is too large");
  return outcome;
}

}  // namespace baton::simulation
