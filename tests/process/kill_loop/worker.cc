// A worker of the kill loop: does what its tasks' plans say, behind a connection that keeps a ledger.
// Environment: BATON_BROKER, WORKER_ID, LEDGER (a file), CONCURRENCY, PREFETCH.
#include <baton/json.h>
#include <baton/worker.h>

#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/process/kill_loop/ledger.h"
#include "tests/process/kill_loop/plan.h"
#include "tests/process/kill_loop/recording_connection.h"
#include "worker_sdk/src/signals.h"
#include "worker_sdk/src/worker_core.h"

namespace baton::kill_loop {
namespace {

using nlohmann::json;

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

int Number(const char* name, int fallback) {
  int number = 0;
  return absl::SimpleAtoi(Variable(name), &number) ? number : fallback;
}

class Handlers {
 public:
  explicit Handlers(LedgerWriter* ledger) : ledger_(*ledger) {}

  std::vector<Registration> All() {
    const auto handler = [this](Task& task) { return Run(task); };
    return {{kWorkType, handler},
            {kSlowType, {.handler = handler, .options = {.timeout = absl::Milliseconds(150)}}},
            {kParentType, handler},
            {kApprovalType, handler}};
  }

 private:
  Outcome Run(Task& task) {
    const std::optional<Plan> plan = PlanFromJson(task.payload().json_text());
    if (!plan) return Violation(task, "its payload is not a plan");
    const bool is_slow = task.type() == kSlowType;
    if (is_slow && task.failed_attempts() < plan->failures) return Overrun(task);
    // What counts is in the ledger: whether the broker has acknowledged it.
    task.Audit("began", NameOf(task)).IgnoreError();
    if (task.WaitCancelled(absl::Microseconds(plan->run_us))) return Failure(task, task.cancel_reason());
    if (task.attempt() % 2 == 1) task.Audit("ran", NameOf(task)).IgnoreError();
    task.Progress(100, NameOf(task), "ran").IgnoreError();
    if (!is_slow && task.failed_attempts() < plan->failures) {
      if (plan->for_good) return FinalError(Failure(task, "told to fail for good").text);
      return Failure(task, "told to fail");
    }
    if (task.type() == kParentType) return RunParent(task, *plan);
    if (task.type() == kApprovalType) return RunApproval(task, *plan);
    return Result(task, Seen(task));
  }

  // Until it is told to stop, and then it claims to have succeeded.
  static Outcome Overrun(Task& task) {
    task.WaitCancelled(absl::Seconds(10));
    json result = Seen(task);
    result["late"] = true;
    return Result(task, result);
  }

  Outcome RunParent(Task& task, const Plan& plan) {
    json seen = Seen(task);
    if (task.stage() > 0) {
      int count = 0;
      ChildOutcomes children = task.Children();
      for (const ChildOutcome& child : children) {
        if (!IsTerminal(child.state)) return Violation(task, absl::StrCat("child ", child.id, " has not ended"));
        if (child.index != static_cast<uint64_t>(count++)) return Violation(task, "children out of order");
      }
      if (absl::Status status = children.status(); !status.ok()) return Failure(task, status.ToString());
      if (count != plan.children) return Violation(task, absl::StrCat("it sees ", count, " children"));
      seen["children"].push_back(count);
    }
    if (task.stage() == plan.waits) return Result(task, seen);
    return task.Next(Children(task, plan), Payload(seen));
  }

  Outcome RunApproval(Task& task, const Plan& plan) {
    json seen = Seen(task);
    if (task.stage() > 0) {
      const absl::StatusOr<json> decision = ParseJson(task.decision());
      if (!decision.ok() || !decision->is_string()) return Violation(task, "it was resumed without a decision");
      seen["decisions"].push_back(*decision);
    }
    if (task.stage() == plan.waits) return Result(task, seen);
    return task.Suspend("a decision", Payload(seen));
  }

  static std::vector<NewTask> Children(const Task& task, const Plan& plan) {
    std::vector<NewTask> children;
    for (int i = 0; i < plan.children; ++i) {
      Plan child{.parent_attempt = task.attempt(), .parent_stage = task.stage(), .index = i};
      child.name = ChildName(plan.name, child);
      child.failures = i % 5 == 4 ? i % 4 : 0;
      child.children = plan.grandchildren;
      child.waits = plan.grandchildren > 0 ? 1 : 0;
      child.priority = i % 3;
      children.push_back({.type = plan.grandchildren > 0 ? kParentType : kWorkType,
                          .payload = Payload::Json(ToJson(child)),
                          .options = {.priority = child.priority}});
    }
    return children;
  }

  // Whose it is, and the counts of the children or the decisions of each stage so far: it travels in the context and
  // becomes the result.
  static json Seen(const Task& task) {
    return task.context().has_value() ? json::parse(task.context().json_text()) : json{{"task", task.id()}};
  }

  // Tells by which attempt the task was ended.
  static Outcome Result(const Task& task, json seen) {
    seen["attempt"] = task.attempt();
    return seen;
  }

  static std::string NameOf(const Task& task) { return AttemptName(task.id(), task.attempt()); }

  static Error Failure(const Task& task, const std::string& why) {
    return Error(absl::StrCat(NameOf(task), ": ", why));
  }

  Outcome Violation(const Task& task, const std::string& what) {
    ledger_.Write({absl::StrCat("violation ", Failure(task, what).text)});
    return FinalError(Failure(task, what).text);
  }

  LedgerWriter& ledger_;
};

absl::Status RunWorker() {
  // Never destroyed: handlers that overrun the drain deadline may outlive main().
  static auto& ledger = *new LedgerWriter(Variable("LEDGER"));
  static auto& handlers = *new Handlers(&ledger);
  internal::WorkerParts parts;
  parts.scheduler = internal::MakeTimerThread();
  parts.instance_id = internal::RandomId();
  parts.seed = std::hash<std::string>()(parts.instance_id);
  const std::string worker_id = Variable("WORKER_ID");
  parts.connect = [worker_id, seed = parts.seed] {
    return std::make_shared<RecordingConnection>(internal::MakeGrpcConnection(internal::ResolveAddress("")), worker_id,
                                                 seed, &ledger);
  };
  WorkerIdentity identity{.worker_id = worker_id, .drain_deadline = absl::Seconds(10)};
  identity = internal::CompleteIdentity(std::move(identity), parts.scheduler->WallNow());
  const auto core = std::make_shared<internal::WorkerCore>(std::move(identity), std::move(parts));
  if (absl::Status status = core->Use(handlers.All()); !status.ok()) return status;
  absl::Status status =
      core->Configure({.max_concurrency = Number("CONCURRENCY", 8), .prefetch = Number("PREFETCH", 4)});
  if (!status.ok()) return status;
  internal::OnSignals(core.get(), [weak = std::weak_ptr<internal::WorkerCore>(core)] {
    if (const std::shared_ptr<internal::WorkerCore> worker = weak.lock()) worker->Shutdown();
  });
  status = core->Run();
  internal::ForgetSignals(core.get());
  return status;
}

}  // namespace
}  // namespace baton::kill_loop

int main() {
  const absl::Status status = baton::kill_loop::RunWorker();
  if (!status.ok()) baton::LogToStderr(baton::LogLevel::kError, status.ToString());
  return status.ok() ? 0 : 1;
}
