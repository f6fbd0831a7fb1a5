#ifndef BATON_BROKER_SERVER_CALLER_H_
#define BATON_BROKER_SERVER_CALLER_H_

#include <grpcpp/server_context.h>

#include <string>

#include "broker/base/error.h"

namespace baton::server {

struct Caller {
  // Who it is, for the history; "local" without access control.
  std::string actor;
};

// Checks who calls; every call of every method passes here first. An error refuses the call.
//
// The broker has no access control yet and listens only where local processes reach it, so everybody is "local".
Error CallerOf(const grpc::ServerContext& context, Caller* caller);

}  // namespace baton::server

#endif  // BATON_BROKER_SERVER_CALLER_H_
