#include "tests/process/kill_loop/load.h"

#include "absl/strings/str_cat.h"
#include "tests/process/kill_loop/plan.h"

namespace baton::kill_loop {
namespace {

class Dice {
 public:
  explicit Dice(std::mt19937_64* random) : random_(*random) {}

  // From `low` to `high`, both included.
  int Between(int low, int high) { return low + static_cast<int>(random_() % static_cast<uint64_t>(high - low + 1)); }
  bool Percent(int percent) { return Between(1, 100) <= percent; }

 private:
  std::mt19937_64& random_;
};

std::string DrawPlan(Dice* dice, Plan* plan) {
  plan->run_us = dice->Between(0, 10'000);
  const int kind = dice->Between(1, 100);
  if (kind <= 4) {
    plan->failures = dice->Between(0, 2);
    return kSlowType;
  }
  if (kind <= 9) {
    plan->waits = dice->Between(1, 2);
    plan->children = dice->Percent(10) ? 45 : dice->Between(0, 10);
    if (dice->Percent(8)) plan->children = plan->grandchildren = 3;
    return kParentType;
  }
  if (kind <= 16) {
    plan->waits = dice->Between(1, 2);
    return kApprovalType;
  }
  if (dice->Percent(12)) plan->failures = dice->Between(1, 3);
  if (dice->Percent(3)) plan->failures = 1, plan->for_good = true;
  // Now and then one that is likely to be running when its worker dies.
  if (dice->Percent(3)) plan->run_us = dice->Between(100'000, 600'000);
  return kWorkType;
}

void DrawUniqueKey(Dice* dice, v1::NewTask* task) {
  static constexpr v1::UniquePolicy kPolicies[] = {v1::UNIQUE_POLICY_RETURN_EXISTING, v1::UNIQUE_POLICY_REJECT,
                                                   v1::UNIQUE_POLICY_REPLACE_PENDING};
  task->set_unique_key(absl::StrCat("key-", dice->Between(1, 20)));
  task->set_unique_policy(kPolicies[dice->Between(0, 2)]);
}

void DrawTask(const std::string& name, Dice* dice, v1::NewTask* task) {
  Plan plan{.name = name};
  task->set_type(DrawPlan(dice, &plan));
  if (dice->Percent(20)) plan.priority = dice->Between(-5, 5);
  if (dice->Percent(10)) plan.delay_us = dice->Between(1, 1'000'000);
  if (dice->Percent(6)) DrawUniqueKey(dice, task);
  if (plan.priority != 0) task->mutable_options()->set_priority(plan.priority);
  if (plan.delay_us != 0) task->set_delay_us(plan.delay_us);
  task->mutable_payload()->set_json(ToJson(plan));
}

}  // namespace

v1::SubmitRequest DrawRequest(const std::string& request_id, std::mt19937_64* random) {
  Dice dice(random);
  v1::SubmitRequest request;
  request.set_request_id(request_id);
  const int count = dice.Percent(50) ? 1 : dice.Between(2, 40);
  for (int i = 0; i < count; ++i) DrawTask(absl::StrCat(request_id, "/", i), &dice, request.add_tasks());
  return request;
}

}  // namespace baton::kill_loop
