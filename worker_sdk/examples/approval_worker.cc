// A human approves: orders above 1000 wait for a person, who sees them by `baton approvals` and decides by
// `baton approve ID --comment …` or `baton reject ID`. After three days an order counts as rejected.
#include <baton/worker.h>

#include "absl/synchronization/mutex.h"
#include "nlohmann/json.hpp"

namespace {

using Json = nlohmann::json;

baton::Outcome Order(baton::Task& task) {
  const Json order = Json::parse(task.payload().bytes());
  if (task.stage() == 0) {
    if (order.at("amount").get<double>() <= 1000) return baton::Payload::Json(R"({"ordered": true})");
    // The handler returns: no thread, no slot and no timeout while somebody thinks.
    return task.Suspend("approval of " + order.at("item").get<std::string>(),
                        {.timeout = absl::Hours(72),
                         .when_undecided = baton::WhenUndecided::kResume,
                         .default_decision = baton::Payload::Json(R"({"comment": "nobody has decided"})")});
  }
  const Json decision = Json::parse(task.decision().bytes());
  if (decision.value("approved", false)) return baton::Payload::Json(R"({"ordered": true})");
  return baton::FinalError("rejected: " + decision.value("comment", "no reason given"));
}

}  // namespace

int main() {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);  // gRPC's locks cost a quarter without it
  baton::Worker worker;
  if (!worker.Use("order", Order).ok()) return 2;
  worker.ShutdownOnSignals();
  const absl::Status status = worker.Run();
  if (!status.ok()) baton::LogToStderr(baton::LogLevel::kError, status.ToString());
  return status.ok() ? 0 : 1;
}
