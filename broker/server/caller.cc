#include "broker/server/caller.h"

#include <iterator>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "spdlog/spdlog.h"

namespace baton::server {
namespace {

constexpr absl::string_view kScheme = "Bearer ";

Error TokenRequired(absl::string_view why) {
  return {absl::StatusCode::kUnauthenticated, "ACCESS_TOKEN_REQUIRED",
          absl::StrCat(why,
                       ": send an access token as metadata `authorization: Bearer baton_…` (SDK: access_token_file; "
                       "baton: --token-file; both: BATON_ACCESS_TOKEN_FILE); the broker's operator has one made "
                       "with `baton token create`")};
}

// One for all causes, so that nobody learns which names and ids there are.
Error TokenRefused() {
  return {
      absl::StatusCode::kUnauthenticated, "ACCESS_TOKEN_REFUSED",
      "the access token is not valid here: it is unknown, was revoked or replaced, or has expired; ask the broker's "
      "operator for another one"};
}

Error RightRequired(const Token& token, const Right& right) {
  std::vector<const char*> roles;
  for (size_t i = 0; i < kRoleNames.size(); ++i) {
    if (right.grants[i] != Grant::kNo) roles.push_back(kRoleNames[i]);
  }
  return {absl::StatusCode::kPermissionDenied, "RIGHT_REQUIRED",
          absl::StrCat("access token '", token.name, "' has role ", NameOf(token.role), ", which may not call ",
                       right.service, "/", right.method, ": that needs role ", absl::StrJoin(roles, " or "))};
}

Error LimitInTheWay(const Token& token, const Right& right) {
  return {absl::StatusCode::kPermissionDenied, "RIGHT_REQUIRED",
          absl::StrCat("access token '", token.name, "' is limited to type prefixes, and ", right.service, "/",
                       right.method, " reaches beyond them: that needs a token of role ", NameOf(token.role),
                       " without type prefixes")};
}

// The text of the token in the metadata of a call.
Error ReadTokenText(const grpc::ServerContext& context, absl::string_view* text) {
  const auto [begin, end] = context.client_metadata().equal_range("authorization");
  if (begin == end) return TokenRequired("this broker wants to know who calls, and the call has no access token");
  if (std::next(begin) != end) return TokenRequired("the call has several values of `authorization`");
  const absl::string_view value(begin->second.data(), begin->second.size());
  if (!absl::StartsWithIgnoreCase(value, kScheme)) {
    return TokenRequired("the metadata `authorization` of the call does not begin with `Bearer `");
  }
  *text = absl::StripAsciiWhitespace(value.substr(kScheme.size()));
  if (!text->empty()) return {};
  return TokenRequired("the metadata `authorization` of the call has no token after `Bearer `");
}

}  // namespace

Error CallerOf(const Access& access, const grpc::ServerContext& context, const Right& right, Caller* caller) {
  if (access.book == nullptr) {
    caller->actor = "local";
    return {};
  }
  absl::string_view text;
  if (Error error = ReadTokenText(context, &text); !error.ok()) return error;
  std::string why;
  const TokenBook::Found found = access.book->Find(text, access.clock->Read().wall, &why);
  if (found.token == nullptr) {
    spdlog::debug("a call of {}/{} from {} is refused: {}", right.service, right.method, context.peer(), why);
    return TokenRefused();
  }
  const Token& token = *found.token;
  const Grant grant = right.GrantOf(token.role);
  if (grant == Grant::kNo) return RightRequired(token, right);
  if (token.types.limited() && right.reach == Reach::kEverything) return LimitInTheWay(token, right);
  caller->actor = token.name;
  caller->token = found.token;
  caller->token_id = found.secret->id;
  caller->own_only = grant == Grant::kOwn;
  return {};
}

Error StillAdmitted(const Access& access, const Caller& caller) {
  if (access.book == nullptr || caller.token == nullptr) return {};
  const bool holds = access.book->StillHolds(caller.token_id, *caller.token, access.clock->Read().wall);
  return holds ? Error{} : TokenRefused();
}

}  // namespace baton::server
