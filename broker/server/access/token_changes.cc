#include "broker/server/access/token_changes.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/server/access/token_file.h"
#include "broker/service/check.h"
#include "broker/service/field.h"
#include "broker/service/read/convert.h"

namespace baton::server {
namespace {

constexpr Micros kLongestLife = 3650 * kDay;
constexpr Micros kLongestOld = 30 * kDay;

std::vector<Token>::iterator FindToken(const std::string& name, std::vector<Token>* tokens) {
  return std::find_if(tokens->begin(), tokens->end(), [&name](const Token& token) { return token.name == name; });
}

Error TokenNotFound(const std::string& name) {
  return NotFound("TOKEN_NOT_FOUND", absl::StrCat("no access token is called '", name, "': see ListTokens"));
}

Error FromStatus(const absl::Status& status) {
  return status.ok() ? Error{} : InvalidArgument("BAD_TOKEN", std::string(status.message()));
}

Error DecodeRole(v1::AccessRole wire, Role* role) {
  for (const Role known : {Role::kSubmit, Role::kWork, Role::kObserve, Role::kOperate}) {
    if (WireRole(known) != wire) continue;
    *role = known;
    return {};
  }
  return InvalidArgument("OUT_OF_RANGE", absl::StrCat("role is ", static_cast<int>(wire),
                                                      ", known are 1 (SUBMIT), 2 (WORK), 3 (OBSERVE) and 4 (OPERATE)"));
}

Error DecodeLength(const char* name, const google::protobuf::Duration& wire, Micros low, Micros high, Micros* length) {
  const service::Field field(name);
  // What is far out of range would not fit into microseconds.
  constexpr int64_t kMostSeconds = int64_t{1} << 40;
  *length = std::clamp(wire.seconds(), -kMostSeconds, kMostSeconds) * kSecond + wire.nanos() / 1000;
  return service::CheckDuration(field, *length, low, high);
}

// A new text for a token, which lasts so long (0: for ever); answers it.
std::string GiveText(WallMicros now, Micros life, Token* token) {
  std::string text = NewTokenText();
  token->created = now;
  token->secret = {std::string(*TokenIdOf(text)), HashOfToken(text), life == 0 ? 0 : now + life};
  return text;
}

bool IsOperator(const Token& token, WallMicros now) {
  return token.role == Role::kOperate && !token.types.limited() && token.secret.ValidAt(now);
}

}  // namespace

Error CreateToken(const v1::CreateTokenRequest& request, WallMicros now, std::vector<Token>* tokens,
                  v1::CreateTokenResponse* response) {
  Token token;
  token.name = request.name();
  CHECK_FIELD(FromStatus(CheckTokenName(token.name)));
  CHECK_FIELD(DecodeRole(request.role(), &token.role));
  std::vector<std::string> prefixes(request.type_prefixes().begin(), request.type_prefixes().end());
  CHECK_FIELD(FromStatus(CheckTypePrefixes(prefixes)));
  token.types = service::TypePrefixes(std::move(prefixes));
  CHECK_FIELD(FromStatus(CheckPayloadsRight(token.role, request.payloads())));
  token.payloads = request.payloads();
  Micros life = 0;
  if (request.has_expires_in()) {
    CHECK_FIELD(DecodeLength("expires_in", request.expires_in(), kSecond, kLongestLife, &life));
  }
  if (FindToken(token.name, tokens) != tokens->end()) {
    return AlreadyExists("TOKEN_EXISTS", absl::StrCat("an access token is called '", token.name,
                                                      "': rotate or revoke it, or choose another name"));
  }
  response->set_text(GiveText(now, life, &token));
  *response->mutable_token() = WireToken(token, now);
  tokens->push_back(std::move(token));
  return {};
}

Error RotateToken(const v1::RotateTokenRequest& request, WallMicros now, std::vector<Token>* tokens,
                  v1::RotateTokenResponse* response) {
  const auto found = FindToken(request.name(), tokens);
  if (found == tokens->end()) return TokenNotFound(request.name());
  Token token = *found;
  Micros keep = 0, life = token.secret.end == 0 ? 0 : std::max<Micros>(token.secret.end - token.created, kSecond);
  if (request.has_keep_old()) CHECK_FIELD(DecodeLength("keep_old", request.keep_old(), 0, kLongestOld, &keep));
  if (request.has_expires_in()) {
    CHECK_FIELD(DecodeLength("expires_in", request.expires_in(), kSecond, kLongestLife, &life));
  }
  token.old.reset();
  if (keep > 0 && token.secret.ValidAt(now)) {
    token.old = token.secret;
    token.old->end = token.secret.end == 0 ? now + keep : std::min(token.secret.end, now + keep);
  }
  response->set_text(GiveText(now, life, &token));
  *response->mutable_token() = WireToken(token, now);
  *found = std::move(token);
  return {};
}

Error RevokeToken(const v1::RevokeTokenRequest& request, WallMicros now, std::vector<Token>* tokens) {
  const auto found = FindToken(request.name(), tokens);
  if (found == tokens->end()) return TokenNotFound(request.name());
  const auto operators =
      std::count_if(tokens->begin(), tokens->end(), [now](const Token& token) { return IsOperator(token, now); });
  if (IsOperator(*found, now) && operators == 1) {
    return FailedPrecondition("LAST_OPERATOR",
                              absl::StrCat("'", request.name(),
                                           "' is the last valid token of role operate without type "
                                           "prefixes, so that nobody could administer tokens any more: create another "
                                           "one first"));
  }
  tokens->erase(found);
  return {};
}

v1::AccessRole WireRole(Role role) {
  switch (role) {
    case Role::kSubmit:
      return v1::ACCESS_ROLE_SUBMIT;
    case Role::kWork:
      return v1::ACCESS_ROLE_WORK;
    case Role::kObserve:
      return v1::ACCESS_ROLE_OBSERVE;
    case Role::kOperate:
      return v1::ACCESS_ROLE_OPERATE;
  }
  return v1::ACCESS_ROLE_UNSPECIFIED;
}

v1::AccessToken WireToken(const Token& token, WallMicros now) {
  v1::AccessToken wire;
  wire.set_name(token.name);
  wire.set_role(WireRole(token.role));
  for (const std::string& prefix : token.types.prefixes()) wire.add_type_prefixes(prefix);
  wire.set_payloads(token.payloads);
  if (token.created != 0) *wire.mutable_created_at() = service::WireTime(token.created);
  if (token.secret.end != 0) *wire.mutable_expires_at() = service::WireTime(token.secret.end);
  if (token.old.has_value() && token.old->ValidAt(now)) *wire.mutable_old_until() = service::WireTime(token.old->end);
  return wire;
}

}  // namespace baton::server
