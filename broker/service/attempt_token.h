// Attempt tokens: the proof of an attempt. 20 bytes, big-endian: incarnation of the store (8), task (8), attempt (4).
// Opaque to clients, and an incarnation is random, so tokens of another store never fit.
#ifndef BATON_BROKER_SERVICE_ATTEMPT_TOKEN_H_
#define BATON_BROKER_SERVICE_ATTEMPT_TOKEN_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "broker/base/error.h"
#include "broker/engine/command.h"
#include "broker/service/field.h"

namespace baton::service {

inline constexpr size_t kAttemptTokenBytes = 20;

void AppendAttemptToken(uint64_t incarnation, engine::AttemptId attempt, std::string* out);
std::string AttemptTokenOf(uint64_t incarnation, engine::AttemptId attempt);

// Errors: INVALID_ARGUMENT/BAD_ATTEMPT_TOKEN not a token at all; ABORTED/ATTEMPT_OVER a token of another store.
Error ReadAttemptToken(const Field& field, absl::string_view token, uint64_t incarnation, engine::AttemptId* attempt);

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_ATTEMPT_TOKEN_H_
