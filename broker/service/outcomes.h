// Complete, Audit, Progress and SpawnChildren, from requests to commands and back. Requests are taken apart: decoders
// fill in times and trim names in place.
#ifndef BATON_BROKER_SERVICE_OUTCOMES_H_
#define BATON_BROKER_SERVICE_OUTCOMES_H_

#include <vector>

#include "baton/v1/worker.pb.h"
#include "broker/base/error.h"
#include "broker/engine/command.h"
#include "broker/service/decoding.h"

namespace baton::service {

// `command->actor` must be set. The Error refuses the whole call; errors of single items are in the command.
Error DecodeComplete(const Decoding& decoding, v1::CompleteRequest* request, engine::CompleteCommand* command);
Error DecodeAudit(const Decoding& decoding, v1::AuditRequest* request, engine::ReportCommand* command);
Error DecodeProgress(const Decoding& decoding, v1::ProgressRequest* request, engine::ReportCommand* command);
// A bad child refuses the whole part.
Error DecodeSpawnChildren(const Decoding& decoding, const v1::SpawnChildrenRequest& request,
                          engine::SpawnChildrenCommand* command);

// One result per error, for CompleteResponse, AuditResponse and ProgressResponse.
void EncodeItemResults(const std::vector<Error>& errors, google::protobuf::RepeatedPtrField<v1::ItemResult>* results);

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_OUTCOMES_H_
