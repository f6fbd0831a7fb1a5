// A human approves: orders above 1000 wait for a person, who sees them by `baton approvals` and decides by
// `baton approve ID --comment …` or `baton reject ID`. After three days an order counts as rejected.
#ifndef BATON_EXAMPLES_APPROVAL_H_
#define BATON_EXAMPLES_APPROVAL_H_

#include <baton/worker.h>

#include <string>

#include "nlohmann/json.hpp"

namespace examples {

using Json = nlohmann::json;

inline baton::Outcome Order(baton::Task& task) {
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

}  // namespace examples

#endif  // BATON_EXAMPLES_APPROVAL_H_
