// What the records tell of why a task does not run.
#ifndef BATON_BROKER_SERVICE_READ_EXPLAIN_H_
#define BATON_BROKER_SERVICE_READ_EXPLAIN_H_

#include "baton/v1/explain.pb.h"
#include "broker/base/error.h"
#include "broker/service/read/task_facts.h"
#include "broker/service/read/task_message.h"

namespace baton::service {

struct Explanation {
  // `queue` and `holder` are set where the engine has to be asked for the rest of them (service/explain.h).
  v1::ExplainResponse response;
  // The task as it was.
  engine::LiveEntry entry;
};

// Errors: as LoadTask.
Error Explain(const Surroundings& surroundings, TaskId id, Explanation* explanation);

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_READ_EXPLAIN_H_
