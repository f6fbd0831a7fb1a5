// The attempts of a task, or of a workflow, those that run included.
#ifndef BATON_BROKER_SERVICE_READ_ATTEMPTS_H_
#define BATON_BROKER_SERVICE_READ_ATTEMPTS_H_

#include "baton/records/v1/records.pb.h"
#include "baton/v1/admin.pb.h"
#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/engine/live/view.h"
#include "broker/engine/options.h"
#include "broker/service/read/page_limits.h"

namespace baton::service {

// How a step ended an attempt; UNSPECIFIED: it did not.
v1::AttemptOutcome OutcomeOf(const records::v1::Step& step);
// Whether it tells of a failure, whosever fault it was.
bool IsFailure(const records::v1::Step& step);

// One page. The request must pass CheckConditions. Errors: as LoadTask, NOT_A_ROOT, BAD_PAGE_TOKEN.
Error ListAttempts(const engine::View& view, const Clock& clock, const engine::DefaultOptions& defaults,
                   const v1::ListAttemptsRequest& request, const PageLimits& limits,
                   v1::ListAttemptsResponse* response);

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_READ_ATTEMPTS_H_
