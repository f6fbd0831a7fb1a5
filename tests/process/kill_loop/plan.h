// What a task of the kill loop is told to do. It is its payload, so that whoever holds the task knows.
#ifndef BATON_TESTS_PROCESS_KILL_LOOP_PLAN_H_
#define BATON_TESTS_PROCESS_KILL_LOOP_PLAN_H_

#include <cstdint>
#include <optional>
#include <string>

namespace baton::kill_loop {

// Fails as often as it is told to, then succeeds.
inline constexpr char kWorkType[] = "kill.work";
// Ignores its timeout as often as it is told to, then succeeds. What it says after its timeout comes too late.
inline constexpr char kSlowType[] = "kill.slow";
// Spawns children as often as it is told to, then succeeds.
inline constexpr char kParentType[] = "kill.parent";
// Asks for a decision as often as it is told to, then succeeds.
inline constexpr char kApprovalType[] = "kill.approval";

struct Plan {
  // Unique in a run: "REQUEST/ITEM" for what was submitted; for a child it is made of what follows, so that children
  // that two attempts spawned can be told apart.
  std::string name;

  // A child: attempt and stage of its parent that spawned it, and its position.
  int parent_attempt = 0;
  int parent_stage = 0;
  int index = 0;

  // How long each attempt takes.
  int64_t run_us = 0;
  // Failed attempts of each stage; for good: the first one is the last.
  int failures = 0;
  bool for_good = false;
  // Waits before the end, for children or for decisions; children of each.
  int waits = 0;
  int children = 0;
  // Each child is a parent of as many children.
  int grandchildren = 0;

  // What it was submitted with.
  int priority = 0;
  int64_t delay_us = 0;
};

std::string ToJson(const Plan& plan);
// Nothing if it is not a plan.
std::optional<Plan> PlanFromJson(const std::string& text);

// What an attempt calls itself in all that it says: so it is noticed if that ends up with another one.
std::string AttemptName(uint64_t task, int attempt);

// The name of a child of a task with this name.
std::string ChildName(const std::string& parent, const Plan& child);

}  // namespace baton::kill_loop

#endif  // BATON_TESTS_PROCESS_KILL_LOOP_PLAN_H_
