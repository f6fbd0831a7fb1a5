// A task as Get, Wait and ListTasks show it.
#ifndef BATON_BROKER_SERVICE_READ_TASK_MESSAGE_H_
#define BATON_BROKER_SERVICE_READ_TASK_MESSAGE_H_

#include <memory>
#include <string>

#include "baton/v1/broker.pb.h"
#include "baton/v1/task.pb.h"
#include "broker/base/error.h"
#include "broker/engine/options.h"
#include "broker/engine/routing.h"
#include "broker/service/read/task_facts.h"

namespace baton::service {

// What descriptions of tasks depend on besides the task: one picture of everything, for one read.
struct Surroundings {
  const engine::View& view;
  std::shared_ptr<const engine::Routing> routing;
  const engine::DefaultOptions& defaults;
  WallMicros now;
};

// `facts` must be loaded in full. Errors: STORE_DAMAGED.
Error DescribeTask(const Surroundings& surroundings, const TaskFacts& facts, const v1::TaskParts& parts,
                   v1::Task* task);

// What the live table tells of a task whose records `damage` (STORE_DAMAGED) keeps from being read. `facts` need not be
// loaded, but must be found.
void DescribeDamaged(const Surroundings& surroundings, const TaskFacts& facts, const Error& damage, v1::Task* task);

// Loads and describes. Errors: as LoadTask.
Error ReadTask(const Surroundings& surroundings, TaskId id, const v1::TaskParts& parts, v1::Task* task);

// `last_error` and `cancel_reason` of the task, as its message has them; empty: it has none. `facts` must be loaded in
// full. Errors: STORE_DAMAGED, TASK_EXPIRED.
Error ReadWhatWentWrong(const engine::View& view, const TaskFacts& facts, std::string* last_error,
                        std::string* cancel_reason);

// The text of a failure; for a timeout that has none, that it was one.
std::string FailureText(const records::v1::Step& step);
// Who cancelled a task, and why.
std::string CancelText(const records::v1::Step& step);

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_READ_TASK_MESSAGE_H_
