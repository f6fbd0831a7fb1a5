#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <map>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "broker/base/status_macros.h"
#include "broker/server/access/token_file.h"
#include "broker/server/nearest_name.h"
#include "broker/service/field.h"

namespace baton::server {
namespace {

constexpr char kHeader[] =
    "# Access tokens of a Baton broker. `baton token` and the broker write this file anew, and leave out comments.\n"
    "# After a change by hand: systemctl reload batond, or SIGHUP. Only its owner may read it (chmod 600).\n";

absl::Status WrongKey(absl::string_view key, absl::string_view is_wrong) {
  return absl::InvalidArgumentError(absl::StrCat(key, " ", is_wrong));
}

absl::Status ReadText(absl::string_view key, const toml::node& node, std::string* text) {
  if (!node.is_string()) return WrongKey(key, "is no text: write it in quotes");
  *text = node.as_string()->get();
  return absl::OkStatus();
}

absl::Status ReadTime(absl::string_view key, const toml::node& node, WallMicros* time) {
  const auto* read = node.as_date_time();
  if (read == nullptr || !read->get().offset.has_value()) {
    return WrongKey(key, "is no instant: write it such as 2030-12-31T23:59:59Z, without quotes");
  }
  const toml::date_time& value = read->get();
  const absl::CivilSecond second(value.date.year, value.date.month, value.date.day, value.time.hour, value.time.minute,
                                 value.time.second);
  const absl::Time utc = absl::FromCivil(second, absl::UTCTimeZone()) + absl::Nanoseconds(value.time.nanosecond) -
                         absl::Minutes(value.offset->minutes);
  *time = absl::ToUnixMicros(utc);
  return absl::OkStatus();
}

absl::Status ReadId(absl::string_view key, const toml::node& node, std::string* id) {
  RETURN_IF_ERROR(ReadText(key, node, id));
  return IsTokenId(*id) ? absl::OkStatus() : WrongKey(key, "is no id: 12 characters of a-z and 2-7");
}

absl::Status ReadHash(absl::string_view key, const toml::node& node, Sha256* hash) {
  std::string hex;
  RETURN_IF_ERROR(ReadText(key, node, &hex));
  const std::optional<Sha256> read = HashFromHex(hex);
  if (!read.has_value()) return WrongKey(key, "is no SHA-256: 64 characters of 0-9 and a-f");
  *hash = *read;
  return absl::OkStatus();
}

absl::Status ReadName(const toml::node& node, Token* token) {
  RETURN_IF_ERROR(ReadText("name", node, &token->name));
  return CheckTokenName(token->name);
}

absl::Status ReadRole(const toml::node& node, Token* token) {
  std::string name;
  RETURN_IF_ERROR(ReadText("role", node, &name));
  const std::optional<Role> role = RoleNamed(name);
  if (!role.has_value()) {
    return WrongKey("role", absl::StrCat("is '", name, "': it is one of ", absl::StrJoin(kRoleNames, ", ")));
  }
  token->role = *role;
  return absl::OkStatus();
}

absl::Status ReadPrefixes(const toml::node& node, Token* token) {
  constexpr char kShape[] = "is no list of texts: write [\"mail.\", \"report.\"]";
  if (!node.is_array()) return WrongKey("type_prefixes", kShape);
  std::vector<std::string> prefixes;
  for (const toml::node& item : *node.as_array()) {
    if (!item.is_string()) return WrongKey("type_prefixes", kShape);
    prefixes.push_back(item.as_string()->get());
  }
  RETURN_IF_ERROR(CheckTypePrefixes(prefixes));
  token->types = service::TypePrefixes(std::move(prefixes));
  return absl::OkStatus();
}

absl::Status ReadPayloads(const toml::node& node, Token* token) {
  if (!node.is_boolean()) return WrongKey("payloads", "is neither true nor false");
  token->payloads = node.as_boolean()->get();
  return absl::OkStatus();
}

// What it is made of is named: clang 14 does not see that one can be made of nothing.
Token::Secret& OldOf(Token* token) {
  return token->old.has_value() ? *token->old : token->old.emplace(Token::Secret());
}

struct TokenKey {
  const char* name;
  bool required;
  absl::Status (*read)(const toml::node&, Token*);
};

constexpr std::array<TokenKey, 11> kKeys = {{
    {"name", true, ReadName},
    {"role", true, ReadRole},
    {"type_prefixes", false, ReadPrefixes},
    {"payloads", false, ReadPayloads},
    {"created", true, [](const toml::node& node, Token* token) { return ReadTime("created", node, &token->created); }},
    {"expires", false,
     [](const toml::node& node, Token* token) { return ReadTime("expires", node, &token->secret.end); }},
    {"id", true, [](const toml::node& node, Token* token) { return ReadId("id", node, &token->secret.id); }},
    {"sha256", true,
     [](const toml::node& node, Token* token) { return ReadHash("sha256", node, &token->secret.hash); }},
    {"old_id", false, [](const toml::node& node, Token* token) { return ReadId("old_id", node, &OldOf(token).id); }},
    {"old_sha256", false,
     [](const toml::node& node, Token* token) { return ReadHash("old_sha256", node, &OldOf(token).hash); }},
    {"old_expires", false,
     [](const toml::node& node, Token* token) { return ReadTime("old_expires", node, &OldOf(token).end); }},
}};

absl::Status UnknownKey(const std::string& key) {
  const auto* nearest = std::min_element(kKeys.begin(), kKeys.end(), [&key](const TokenKey& a, const TokenKey& b) {
    return EditDistance(key, a.name) < EditDistance(key, b.name);
  });
  return absl::InvalidArgumentError(
      absl::StrCat("a token has no key '", key, "'; the nearest is '", nearest->name, "'"));
}

absl::Status TokenAt(const std::string& file, const toml::node& node, const absl::Status& status) {
  if (status.ok()) return status;
  return absl::InvalidArgumentError(absl::StrCat(file, ":", node.source().begin.line, ": ", status.message()));
}

// What no single key shows.
absl::Status CheckWhole(const toml::table& table, const Token& token) {
  for (const TokenKey& key : kKeys) {
    if (key.required && !table.contains(key.name)) {
      return absl::InvalidArgumentError(absl::StrCat("a token has no ", key.name, ", which is required"));
    }
  }
  const bool whole_old = table.contains("old_id") && table.contains("old_sha256") && table.contains("old_expires");
  if (token.old.has_value() && !whole_old) {
    return absl::InvalidArgumentError("old_id, old_sha256 and old_expires go together: set all of them, or none");
  }
  return CheckPayloadsRight(token.role, token.payloads);
}

absl::StatusOr<Token> ReadToken(const toml::table& table, const std::string& file) {
  Token token;
  for (const auto& [name, node] : table) {
    const std::string key(name.str());
    const auto* known = std::find_if(kKeys.begin(), kKeys.end(), [&](const TokenKey& k) { return key == k.name; });
    RETURN_IF_ERROR(TokenAt(file, node, known == kKeys.end() ? UnknownKey(key) : known->read(node, &token)));
  }
  RETURN_IF_ERROR(TokenAt(file, table, CheckWhole(table, token)));
  return token;
}

// Finds what two tokens have in common that only one may have.
class UniqueTokens {
 public:
  absl::Status Add(const Token& token, size_t line) {
    RETURN_IF_ERROR(AddOne("name", token.name, line));
    RETURN_IF_ERROR(AddSecret("", token.secret, line));
    return token.old.has_value() ? AddSecret("old_", *token.old, line) : absl::OkStatus();
  }

 private:
  absl::Status AddSecret(absl::string_view prefix, const Token::Secret& secret, size_t line) {
    RETURN_IF_ERROR(AddOne(absl::StrCat(prefix, "id"), secret.id, line));
    return AddOne(absl::StrCat(prefix, "sha256"), HexOf(secret.hash), line);
  }
  // Names, ids and hashes differ in their forms, so one map will do.
  absl::Status AddOne(const std::string& key, const std::string& value, size_t line) {
    const auto [found, is_new] = seen_.emplace(absl::StrCat(key == "name" ? "name " : "", value), line);
    if (is_new) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat(key, " is '", value, "', as of the token of line ", found->second, ": each token has its own"));
  }

  std::map<std::string, size_t> seen_;
};

absl::StatusOr<std::vector<Token>> ReadTokens(const toml::table& all, const std::string& file) {
  std::vector<Token> tokens;
  UniqueTokens unique;
  for (const auto& [name, node] : all) {
    const toml::array* tables = node.as_array();
    if (name.str() != "token" || tables == nullptr || !tables->is_array_of_tables()) {
      return TokenAt(file, node,
                     absl::InvalidArgumentError(absl::StrCat("there is '", std::string(name.str()),
                                                             "', but the file has only tables [[token]]")));
    }
    for (const toml::node& table : *tables) {
      ASSIGN_OR_RETURN(Token token, ReadToken(*table.as_table(), file));
      RETURN_IF_ERROR(TokenAt(file, table, unique.Add(token, table.source().begin.line)));
      tokens.push_back(std::move(token));
    }
  }
  return tokens;
}

std::string TomlTime(WallMicros time) {
  return absl::FormatTime("%Y-%m-%d%ET%H:%M:%E*SZ", absl::FromUnixMicros(time), absl::UTCTimeZone());
}

// None of what is written needs to be escaped.
void AppendText(absl::string_view key, absl::string_view text, std::string* toml) {
  absl::StrAppend(toml, key, " = \"", text, "\"\n");
}

}  // namespace

absl::Status CheckTokenName(absl::string_view name) {
  const Error error = service::CheckName(service::Field("name"), name, service::Presence::kRequired, kTokenNameBytes);
  if (!error.ok()) return absl::InvalidArgumentError(error.message);
  if (name != "local" && name != "broker") return absl::OkStatus();
  return WrongKey("name", absl::StrCat("is '", name, "', which stands for others in histories: choose another"));
}

absl::Status CheckTypePrefixes(const std::vector<std::string>& prefixes) {
  const service::Field field("type_prefixes");
  Error error = service::CheckCount(field, prefixes.size(), kTokenPrefixes, "make several tokens");
  for (size_t i = 0; error.ok() && i < prefixes.size(); ++i) {
    error = service::CheckName(service::Field("type_prefixes", static_cast<int>(i)), prefixes[i],
                               service::Presence::kRequired, 128);
  }
  return error.ok() ? absl::OkStatus() : absl::InvalidArgumentError(error.message);
}

absl::Status CheckPayloadsRight(Role role, bool payloads) {
  if (!payloads || role == Role::kObserve) return absl::OkStatus();
  return WrongKey("payloads",
                  absl::StrCat("is set, but it is only for role observe, and this token's is ", NameOf(role),
                               ": it sees those of the tasks that it may see anyway; leave it out"));
}

absl::StatusOr<std::vector<Token>> ParseTokens(const std::string& toml_text, const std::string& file) {
  try {
    return ReadTokens(toml::parse(toml_text, file), file);
  } catch (const toml::parse_error& error) {
    return absl::InvalidArgumentError(
        absl::StrCat(file, ":", error.source().begin.line, ": not TOML: ", std::string(error.description())));
  }
}

std::string TokensToToml(const std::vector<Token>& tokens) {
  std::string toml = kHeader;
  for (const Token& token : tokens) {
    absl::StrAppend(&toml, "\n[[token]]\n");
    AppendText("name", token.name, &toml);
    AppendText("role", NameOf(token.role), &toml);
    if (token.types.limited()) {
      absl::StrAppend(&toml, "type_prefixes = [\"", absl::StrJoin(token.types.prefixes(), "\", \""), "\"]\n");
    }
    if (token.payloads) absl::StrAppend(&toml, "payloads = true\n");
    if (token.created != 0) absl::StrAppend(&toml, "created = ", TomlTime(token.created), "\n");
    if (token.secret.end != 0) absl::StrAppend(&toml, "expires = ", TomlTime(token.secret.end), "\n");
    AppendText("id", token.secret.id, &toml);
    AppendText("sha256", HexOf(token.secret.hash), &toml);
    if (!token.old.has_value()) continue;
    AppendText("old_id", token.old->id, &toml);
    AppendText("old_sha256", HexOf(token.old->hash), &toml);
    absl::StrAppend(&toml, "old_expires = ", TomlTime(token.old->end), "\n");
  }
  return toml;
}

}  // namespace baton::server
