#ifndef BATON_BROKER_SERVER_ACCESS_TOKEN_H_
#define BATON_BROKER_SERVER_ACCESS_TOKEN_H_

#include <optional>
#include <string>

#include "broker/base/clock.h"
#include "broker/server/access/role.h"
#include "broker/server/access/token_text.h"
#include "broker/service/type_prefixes.h"

namespace baton::server {

// What the broker knows of an access token. Times are those of the wall clock; from its end on it is refused.
struct Token {
  // What is kept of one text.
  struct Secret {
    std::string id;
    Sha256 hash{};
    // 0: never.
    WallMicros end = 0;

    bool ValidAt(WallMicros now) const { return end == 0 || now < end; }
  };

  std::string name;
  Role role = Role::kSubmit;
  service::TypePrefixes types;
  bool payloads = false;
  WallMicros created = 0;
  Secret secret;
  // The one before a rotation.
  std::optional<Secret> old;

  // Payloads, results, contexts and metadata are to be left out of answers.
  bool HidesPayloads() const { return role == Role::kObserve && !payloads; }

  // May do the same: a call that was admitted by the one would be by the other.
  bool SameRights(const Token& other) const {
    return name == other.name && role == other.role && types.prefixes() == other.types.prefixes() &&
           payloads == other.payloads;
  }
};

}  // namespace baton::server

#endif  // BATON_BROKER_SERVER_ACCESS_TOKEN_H_
