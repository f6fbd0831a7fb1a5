// What the engine adds to an explanation.
#ifndef BATON_BROKER_SERVICE_EXPLAIN_H_
#define BATON_BROKER_SERVICE_EXPLAIN_H_

#include "baton/v1/explain.pb.h"
#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/engine/command.h"
#include "broker/engine/inspection_commands.h"
#include "broker/service/read/explain.h"

namespace baton::service {

Error DecodeExplain(const v1::ExplainRequest& request);

// Whether the engine knows more; if so, what it has to be asked.
bool NeedsEngine(const Explanation& explanation, engine::ExplainCommand* command);
// Adds its answer.
void EncodeExplain(const engine::ExplainCommand& command, WallMicros now, v1::ExplainResponse* response);

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_EXPLAIN_H_
