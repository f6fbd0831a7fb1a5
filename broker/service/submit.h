// Submit, from the request to the command and back.
#ifndef BATON_BROKER_SERVICE_SUBMIT_H_
#define BATON_BROKER_SERVICE_SUBMIT_H_

#include "baton/v1/broker.pb.h"
#include "broker/base/error.h"
#include "broker/engine/command.h"
#include "broker/service/decoding.h"
#include "broker/storage/store.h"

namespace baton::service {

// `command->actor` must be set. The Error refuses the whole call; errors of single tasks are in the command.
Error DecodeSubmit(const Decoding& decoding, const v1::SubmitRequest& request, engine::SubmitCommand* command);

// Whether the command has keys that must be looked up before it is sent.
bool NeedsLookUp(const engine::SubmitCommand& command);
// Fills in what the store has for the request id and for unique keys. DATA_LOSS/STORE_DAMAGED if it cannot be read.
Error LookUpKeys(const storage::Snapshot& snapshot, WallMicros now, engine::SubmitCommand* command);

void EncodeSubmit(engine::SubmitCommand& command, v1::SubmitResponse* response);

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_SUBMIT_H_
