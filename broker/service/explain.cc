#include "broker/service/explain.h"

#include <cmath>
#include <utility>

#include "broker/service/check.h"
#include "broker/service/field.h"
#include "broker/service/read/convert.h"
#include "broker/service/sessions.h"

namespace baton::service {
namespace {

// Further away than anybody plans.
constexpr double kMaxEstimateSeconds = 365.0 * 24 * 3600;

void EncodePlace(const engine::ExplainCommand& command, WallMicros now, v1::QueuePlace* queue) {
  queue->set_ahead(command.ahead);
  queue->set_more_ahead(command.more_ahead);
  queue->set_tasks_per_second(command.claims_per_second);
  if (command.more_ahead || command.claims_per_second <= 0) return;
  // The one that goes first has to wait for its turn, too.
  const double seconds = static_cast<double>(command.ahead + 1) / command.claims_per_second;
  if (seconds > kMaxEstimateSeconds) return;
  *queue->mutable_expected_start() = WireTime(now + std::llround(seconds * static_cast<double>(kSecond)));
}

// In front: whatever else is told would not help. That it has sent its workers away says nothing of them.
void EncodeDraining(v1::ExplainResponse* response) {
  google::protobuf::RepeatedPtrField<v1::Obstacle> others;
  others.Swap(response->mutable_obstacles());
  v1::Obstacle* drains = response->add_obstacles();
  drains->set_kind(v1::OBSTACLE_KIND_BROKER_DRAINS);
  drains->set_text("waits for the broker to be started again: it is about to stop, and hands nothing out");
  response->mutable_task()->set_waiting_for(drains->text());
  for (v1::Obstacle& other : others) {
    if (other.kind() != v1::OBSTACLE_KIND_NO_WORKER) *response->add_obstacles() = std::move(other);
  }
}

void EncodeHolder(const engine::ExplainCommand& command, v1::Holder* holder) {
  if (!command.worker.has_value()) return;
  holder->set_state(StateOf(*command.worker));
  holder->set_started(command.started);
  *holder->mutable_last_seen() = WireDuration(command.worker->last_seen_age);
  if (command.times_out_in != 0) *holder->mutable_times_out_in() = WireDuration(command.times_out_in);
  if (command.must_report_in != 0) *holder->mutable_must_report_in() = WireDuration(command.must_report_in);
}

}  // namespace

Error DecodeExplain(const v1::ExplainRequest& request) {
  return CheckId(Field("task_id"), request.task_id(), "send the id that Submit answered");
}

bool NeedsEngine(const Explanation& explanation, engine::ExplainCommand* command) {
  const engine::LiveEntry& entry = explanation.entry;
  command->attempt = {explanation.response.task().id(), entry.attempt};
  command->task_state = entry.state;
  command->class_number = entry.class_number;
  command->priority = entry.priority;
  command->due = entry.due;
  command->holder = entry.session;
  return entry.state == engine::LiveState::PENDING || explanation.response.has_holder();
}

void EncodeExplain(const engine::ExplainCommand& command, WallMicros now, v1::ExplainResponse* response) {
  if (response->has_holder()) EncodeHolder(command, response->mutable_holder());
  const bool pending = command.task_state == engine::LiveState::PENDING;
  if (pending && command.draining) return EncodeDraining(response);
  if (response->has_queue()) EncodePlace(command, now, response->mutable_queue());
}

}  // namespace baton::service
