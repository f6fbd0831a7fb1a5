// What workers are given.
#include <algorithm>

#include "tests/simulation/auditor.h"
#include "tests/simulation/violation.h"

namespace baton::simulation {
namespace {

records::v1::TaskRow TaskRowOf(const engine::Delivery& delivery) {
  records::v1::TaskRow row;
  REQUIRE(row.ParseFromString(delivery.body->task_row), "a delivery has an unreadable record");
  return row;
}

Step ReadStepOf(const std::string& bytes) {
  Step step;
  REQUIRE(step.ParseFromString(bytes), "a delivery has an unreadable step");
  return step;
}

std::string NameOf(engine::Order::Kind kind) {
  return kind == engine::Order::Kind::kDrain     ? "drain"
         : kind == engine::Order::Kind::kDismiss ? "dismiss"
                                                 : "superseded";
}

}  // namespace

void Auditor::ReadOutput(const engine::Engine& engine) {
  const engine::Batch& batch = engine.OpenBatchForTest();
  std::vector<ModelTask> handed_out;
  for (const engine::SessionOutput& output : batch.outbox().sessions) {
    ModelSession* session = model_.Session(output.session);
    size_t cancels = 0, recalls = 0, others = 0;
    for (const engine::Order& order : output.orders) {
      if (order.kind == engine::Order::Kind::kCancel) {
        for (const AttemptId& attempt : order.attempts) {
          if (cancels++ < seen_.cancels[output.session]) continue;
          ++seen_.cancels[output.session];
          REQUIRE(expected_cancels_[output.session].erase({attempt.task, attempt.attempt}) > 0,
                  "a cancel is ordered of attempt ", attempt.attempt, " of task ", attempt.task);
        }
      } else if (order.kind == engine::Order::Kind::kRecall) {
        if (recalls++ < seen_.recalls[output.session]) continue;
        ++seen_.recalls[output.session];
        REQUIRE(session != nullptr, "session ", output.session, " is over and gets a recall");
        CheckRecall(order, *session);
      } else if (others++ >= seen_.others[output.session]) {
        ++seen_.others[output.session];
        const std::string name = NameOf(order.kind);
        REQUIRE(expected_orders_[output.session] == name, "an order that nobody gave: ", name);
        expected_orders_.erase(output.session);
        coverage_->Count(absl::StrCat("Order: ", name));
      }
    }
    size_t& seen = seen_.deliveries[output.session];
    for (; seen < output.deliveries.size(); ++seen) {
      REQUIRE(finishing_ && session != nullptr, "a delivery out of turn");
      handed_out.push_back(CheckDelivery(output.deliveries[seen], *session));
    }
  }
  // More has become due, by a jump of the wall clock, than one round takes up.
  if (engine.has_more()) return;
  // In which order sessions got something in one round cannot be seen; so nothing that is left may come before any.
  for (const ModelTask& task : handed_out) CheckFirstOfItsClass(task);
}

// Answers the task as it was before.
ModelTask Auditor::CheckDelivery(const engine::Delivery& delivery, ModelSession& session) {
  const TaskId id = delivery.attempt.task;
  REQUIRE(model_.Exists(id), "a delivery of a task that never was");
  const ModelTask before = model_.At(id);
  REQUIRE(before.state == LiveState::PENDING && !model_.IsPaused(before), "handed out: ", Describe(before));
  for (auto& [command, waiting] : waiting_) {
    if (command->kind == engine::Command::Kind::kRetry) waiting.states.insert(LiveState::RUNNING);
  }
  REQUIRE(!model_.IsDoomed(before), "handed out though its parent has ended: ", Describe(before));
  REQUIRE(before.due <= latest_wall_, "handed out before it is due: ", Describe(before));
  REQUIRE(!session.behind, "worker '", session.worker_id, "' is behind and gets ", Describe(before));
  REQUIRE(session.accepts() && session.held.size() < session.worker.slots, "worker '", session.worker_id,
          "' is over-filled with ", Describe(before));
  REQUIRE(Model::Fits(session.worker, before.type, before.required), "worker '", session.worker_id, "' cannot run ",
          Describe(before));
  REQUIRE(session.HasRoomFor(before.type), "worker '", session.worker_id, "' has no room for ", Describe(before));
  REQUIRE(!model_.IsFull(before.type), "over the limit of its type: ", Describe(before));

  ModelTask& task = model_.Change(id);
  task.state = LiveState::RUNNING;
  ++task.attempt;
  task.session = session.number;
  task.claimed = now_.wall;
  task.due = std::min(std::max(task.due, task.created), task.claimed);
  task.started = false;
  if (!task.settled.has_value()) {
    const auto settle = [&](const Options& inherited) {
      return SettledOptions(task.own, model_.Handler(session.worker, task.type)->options, inherited,
                            session.worker.default_options, settings_.defaults);
    };
    task.settled = settle(task.inherited);
    if (task.settled->timeout != settle({}).timeout) coverage_->Count("inherited: a timeout");
    if (task.settled->max_retries != settle({}).max_retries) coverage_->Count("inherited: a number of attempts");
  }
  task.deadline = lease_now_ + task.settled->timeout;
  const Micros progress_timeout = task.settled->progress_timeout;
  task.report_deadline = progress_timeout != 0 ? lease_now_ + progress_timeout : 0;
  session.held[{id, task.attempt}] = {++session.last_delivery, task.type, false};

  REQUIRE(delivery.number == session.last_delivery, "delivery ", delivery.number, " follows ",
          session.last_delivery - 1);
  REQUIRE(delivery.attempt.attempt == task.attempt && delivery.type == task.type && delivery.stage == task.stage &&
              delivery.timeout == task.settled->timeout && delivery.max_retries == task.settled->max_retries &&
              delivery.parent == task.parent && delivery.priority == task.priority &&
              delivery.failures == task.failures && delivery.children == task.children.size() &&
              delivery.children_failed == task.failed && delivery.created == task.created,
          "attempt ", delivery.attempt.attempt, " stage ", delivery.stage, " timeout ", delivery.timeout, " children ",
          delivery.children, " failed ", delivery.children_failed, " is delivered of ", Describe(task));
  const records::v1::TaskRow row = TaskRowOf(delivery);
  REQUIRE(row.payload().data() == task.payload && row.trace_parent() == task.trace &&
              ReadStepOf(delivery.body->context_step).context().data() == task.context &&
              ReadStepOf(delivery.body->decision_step).decision().data() == task.decision,
          "payload, trace, context or decision of another: ", Describe(task));
  coverage_->Count("PENDING -CLAIMED-> RUNNING");
  Tell("handed to session ", session.number, ": ", Describe(task));
  return before;
}

Auditor::Rank Auditor::RankOf(int32_t priority, WallMicros due, TaskId id) const {
  if (settings_.ageing == 0) return {-priority, due, id};
  return {due - priority * settings_.ageing, -priority, id};
}

void Auditor::CheckFirstOfItsClass(const ModelTask& task) const {
  const auto rank = [this](const ModelTask& of) { return RankOf(of.priority, of.due, of.id); };
  for (const TaskId id : model_.live) {
    const ModelTask& other = model_.At(id);
    const bool waits = other.state == LiveState::PENDING && !other.paused && other.due <= now_.wall &&
                       other.type == task.type && other.required == task.required;
    const bool before = waits && rank(other) < rank(task);
    // Of those that nobody may have any more, some are found only when their turn comes.
    REQUIRE(!before || model_.IsDoomed(other), "overtaken: ", Describe(other), " by ", Describe(task));
    if (waits && other.priority > task.priority && !before) {
      coverage_->Count("ageing: comes before a larger priority");
    }
  }
}

}  // namespace baton::simulation
