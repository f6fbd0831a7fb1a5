// Which workers a list is about.
#ifndef BATON_BROKER_SERVICE_WORKER_FILTER_H_
#define BATON_BROKER_SERVICE_WORKER_FILTER_H_

#include "baton/v1/admin.pb.h"
#include "broker/base/error.h"
#include "broker/engine/inspection_commands.h"

namespace baton::service {

// INVALID_ARGUMENT, naming the field, if a condition cannot mean anything; BAD_FILTER if this program does not know it.
Error CheckWorkerFilter(const v1::WorkerFilter& filter);

// Those that match, in the order of their sessions. `filter` has been checked.
void EncodeWorkers(const v1::WorkerFilter& filter, const engine::ListWorkersCommand& command,
                   v1::ListWorkersResponse* response);

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_WORKER_FILTER_H_
