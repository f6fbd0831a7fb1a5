// Attempt tokens: what was written is read back, anything else is refused or names another attempt.
#include <string>

#include "absl/strings/escaping.h"
#include "broker/base/check.h"
#include "broker/service/attempt_token.h"
#include "tests/fuzz/input.h"

namespace baton::fuzz {
namespace {

const service::Field kField("attempt_token");

void CheckRefusal(const Error& error) {
  BATON_CHECK(error.reason == std::string("BAD_ATTEMPT_TOKEN") || error.reason == std::string("ATTEMPT_OVER"),
              error.message);
  BATON_CHECK(error.message.find("attempt_token") != std::string::npos, error.message);
}

void Run(Input input) {
  const uint64_t incarnation = input.Number();
  const engine::AttemptId attempt{input.Number(), static_cast<uint32_t>(input.Number())};
  const std::string token = service::AttemptTokenOf(incarnation, attempt);
  engine::AttemptId read;
  BATON_CHECK(service::ReadAttemptToken(kField, token, incarnation, &read).ok(), absl::BytesToHexString(token));
  BATON_CHECK(read == attempt, absl::BytesToHexString(token));

  const std::string bytes(input.Rest());
  const Error error = service::ReadAttemptToken(kField, bytes, incarnation, &read);
  if (!error.ok()) return CheckRefusal(error);
  // One attempt has one token.
  BATON_CHECK(service::AttemptTokenOf(incarnation, read) == bytes, absl::BytesToHexString(bytes));
}

}  // namespace
}  // namespace baton::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  baton::fuzz::Run(baton::fuzz::Input(data, size));
  return 0;
}
