#ifndef BATON_BROKER_SERVER_CALLER_H_
#define BATON_BROKER_SERVER_CALLER_H_

#include <grpcpp/server_context.h>

#include <memory>
#include <string>

#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/server/access/rights_table.h"
#include "broker/server/access/token_book.h"

namespace baton::server {

// Who may call. Belongs to the completion queue's thread, but for `book` before that runs.
struct Access {
  const Clock* clock = nullptr;
  // Null: no access control, everybody is "local" and may do everything.
  std::shared_ptr<const TokenBook> book;
};

struct Caller {
  // Who it is, for the history: the name of its token; "local" without access control.
  std::string actor;
  // Null without access control.
  std::shared_ptr<const Token> token;
  // Of the text that it was shown by.
  std::string token_id;
  // It may call for tasks only that it submitted itself.
  bool own_only = false;

  // The types that it may have to do with; null: all.
  const service::TypePrefixes* types() const {
    return token != nullptr && token->types.limited() ? &token->types : nullptr;
  }
  // What the call is about has to be looked at too.
  bool limited() const { return own_only || types() != nullptr; }
};

// Checks who calls, and whether it has the right to; every call of every method but the health check passes here first.
// An error refuses the call: UNAUTHENTICATED/ACCESS_TOKEN_REQUIRED, UNAUTHENTICATED/ACCESS_TOKEN_REFUSED,
// PERMISSION_DENIED/RIGHT_REQUIRED.
Error CallerOf(const Access& access, const grpc::ServerContext& context, const Right& right, Caller* caller);

// Whether a caller that was admitted before would be now; the error is ACCESS_TOKEN_REFUSED. For streams.
Error StillAdmitted(const Access& access, const Caller& caller);

}  // namespace baton::server

#endif  // BATON_BROKER_SERVER_CALLER_H_
