#include "broker/service/read/obstacles.h"

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

Obstacle NotDue(const TaskFacts& facts, WallMicros now) {
  const bool retry = facts.now.failures() > 0;
  std::string text = absl::StrCat(retry ? "retries in " : "due in ", DurationText(facts.entry.due - now), " (at ",
                                  TimeText(facts.entry.due), ")");
  if (retry) absl::StrAppend(&text, " after ", Plural(facts.now.failures(), "failed attempt", "failed attempts"));
  return {v1::OBSTACLE_KIND_NOT_DUE, std::move(text), facts.entry.due};
}

Obstacle PausedType(const records::v1::TypeRow::Pause& pause) {
  return {v1::OBSTACLE_KIND_TYPE_PAUSED, absl::StrCat("waits for its type, which is paused by ", pause.actor(),
                                                      pause.reason().empty() ? "" : ": ", pause.reason())};
}

std::string ForSlot(const Eligible& eligible, const std::string& type) {
  std::string text = absl::StrCat("waits for a free slot of ", Plural(eligible.workers, "worker", "workers"));
  if (eligible.at_limit > 0) {
    absl::StrAppend(&text, "; ", Plural(eligible.at_limit, "has one, but holds", "have one, but hold"),
                    " as many of type '", type, "' as its handler takes");
  }
  return text;
}

void WhilePending(const Hindrances& hindrances, std::vector<Obstacle>* obstacles) {
  const TaskFacts& facts = hindrances.facts;
  if (hindrances.type.has_pause()) obstacles->push_back(PausedType(hindrances.type.pause()));
  const bool due = facts.entry.due <= hindrances.now;
  if (!due) obstacles->push_back(NotDue(facts, hindrances.now));
  const std::string nobody = hindrances.routing.WhyNot(*facts.class_info);
  if (!nobody.empty()) {
    obstacles->push_back({v1::OBSTACLE_KIND_NO_WORKER, nobody});
  } else if (due) {
    const std::string limited = hindrances.routing.WhyLimited(facts.class_info->type);
    const Eligible eligible = FindEligible(*facts.class_info, hindrances.routing);
    if (!limited.empty()) obstacles->push_back({v1::OBSTACLE_KIND_TYPE_LIMIT, limited});
    if (!eligible.free) {
      obstacles->push_back({v1::OBSTACLE_KIND_NO_FREE_SLOT, ForSlot(eligible, facts.class_info->type)});
    }
  }
}

// "; at 2024-02-29T12:00:00Z it is cancelled"; empty if it waits without end.
std::string WhenUndecided(const records::v1::Mutable& now) {
  if (now.decide_by_us() == 0) return "";
  const char* then = now.when_undecided() == records::v1::Mutable::RESUME   ? "goes on without"
                     : now.when_undecided() == records::v1::Mutable::CANCEL ? "is cancelled"
                                                                            : "fails";
  return absl::StrCat("; at ", TimeText(now.decide_by_us()), " it ", then);
}

Obstacle WhileSuspended(const Hindrances& hindrances) {
  const TaskFacts& facts = hindrances.facts;
  if (facts.state == LiveState::SUSPENDED) {
    return {v1::OBSTACLE_KIND_DECISION,
            absl::StrCat("waits for a decision: ", hindrances.suspend_reason, WhenUndecided(facts.now)),
            facts.now.decide_by_us()};
  }
  return {v1::OBSTACLE_KIND_CHILDREN, absl::StrCat("waits for ", facts.entry.remaining, " of ",
                                                   Plural(CountOf(facts.now.children()), "child", "children"))};
}

std::string AboutToRun(const Hindrances& hindrances) {
  const Eligible eligible = FindEligible(*hindrances.facts.class_info, hindrances.routing);
  return absl::StrCat("is about to be handed out: ", Plural(eligible.workers, "worker", "workers"), " can run it");
}

}  // namespace

std::vector<Obstacle> FindObstacles(const Hindrances& hindrances) {
  const TaskFacts& facts = hindrances.facts;
  std::vector<Obstacle> obstacles;
  if (!engine::IsLive(facts.state)) return obstacles;
  if (facts.entry.paused) {
    const bool runs = facts.state == LiveState::RUNNING;
    obstacles.push_back(
        {v1::OBSTACLE_KIND_TASK_PAUSED,
         absl::StrCat("is paused by an operator", runs ? "; the attempt that runs goes on to its end" : "")});
  }
  if (facts.state == LiveState::PENDING) {
    WhilePending(hindrances, &obstacles);
  } else if (facts.state != LiveState::RUNNING) {
    obstacles.push_back(WhileSuspended(hindrances));
  }
  return obstacles;
}

std::string WaitingFor(const Hindrances& hindrances) {
  const bool pending = hindrances.facts.state == LiveState::PENDING;
  const std::vector<Obstacle> obstacles = FindObstacles(hindrances);
  if (obstacles.empty()) return pending ? AboutToRun(hindrances) : "";
  std::string text = obstacles[0].text;
  const bool paused =
      obstacles[0].kind == v1::OBSTACLE_KIND_TASK_PAUSED || obstacles[0].kind == v1::OBSTACLE_KIND_TYPE_PAUSED;
  // What else would keep it does not matter before it is let go on.
  if (obstacles.size() == 1 || (pending && paused)) return text;
  for (size_t i = 1; i < obstacles.size(); ++i) {
    absl::StrAppend(&text, paused ? "; beneath, it " : "; ", obstacles[i].text);
  }
  return text;
}

Eligible FindEligible(const engine::ClassInfo& info, const engine::Routing& routing) {
  Eligible eligible;
  for (const engine::Routing::Group& group : routing.groups) {
    if (!CanRun(group, info)) continue;
    eligible.workers += group.workers;
    eligible.slots += group.slots;
    eligible.slots_taken += group.slots_taken;
    eligible.at_limit += group.at_limit;
    eligible.free = eligible.free || group.with_room > 0;
  }
  return eligible;
}

}  // namespace baton::service
