#include "broker/service/read/explain.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "broker/service/read/convert.h"
#include "broker/service/read/obstacles.h"
#include "broker/service/read/rows.h"

namespace baton::service {
namespace {

using records::v1::Step;

constexpr size_t kMaxChildren = 10;
// Of a workflow that is nearly done, the last ones may lie behind many that have ended.
constexpr uint64_t kChildrenLookedAt = 1'000'000;

// Who paused the task, why and when: in the newest step that says so.
Error DescribePause(const engine::View& view, TaskId id, v1::Obstacle* obstacle) {
  return ScanLogReverse(view.store(), id, [&](uint32_t, const Step& step) {
    if (step.kind() != Step::PAUSED) return true;
    obstacle->set_actor(step.actor());
    obstacle->set_reason(step.reason());
    *obstacle->mutable_since() = WireTime(step.time_us());
    return false;
  });
}

// What an operator has said of its type.
template <typename Said>
void DescribeSaid(const Said& said, v1::Obstacle* obstacle) {
  obstacle->set_actor(said.actor());
  obstacle->set_reason(said.reason());
  *obstacle->mutable_since() = WireTime(said.time_us());
}

Error DescribeObstacle(const engine::View& view, const TaskFacts& facts, const records::v1::TypeRow& type,
                       const Obstacle& obstacle, v1::Obstacle* wire) {
  wire->set_kind(obstacle.kind);
  wire->set_text(obstacle.text);
  if (obstacle.until != 0) *wire->mutable_until() = WireTime(obstacle.until);
  if (obstacle.kind == v1::OBSTACLE_KIND_TYPE_PAUSED) DescribeSaid(type.pause(), wire);
  if (obstacle.kind == v1::OBSTACLE_KIND_TYPE_LIMIT && type.has_limit()) DescribeSaid(type.limit(), wire);
  return obstacle.kind == v1::OBSTACLE_KIND_TASK_PAUSED ? DescribePause(view, facts.id, wire) : Error{};
}

// Those to be told. One that runs has nothing to look at: it comes behind those that wait.
Error FindChildren(const engine::View& view, const TaskFacts& facts, std::vector<TaskId>* children) {
  engine::PageCursor cursor(view);
  std::vector<TaskId> running;
  uint64_t looked_at = 0;
  for (const records::v1::Range& range : facts.now.children()) {
    for (TaskId id = range.first(); id < range.first() + range.count(); ++id) {
      if (children->size() == kMaxChildren || ++looked_at > kChildrenLookedAt) break;
      const absl::StatusOr<LiveState> state = cursor.StateOf(id);
      if (!state.ok()) return StoreDamaged(std::string(state.status().message()));
      if (!engine::IsLive(*state)) continue;
      std::vector<TaskId>& alike = *state == LiveState::RUNNING ? running : *children;
      if (alike.size() < kMaxChildren) alike.push_back(id);
    }
  }
  const size_t room = kMaxChildren - children->size();
  children->insert(children->end(), running.begin(), running.begin() + std::min(room, running.size()));
  return {};
}

Error DescribeChildren(const Surroundings& surroundings, const TaskFacts& facts, v1::ExplainResponse* response) {
  std::vector<TaskId> children;
  Error error = FindChildren(surroundings.view, facts, &children);
  for (size_t i = 0; i < children.size() && error.ok(); ++i) {
    error = ReadTask(surroundings, children[i], {}, response->add_unfinished_children());
  }
  return error;
}

void DescribeQueue(const Surroundings& surroundings, const TaskFacts& facts, v1::QueuePlace* queue) {
  const Eligible eligible = FindEligible(*facts.class_info, *surroundings.routing);
  queue->set_workers(static_cast<int32_t>(eligible.workers));
  queue->set_slots(static_cast<int32_t>(eligible.slots));
  queue->set_slots_taken(static_cast<int32_t>(eligible.slots_taken));
}

bool StandsInQueue(const Surroundings& surroundings, const TaskFacts& facts, const records::v1::TypeRow& type) {
  return facts.state == LiveState::PENDING && facts.entry.due <= surroundings.now && !facts.entry.paused &&
         !type.has_pause();
}

// Its records are missing or unreadable, so that nothing else matters.
void ExplainDamage(const Surroundings& surroundings, const TaskFacts& facts, const Error& damage,
                   v1::ExplainResponse* response) {
  response->Clear();
  DescribeDamaged(surroundings, facts, damage, response->mutable_task());
  v1::Obstacle* obstacle = response->add_obstacles();
  obstacle->set_kind(v1::OBSTACLE_KIND_DAMAGED);
  obstacle->set_text(response->task().waiting_for());
}

}  // namespace

Error Explain(const Surroundings& surroundings, TaskId id, Explanation* explanation) {
  TaskFacts facts;
  v1::ExplainResponse& response = explanation->response;
  Error error = LoadTask(surroundings.view, id, &facts);
  if (error.code == absl::StatusCode::kNotFound && facts.live()) {
    error = StoreDamaged(absl::StrCat("the record of task ", id, ", which has not ended, is missing"));
  }
  if (error.ok()) error = DescribeTask(surroundings, facts, {}, response.mutable_task());
  if (error.code == absl::StatusCode::kDataLoss && facts.live()) {
    ExplainDamage(surroundings, facts, error, &response);
    return {};
  }
  records::v1::TypeRow type;
  if (error.ok()) error = ReadType(surroundings.view, facts.class_info->type, &type);
  if (!error.ok()) return error;
  explanation->entry = facts.entry;
  const std::string& suspend_reason = response.task().suspend_reason();
  for (const Obstacle& obstacle :
       FindObstacles({facts, suspend_reason, type, *surroundings.routing, surroundings.now})) {
    error = DescribeObstacle(surroundings.view, facts, type, obstacle, response.add_obstacles());
    if (!error.ok()) return error;
  }
  if (StandsInQueue(surroundings, facts, type)) DescribeQueue(surroundings, facts, response.mutable_queue());
  if (facts.state == LiveState::WAITING) return DescribeChildren(surroundings, facts, &response);
  if (facts.state != LiveState::RUNNING) return {};
  v1::Holder* holder = response.mutable_holder();
  holder->set_worker_id(response.task().worker_id());
  holder->set_attempt(response.task().attempt());
  *holder->mutable_claimed_at() = WireTime(facts.entry.claimed);
  return {};
}

}  // namespace baton::service
