// Which workers a list is about, and its pages.
#ifndef BATON_BROKER_SERVICE_WORKER_FILTER_H_
#define BATON_BROKER_SERVICE_WORKER_FILTER_H_

#include "baton/v1/admin.pb.h"
#include "broker/base/error.h"
#include "broker/engine/inspection_commands.h"
#include "broker/service/decoding.h"

namespace baton::service {

// INVALID_ARGUMENT, naming the field, if a condition cannot mean anything; BAD_FILTER if this program does not know it.
// PAGE_SIZE and BAD_PAGE_TOKEN as of other lists.
Error DecodeListWorkers(const Decoding& decoding, const v1::ListWorkersRequest& request,
                        engine::ListWorkersCommand* command);

// Those that match, in the order of their sessions, as far as they fit into a message, and the token of those behind
// them. `filter` is that of the request, and has been checked.
void EncodeWorkers(const Decoding& decoding, const v1::WorkerFilter& filter, const engine::ListWorkersCommand& command,
                   v1::ListWorkersResponse* response);

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_WORKER_FILTER_H_
