#include "client_cli/text/payload_text.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client_cli/text/style.h"

namespace baton::cli {
namespace {

constexpr size_t kPreviewColumns = 1000;

std::string SourceName(absl::string_view option, const std::string& argument) {
  if (argument == "-") return absl::StrCat(option, " (standard input)");
  return absl::StartsWith(argument, "@") ? absl::StrCat(option, " (", argument.substr(1), ")") : std::string(option);
}

std::optional<Json> AsJson(const v1::Payload& payload) {
  if (payload.has_json()) return ParseJson(payload.json());
  if (absl::StartsWith(payload.content_type(), "application/json")) return ParseJson(payload.data());
  return std::nullopt;
}

bool IsText(absl::string_view bytes) { return Printable(bytes).find("\\x") == std::string::npos; }

}  // namespace

absl::StatusOr<std::string> ReadFile(absl::string_view option, const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  // Opening a folder succeeds, reading from it does not.
  if (file.is_open() && (file.peek(), !file.bad())) {
    if (!file.eof()) content << file.rdbuf();
    if (!file.bad()) return std::move(content).str();
  }
  return absl::InvalidArgumentError(absl::StrCat(option, ": cannot read ", path, ": ", std::strerror(errno)));
}

absl::StatusOr<std::string> ReadArgument(absl::string_view option, const std::string& argument, std::istream& input) {
  if (absl::StartsWith(argument, "@")) return ReadFile(option, argument.substr(1));
  if (argument != "-") return argument;
  return std::string(std::istreambuf_iterator<char>(input), std::istreambuf_iterator<char>());
}

absl::StatusOr<v1::Payload> ReadJsonPayload(absl::string_view option, const std::string& argument,
                                            std::istream& input) {
  absl::StatusOr<std::string> text = ReadArgument(option, argument, input);
  if (!text.ok()) return text.status();
  absl::Status well_formed = CheckJson(SourceName(option, argument), *text);
  if (!well_formed.ok()) return well_formed;
  v1::Payload payload;
  payload.set_json(*std::move(text));
  return payload;
}

absl::StatusOr<v1::Payload> ReadDataPayload(absl::string_view option, const std::string& argument,
                                            std::istream& input) {
  absl::StatusOr<std::string> bytes = ReadArgument(option, argument, input);
  if (!bytes.ok()) return bytes.status();
  v1::Payload payload;
  payload.set_data(*std::move(bytes));
  return payload;
}

const std::string& PayloadBytes(const v1::Payload& payload) {
  return payload.has_json() ? payload.json() : payload.data();
}

bool IsHidden(const v1::Payload& payload) {
  return payload.value_case() == v1::Payload::VALUE_NOT_SET && payload.content_type() == "application/x-baton-hidden";
}

std::string ContentType(const v1::Payload& payload) {
  if (!payload.content_type().empty()) return payload.content_type();
  return payload.has_json() ? "application/json" : "application/octet-stream";
}

Json PayloadJson(const v1::Payload& payload) {
  if (IsHidden(payload)) return {{"content_type", payload.content_type()}};
  if (payload.value_case() == v1::Payload::VALUE_NOT_SET) return nullptr;
  if (std::optional<Json> value = AsJson(payload)) return *std::move(value);
  return {{"data", absl::Base64Escape(PayloadBytes(payload))}, {"content_type", ContentType(payload)}};
}

std::string PayloadPreview(const v1::Payload& payload) {
  if (IsHidden(payload)) return "(hidden: the access token may not see payloads)";
  const std::string& bytes = PayloadBytes(payload);
  if (bytes.empty()) return "";
  if (!IsText(bytes)) return absl::StrCat("(", bytes.size(), " bytes of ", ContentType(payload), ")");
  std::optional<Json> value = AsJson(payload);
  std::string text = Printable(value.has_value() ? CompactJson(*value) : bytes);
  if (DisplayWidth(text) <= kPreviewColumns) return text;
  return absl::StrCat(Shorten(text, kPreviewColumns), " (", bytes.size(), " bytes in all)");
}

}  // namespace baton::cli
