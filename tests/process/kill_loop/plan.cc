#include "tests/process/kill_loop/plan.h"

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"

namespace baton::kill_loop {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Plan, name, parent_attempt, parent_stage, index, run_us, failures, for_good, waits,
                                   children, grandchildren, priority, delay_us)

std::string ToJson(const Plan& plan) { return nlohmann::json(plan).dump(); }

std::optional<Plan> PlanFromJson(const std::string& text) {
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return std::nullopt;
  try {
    return json.get<Plan>();
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

std::string AttemptName(uint64_t task, int attempt) { return absl::StrCat("task ", task, ", attempt ", attempt); }

std::string ChildName(const std::string& parent, const Plan& child) {
  return absl::StrCat(parent, ".", child.parent_stage, ".", child.parent_attempt, ".", child.index);
}

}  // namespace baton::kill_loop
