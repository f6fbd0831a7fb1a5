// What of a history a list of events or attempts is asked for.
#ifndef BATON_BROKER_SERVICE_READ_HISTORY_FILTER_H_
#define BATON_BROKER_SERVICE_READ_HISTORY_FILTER_H_

#include <string>

#include "baton/v1/admin.pb.h"
#include "broker/base/error.h"

namespace baton::service {

// INVALID_ARGUMENT, naming the field: FIELD_REQUIRED neither a task nor a workflow; BAD_FILTER the conditions cannot
// mean anything.
Error CheckConditions(const v1::ListEventsRequest& request);
Error CheckConditions(const v1::ListAttemptsRequest& request);

// Whether all conditions hold. They must have been checked.
bool Matches(const v1::ListEventsRequest& request, const v1::Event& event);
bool Matches(const v1::ListAttemptsRequest& request, const v1::Attempt& attempt);

// What page tokens of this list are bound to: everything but the page itself. Serialization of one message by one
// program is the same each time, and a token that is refused after an update of the broker costs a restart of the list.
template <typename Request>
std::string ListNameOf(const char* what, Request request) {
  request.clear_page_size();
  request.clear_page_token();
  return what + request.SerializeAsString();
}

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_READ_HISTORY_FILTER_H_
