// What is left out of answers: what the caller's access token may not show.
#ifndef BATON_BROKER_SERVER_ACCESS_REDACT_H_
#define BATON_BROKER_SERVER_ACCESS_REDACT_H_

#include <google/protobuf/message.h>

#include "baton/v1/admin.pb.h"
#include "baton/v1/explain.pb.h"
#include "broker/server/access/token.h"
#include "broker/service/type_prefixes.h"

namespace baton::server {

inline constexpr char kHiddenContentType[] = "application/x-baton-hidden";

// Every payload within loses its value and gets the content type above; metadata of reports is dropped.
void HidePayloads(google::protobuf::Message* message);

// Leave out what is of other types. Totals are counted anew where they can be, and else left out.
void KeepAllowed(const service::TypePrefixes& types, v1::ListTasksResponse* response);
void KeepAllowed(const service::TypePrefixes& types, v1::WatchResponse* response);
void KeepAllowed(const service::TypePrefixes& types, v1::ListTypesResponse* response);
void KeepAllowed(const service::TypePrefixes& types, v1::ListSchedulesResponse* response);
void KeepAllowed(const service::TypePrefixes& types, v1::GetStatisticsResponse* response);
void KeepAllowed(const service::TypePrefixes& types, v1::CountTasksResponse* response);
// How many children the task waits for stays: that names none of them.
void KeepAllowed(const service::TypePrefixes& types, v1::ExplainResponse* response);
// Others are about what was allowed before.
inline void KeepAllowed(const service::TypePrefixes&, google::protobuf::Message*) {}

template <typename Response>
void Redact(const Token& token, Response* response) {
  if (token.types.limited()) KeepAllowed(token.types, response);
  if (token.HidesPayloads()) HidePayloads(response);
}

}  // namespace baton::server

#endif  // BATON_BROKER_SERVER_ACCESS_REDACT_H_
