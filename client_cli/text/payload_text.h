// Payloads, results and contexts: reading them from the command line, and showing them.
#pragma once

#include <istream>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "baton/v1/task.pb.h"
#include "client_cli/text/json_text.h"

namespace baton::cli {

// The content of a file. The error names the file and why it cannot be read.
absl::StatusOr<std::string> ReadFile(absl::string_view option, const std::string& path);

// What an argument stands for: "@FILE" the content of a file, "-" all of `input`, anything else itself.
absl::StatusOr<std::string> ReadArgument(absl::string_view option, const std::string& argument, std::istream& input);

// A JSON payload of an argument as ReadArgument takes it; refused unless it is well-formed.
absl::StatusOr<v1::Payload> ReadJsonPayload(absl::string_view option, const std::string& argument, std::istream& input);

// A payload of bytes.
absl::StatusOr<v1::Payload> ReadDataPayload(absl::string_view option, const std::string& argument, std::istream& input);

// The bytes of either kind.
const std::string& PayloadBytes(const v1::Payload& payload);

// The broker has left the value out, because the access token may not show it.
bool IsHidden(const v1::Payload& payload);

// The declared content type, or the one that the contract gives to this kind.
std::string ContentType(const v1::Payload& payload);

// The value itself where it is JSON, else {"data": base64, "content_type": …}.
Json PayloadJson(const v1::Payload& payload);

// One line for a table, cut to about a kilobyte; empty for an unset payload.
std::string PayloadPreview(const v1::Payload& payload);

}  // namespace baton::cli
