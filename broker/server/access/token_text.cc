#include "broker/server/access/token_text.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "broker/base/check.h"

namespace baton::server {
namespace {

constexpr absl::string_view kPrefix = "baton_";
constexpr absl::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz234567";
constexpr size_t kSecretBytes = 52;
static_assert(kPrefix.size() + kTokenIdBytes + 1 + kSecretBytes == kTokenTextBytes);

// Each character takes five bits of one random byte: nothing is gained by packing them.
std::string RandomCharacters(size_t count) {
  std::string text(count, '\0');
  BATON_CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(text.data()), static_cast<int>(count)) == 1,
              "OpenSSL has no random numbers");
  for (char& c : text) c = kAlphabet[static_cast<unsigned char>(c) % kAlphabet.size()];
  return text;
}

bool OfAlphabet(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= '2' && c <= '7'); });
}

}  // namespace

std::string NewTokenText() {
  return absl::StrCat(kPrefix, RandomCharacters(kTokenIdBytes), "_", RandomCharacters(kSecretBytes));
}

std::optional<absl::string_view> TokenIdOf(absl::string_view text) {
  if (text.size() != kTokenTextBytes || !absl::StartsWith(text, kPrefix)) return std::nullopt;
  const absl::string_view id = text.substr(kPrefix.size(), kTokenIdBytes);
  const absl::string_view secret = text.substr(kPrefix.size() + kTokenIdBytes + 1);
  if (text[kPrefix.size() + kTokenIdBytes] != '_' || !OfAlphabet(id) || !OfAlphabet(secret)) return std::nullopt;
  return id;
}

Sha256 HashOfToken(absl::string_view text) {
  Sha256 hash;
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), hash.data());
  return hash;
}

bool SameHash(const Sha256& a, const Sha256& b) { return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0; }

std::string HexOf(const Sha256& hash) {
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(hash.data()), hash.size()));
}

std::optional<Sha256> HashFromHex(absl::string_view hex) {
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  Sha256 hash;
  if (hex.size() != 2 * hash.size() || !std::all_of(hex.begin(), hex.end(), is_digit)) return std::nullopt;
  const std::string bytes = absl::HexStringToBytes(hex);
  std::copy(bytes.begin(), bytes.end(), hash.begin());
  return hash;
}

bool IsTokenId(absl::string_view id) { return id.size() == kTokenIdBytes && OfAlphabet(id); }

}  // namespace baton::server
