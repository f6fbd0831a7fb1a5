// Access tokens as clients hold them: "baton_", 12 characters that name the token, "_", 52 characters that prove it,
// all of a–z and 2–7. Scanners for leaked secrets find them by baton_[a-z2-7]{12}_[a-z2-7]{52}.
#ifndef BATON_BROKER_SERVER_ACCESS_TOKEN_TEXT_H_
#define BATON_BROKER_SERVER_ACCESS_TOKEN_TEXT_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace baton::server {

inline constexpr size_t kTokenIdBytes = 12;
inline constexpr size_t kTokenTextBytes = 71;

using Sha256 = std::array<uint8_t, 32>;

// A new one, drawn at random: 60 bits of id and 256 of secret.
std::string NewTokenText();

// The id in a text of this form; nothing if it has another.
std::optional<absl::string_view> TokenIdOf(absl::string_view text);

// What the broker keeps of a text. One round of SHA-256 is enough, other than for passwords: a slow hash makes guessing
// expensive, and 256 random bits cannot be guessed at any speed.
Sha256 HashOfToken(absl::string_view text);

// In a time that does not depend on where they differ.
bool SameHash(const Sha256& a, const Sha256& b);

// 64 characters of 0–9 and a–f, and back.
std::string HexOf(const Sha256& hash);
std::optional<Sha256> HashFromHex(absl::string_view hex);

bool IsTokenId(absl::string_view id);

}  // namespace baton::server

#endif  // BATON_BROKER_SERVER_ACCESS_TOKEN_TEXT_H_
