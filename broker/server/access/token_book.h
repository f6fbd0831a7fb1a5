#ifndef BATON_BROKER_SERVER_ACCESS_TOKEN_BOOK_H_
#define BATON_BROKER_SERVER_ACCESS_TOKEN_BOOK_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "broker/base/clock.h"
#include "broker/server/access/token.h"

namespace baton::server {

// All access tokens, as of one reading of their file. Immutable and thread-safe.
class TokenBook {
 public:
  // A token, and by which of its texts it was shown.
  struct Found {
    std::shared_ptr<const Token> token;
    const Token::Secret* secret = nullptr;
  };

  // Names and ids must be unique.
  explicit TokenBook(std::vector<Token> tokens);

  // In order of names.
  const std::vector<std::shared_ptr<const Token>>& tokens() const { return tokens_; }

  // The token with this text, if it is valid. Otherwise its token is null, and `why` says for the log what is wrong;
  // nothing of the secret is in there.
  Found Find(absl::string_view text, WallMicros now, std::string* why) const;

  // Whether a text that was found under this id, in this or in an earlier book, is still valid and of a token with the
  // same rights.
  bool StillHolds(absl::string_view id, const Token& token, WallMicros now) const;

  // When the next text ends; 0: none will.
  WallMicros NextEnd(WallMicros now) const;

 private:
  std::vector<std::shared_ptr<const Token>> tokens_;
  // By id.
  absl::flat_hash_map<std::string, Found> texts_;
};

}  // namespace baton::server

#endif  // BATON_BROKER_SERVER_ACCESS_TOKEN_BOOK_H_
