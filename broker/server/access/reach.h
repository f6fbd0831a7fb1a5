// What a request is about: to be looked at when its caller is limited to types, or to tasks of its own.
#ifndef BATON_BROKER_SERVER_ACCESS_REACH_H_
#define BATON_BROKER_SERVER_ACCESS_REACH_H_

#include <string>
#include <vector>

#include "broker/base/error.h"
#include "broker/engine/command.h"
#include "broker/engine/live/view.h"
#include "broker/server/access/rights_table.h"
#include "broker/server/access/token.h"
#include "broker/service/attempt_token.h"
#include "broker/service/field.h"

namespace baton::server {

struct Named {
  std::vector<engine::TaskId> tasks;
  // They are named by attempt tokens: what has gone, and what has ended and cannot be read, is told by whoever handles
  // the call, item by item.
  bool by_attempts = false;
  std::string schedule;

  bool nothing() const { return tasks.empty() && schedule.empty(); }
};

// What a token may do with what a request names.
struct Limit {
  service::TypePrefixes types;
  // If not empty: only tasks that this actor submitted.
  std::string owner;
};

// Looks up what is named; on a reader's thread. Errors: PERMISSION_DENIED/TYPE_NOT_ALLOWED,
// PERMISSION_DENIED/NOT_YOUR_TASK, STORE_DAMAGED, TASK_NOT_FOUND, and for tasks named by id TASK_EXPIRED. A schedule
// that is not there is no error.
Error CheckNamed(const engine::View& view, const Named& named, const Limit& limit);

// What is wrong with a whole workflow, or with all tasks, for a limited token.
Error BeyondLimit(const char* field, const service::TypePrefixes& types);

// Fills in what is to be looked up. The Error refuses the call at once.
template <typename Request>
Error NameReached(Reach reach, uint64_t incarnation, const service::TypePrefixes& types, const Request& request,
                  Named* named) {
  const auto add_attempt = [&](const std::string& token) {
    engine::AttemptId attempt;
    // What cannot be read is refused by whoever handles the call.
    if (service::ReadAttemptToken(service::Field("attempt_token"), token, incarnation, &attempt).ok()) {
      named->tasks.push_back(attempt.task);
      named->by_attempts = true;
    }
  };
  if (reach == Reach::kTypes) {
    // Types of new tasks and of handlers are looked at where they are decoded.
    if constexpr (requires { request.type(); }) {
      return types.Check(service::Field("type"), request.type());
    }
  } else if (reach == Reach::kSchedule) {
    if constexpr (requires { request.schedule().name(); }) {
      named->schedule = request.schedule().name();
    } else if constexpr (requires { request.name(); }) {
      named->schedule = request.name();
    }
  } else if (reach == Reach::kTasks) {
    if constexpr (requires { request.root_id(); }) {
      if (request.root_id() != 0) return BeyondLimit("root_id", types);
    }
    if constexpr (requires { request.task_id(); }) named->tasks.push_back(request.task_id());
    if constexpr (requires { request.attempt_token(); }) add_attempt(request.attempt_token());
    if constexpr (requires { request.outcomes(0).attempt_token(); }) {
      for (const auto& outcome : request.outcomes()) add_attempt(outcome.attempt_token());
    }
    if constexpr (requires { request.items(0).attempt_token(); }) {
      for (const auto& item : request.items()) add_attempt(item.attempt_token());
    }
  }
  return {};
}

}  // namespace baton::server

#endif  // BATON_BROKER_SERVER_ACCESS_REACH_H_
