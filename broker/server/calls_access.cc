#include <utility>

#include "baton/v1/access.pb.h"
#include "broker/server/access/token_changes.h"
#include "broker/server/calls_parts.h"
#include "spdlog/spdlog.h"

namespace baton::server {
namespace {

Error AccessNotConfigured() {
  return FailedPrecondition("ACCESS_NOT_CONFIGURED",
                            "this broker has no access control: set access.tokens_file, and restart it");
}

Error RevokeAndAnswer(const v1::RevokeTokenRequest& request, WallMicros now, std::vector<Token>* tokens,
                      v1::RevokeTokenResponse*) {
  return RevokeToken(request, now, tokens);
}

}  // namespace

template <typename Request, typename Response>
void Calls::AddTokenChange(const std::string& name,
                           Error (*change)(const Request&, WallMicros, std::vector<Token>*, Response*)) {
  Add<Request>(access_, name, kCold, [this, name, change](UnaryCall* call, const Caller& caller, Request* request) {
    if (core_->tokens == nullptr) return AccessNotConfigured();
    auto work = [tokens = core_->tokens, name, change, request = *request, now = core_->clock->Read().wall,
                 actor = caller.actor](Response* response) {
      Error error =
          tokens->Change([&](std::vector<Token>* changed) { return change(request, now, changed, response); });
      if (error.ok()) spdlog::info("{} of access token '{}' by {}", name, request.name(), actor);
      return error;
    };
    return HandOver(ReplyFrom<Response>(call, caller, core_->mailbox), [this, &work](auto reply) {
      core_->partition->Read([work, reply](const std::shared_ptr<const engine::View>&) {
        Response response;
        Error error = work(&response);
        reply(std::move(error), std::move(response));
      });
      return Error{};
    });
  });
}

void Calls::AddAccess() {
  AddTokenChange("CreateToken", &CreateToken);
  AddTokenChange("RotateToken", &RotateToken);
  AddTokenChange("RevokeToken", &RevokeAndAnswer);
  Add<v1::ListTokensRequest>(access_, "ListTokens", kCold, [this](UnaryCall* call, const Caller&, auto*) {
    if (core_->access->book == nullptr) return AccessNotConfigured();
    v1::ListTokensResponse response;
    for (const std::shared_ptr<const Token>& token : core_->access->book->tokens()) {
      *response.add_tokens() = WireToken(*token, core_->clock->Read().wall);
    }
    call->Reply(ToBuffer(response));
    return Error{};
  });
}

}  // namespace baton::server
