#include "broker/service/read/waiting_for.h"

#include "absl/strings/str_cat.h"
#include "broker/service/read/convert.h"

namespace baton::service {
namespace {

std::string Plural(uint64_t count, const char* one, const char* many) {
  return absl::StrCat(count, " ", count == 1 ? one : many);
}

bool CanRun(const engine::Routing::Group& group, const engine::ClassInfo& info) {
  const auto handler = group.handlers.find(info.type);
  return handler != group.handlers.end() && engine::Covers(group.capabilities, handler->second) &&
         engine::Covers(group.capabilities, info.required_capabilities);
}

// Some live worker can run it, and it is due.
std::string ForSlot(const engine::ClassInfo& info, const engine::Routing& routing) {
  uint32_t workers = 0;
  bool free = false;
  for (const engine::Routing::Group& group : routing.groups) {
    if (!CanRun(group, info)) continue;
    workers += group.workers;
    free = free || group.slots_taken < group.slots;
  }
  if (free) return absl::StrCat("is about to be handed out: ", Plural(workers, "worker", "workers"), " can run it");
  return absl::StrCat("waits for a free slot of ", Plural(workers, "worker", "workers"));
}

std::string ForDueTime(const TaskFacts& facts, WallMicros now) {
  const bool retry = facts.now.failures() > 0;
  std::string text = absl::StrCat(retry ? "retries in " : "due in ", DurationText(facts.entry.due - now), " (at ",
                                  TimeText(facts.entry.due), ")");
  if (retry) absl::StrAppend(&text, " after ", Plural(facts.now.failures(), "failed attempt", "failed attempts"));
  return text;
}

std::string WhilePending(const TaskFacts& facts, const engine::Routing& routing, WallMicros now) {
  const std::string nobody = routing.WhyNot(*facts.class_info);
  if (facts.entry.due > now) {
    return nobody.empty() ? ForDueTime(facts, now) : absl::StrCat(ForDueTime(facts, now), "; ", nobody);
  }
  return nobody.empty() ? ForSlot(*facts.class_info, routing) : nobody;
}

// ", at 2024-02-29T12:00:00Z it is cancelled"; empty if it waits without end.
std::string WhenUndecided(const records::v1::Mutable& now) {
  if (now.decide_by_us() == 0) return "";
  const char* then = now.when_undecided() == records::v1::Mutable::RESUME   ? "goes on without"
                     : now.when_undecided() == records::v1::Mutable::CANCEL ? "is cancelled"
                                                                            : "fails";
  return absl::StrCat("; at ", TimeText(now.decide_by_us()), " it ", then);
}

std::string WhileSuspended(const TaskFacts& facts, const std::string& suspend_reason) {
  if (facts.state == LiveState::SUSPENDED) {
    return absl::StrCat("waits for a decision: ", suspend_reason, WhenUndecided(facts.now));
  }
  return absl::StrCat("waits for ", facts.entry.remaining, " of ",
                      Plural(CountOf(facts.now.children()), "child", "children"));
}

std::string WhilePaused(const TaskFacts& facts, const std::string& suspend_reason) {
  const std::string paused = "is paused by an operator";
  if (facts.state == LiveState::PENDING) return paused;
  if (facts.state == LiveState::RUNNING) return absl::StrCat(paused, "; the attempt that runs goes on to its end");
  return absl::StrCat(paused, "; beneath, it ", WhileSuspended(facts, suspend_reason));
}

}  // namespace

std::string WaitingFor(const TaskFacts& facts, const std::string& suspend_reason, const engine::Routing& routing,
                       WallMicros now) {
  if (!engine::IsLive(facts.state)) return "";
  if (facts.entry.paused) return WhilePaused(facts, suspend_reason);
  if (facts.state == LiveState::PENDING) return WhilePending(facts, routing, now);
  return facts.state == LiveState::RUNNING ? "" : WhileSuspended(facts, suspend_reason);
}

}  // namespace baton::service
