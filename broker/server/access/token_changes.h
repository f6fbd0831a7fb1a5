// What AccessAdmin does to tokens, and how it shows them.
#ifndef BATON_BROKER_SERVER_ACCESS_TOKEN_CHANGES_H_
#define BATON_BROKER_SERVER_ACCESS_TOKEN_CHANGES_H_

#include <vector>

#include "baton/v1/access.pb.h"
#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/server/access/token.h"

namespace baton::server {

// Each changes `tokens` and fills in the response, or leaves `tokens` alone. Errors: see proto/baton/v1/access.proto.
Error CreateToken(const v1::CreateTokenRequest& request, WallMicros now, std::vector<Token>* tokens,
                  v1::CreateTokenResponse* response);
Error RotateToken(const v1::RotateTokenRequest& request, WallMicros now, std::vector<Token>* tokens,
                  v1::RotateTokenResponse* response);
Error RevokeToken(const v1::RevokeTokenRequest& request, WallMicros now, std::vector<Token>* tokens);

v1::AccessToken WireToken(const Token& token, WallMicros now);
v1::AccessRole WireRole(Role role);

}  // namespace baton::server

#endif  // BATON_BROKER_SERVER_ACCESS_TOKEN_CHANGES_H_
