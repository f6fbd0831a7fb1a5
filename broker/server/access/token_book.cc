#include "broker/server/access/token_book.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"

namespace baton::server {

TokenBook::TokenBook(std::vector<Token> tokens) {
  std::sort(tokens.begin(), tokens.end(), [](const Token& a, const Token& b) { return a.name < b.name; });
  for (Token& token : tokens) {
    const auto shared = std::make_shared<const Token>(std::move(token));
    tokens_.push_back(shared);
    texts_[shared->secret.id] = {shared, &shared->secret};
    if (shared->old.has_value()) texts_[shared->old->id] = {shared, &*shared->old};
  }
}

TokenBook::Found TokenBook::Find(absl::string_view text, WallMicros now, std::string* why) const {
  const std::optional<absl::string_view> id = TokenIdOf(text);
  if (!id.has_value()) {
    *why = "it has not the form of an access token";
    return {};
  }
  const auto found = texts_.find(*id);
  if (found == texts_.end()) {
    *why = absl::StrCat("there is no token with id ", *id);
    return {};
  }
  const Found& known = found->second;
  if (!SameHash(known.secret->hash, HashOfToken(text))) {
    *why = absl::StrCat("its secret is not that of token '", known.token->name, "' (id ", *id, ")");
    return {};
  }
  if (known.secret->ValidAt(now)) return known;
  *why = absl::StrCat("token '", known.token->name, "' (id ", *id, ") has expired");
  return {};
}

bool TokenBook::StillHolds(absl::string_view id, const Token& token, WallMicros now) const {
  const auto found = texts_.find(id);
  return found != texts_.end() && found->second.secret->ValidAt(now) && found->second.token->SameRights(token);
}

WallMicros TokenBook::NextEnd(WallMicros now) const {
  WallMicros next = 0;
  for (const auto& [id, found] : texts_) {
    const WallMicros end = found.secret->end;
    if (end > now && (next == 0 || end < next)) next = end;
  }
  return next;
}

}  // namespace baton::server
