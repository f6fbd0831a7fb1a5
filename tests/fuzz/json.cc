// JSON wherever it is read or made: the broker, the command line and the worker library agree on what it is, none is
// brought down by it, however deep, and what they make of it is JSON again.
#include <algorithm>
#include <optional>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "baton/json.h"
#include "baton/v1/task.pb.h"
#include "baton/v1/worker.pb.h"
#include "broker/base/check.h"
#include "broker/service/field.h"
#include "client_cli/text/json_text.h"
#include "client_cli/text/message_json.h"
#include "client_cli/text/payload_text.h"
#include "tests/fuzz/input.h"
#include "worker_sdk/src/text.h"

namespace baton::fuzz {
namespace {

// What the broker takes as a payload.
constexpr size_t kLongestText = 1 << 20;

// Text as it comes, or a part of it over and over: nesting that no input of this size could spell out.
std::string TakeText(Input& input) {
  if (input.Chance(224)) return std::string(input.Rest());
  const size_t times = size_t{1} << input.Below(19);
  const absl::string_view begin = input.Bytes(8), end = input.Bytes(8);
  const std::string middle(input.Rest());
  std::string text;
  for (size_t i = 0; i < times; ++i) absl::StrAppend(&text, begin);
  text += middle;
  for (size_t i = 0; i < times; ++i) absl::StrAppend(&text, end);
  return text.substr(0, std::min(text.size(), kLongestText));
}

std::string Shown(const std::string& text) { return absl::CHexEscape(text.substr(0, 500)); }

void CheckIsJson(const std::string& text, const std::string& made_of) {
  BATON_CHECK(nlohmann::json::accept(text), absl::StrCat(Shown(text), " made of ", Shown(made_of)));
}

void CheckAgreement(const std::string& text) {
  const service::Field field("payload");
  const bool taken = service::CheckJson(field, text).ok();
  const absl::Status cli = cli::CheckJson("--json", text);
  BATON_CHECK(cli.ok() == taken, absl::StrCat(Shown(text), ": ", cli.ToString()));
  if (!text.empty()) {
    const bool object = service::CheckMetadata(field, text, kLongestText).ok();
    BATON_CHECK(internal::IsJsonObject(text) == object, Shown(text));
  }
}

void CheckLibrary(const std::string& text) {
  const absl::StatusOr<nlohmann::json> value = ParseJson(Payload::Json(text));
  if (!value.ok()) return;
  const nlohmann::json copy = *value;  // As handlers do.
  const Payload again(copy);
  CheckIsJson(again.json_text(), text);
}

void CheckCommandLine(const std::string& text) {
  v1::Task task;
  task.mutable_payload()->set_json(text);
  task.mutable_result()->set_data(text);
  task.mutable_result()->set_content_type("application/json");
  task.mutable_context()->set_data(text);
  task.mutable_progress()->set_metadata_json(text);
  const cli::Json message = cli::MessageJson(task);
  CheckIsJson(cli::CompactJson(message), text);
  CheckIsJson(cli::PrettyJson(message), text);
  cli::PayloadPreview(task.payload());
  const std::optional<cli::Json> value = cli::ParseJson(text);
  if (value.has_value()) CheckIsJson(cli::CompactJson(*value), text);
}

// Whatever a broker sends: fields that are out of range, times that are none.
void CheckMessages(const std::string& bytes) {
  v1::Task task;
  if (task.ParseFromString(bytes)) CheckIsJson(cli::PrettyJson(cli::MessageJson(task)), bytes);
  v1::Outcome outcome;
  if (outcome.ParseFromString(bytes)) CheckIsJson(cli::PrettyJson(cli::MessageJson(outcome)), bytes);
  v1::Hello hello;
  if (hello.ParseFromString(bytes)) CheckIsJson(cli::PrettyJson(cli::MessageJson(hello)), bytes);
}

void Run(Input input) {
  const bool is_message = input.Chance(32);
  const std::string text = TakeText(input);
  if (is_message) return CheckMessages(text);
  CheckAgreement(text);
  CheckLibrary(text);
  CheckCommandLine(text);
}

}  // namespace
}  // namespace baton::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  baton::fuzz::Run(baton::fuzz::Input(data, size));
  return 0;
}
