#include "broker/service/attempt_token.h"

#include "absl/strings/str_cat.h"
#include "broker/engine/format/keys.h"

namespace baton::service {

void AppendAttemptToken(uint64_t incarnation, engine::AttemptId attempt, std::string* out) {
  const engine::Key token = engine::Key().U64(incarnation).U64(attempt.task).U32(attempt.attempt);
  const absl::string_view bytes = token;
  out->append(bytes.data(), bytes.size());
}

std::string AttemptTokenOf(uint64_t incarnation, engine::AttemptId attempt) {
  std::string token;
  AppendAttemptToken(incarnation, attempt, &token);
  return token;
}

Error ReadAttemptToken(const Field& field, absl::string_view token, uint64_t incarnation, engine::AttemptId* attempt) {
  if (token.empty()) {
    return InvalidArgument("BAD_ATTEMPT_TOKEN",
                           absl::StrCat(field.Path(), " is required: send the attempt_token of the delivery"));
  }
  if (token.size() != kAttemptTokenBytes) {
    return InvalidArgument("BAD_ATTEMPT_TOKEN",
                           absl::StrCat(field.Path(), " has ", token.size(), " bytes, an attempt token has ",
                                        kAttemptTokenBytes, ": send the attempt_token of the delivery unchanged"));
  }
  if (engine::ReadU64(token) != incarnation) {
    return Aborted("ATTEMPT_OVER", absl::StrCat(field.Path(),
                                                " belongs to another store (created anew, restored or "
                                                "repaired since): drop the attempt and its outcome"));
  }
  attempt->task = engine::ReadU64(token.substr(8));
  attempt->attempt = engine::ReadU32(token.substr(16));
  return {};
}

}  // namespace baton::service
