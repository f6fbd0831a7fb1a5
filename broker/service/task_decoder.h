// From wire to engine: tasks, their options and payloads. Every field is checked against its comment in
// proto/baton/v1/task.proto; the first bad one is named.
#ifndef BATON_BROKER_SERVICE_TASK_DECODER_H_
#define BATON_BROKER_SERVICE_TASK_DECODER_H_

#include <string>

#include "absl/strings/string_view.h"
#include "baton/v1/task.pb.h"
#include "broker/base/error.h"
#include "broker/base/hash.h"
#include "broker/engine/command.h"
#include "broker/engine/options.h"
#include "broker/service/decoding.h"
#include "broker/service/field.h"

namespace baton::service {

// PAYLOAD_TOO_LARGE, MALFORMED_JSON, or a bad content type.
Error CheckPayload(const Decoding& decoding, const Field& field, const v1::Payload& payload);

Error DecodeOptions(const Field& field, const v1::TaskOptions& wire, engine::Options* options);

// Of the options only max_retries and the retry_ fields; the others are neither read nor checked.
Error DecodeRetryStrategy(const Field& field, const v1::TaskOptions& wire, engine::Options* options);

// Capabilities as a sorted set without repeats.
Error DecodeCapabilities(const Field& field, const google::protobuf::RepeatedPtrField<std::string>& wire, size_t limit,
                         engine::Capabilities* capabilities);

enum class TaskRole { kSubmitted, kChild };

// Fills in everything that the engine's NewTask wants from a decoder. On an error `task` is of no use.
Error DecodeNewTask(const Decoding& decoding, const Field& field, TaskRole role, const std::string& actor,
                    const v1::NewTask& wire, engine::NewTask* task);

// What stands for a unique key on disk.
Hash128 UniqueHashOf(absl::string_view type, absl::string_view unique_key);

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_TASK_DECODER_H_
