#include "broker/server/caller.h"

namespace baton::server {

Error CallerOf(const grpc::ServerContext&, Caller* caller) {
  caller->actor = "local";
  return {};
}

}  // namespace baton::server
