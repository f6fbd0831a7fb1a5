// Values as they are stored, as the wire shows them.
#ifndef BATON_BROKER_SERVICE_READ_CONVERT_H_
#define BATON_BROKER_SERVICE_READ_CONVERT_H_

#include <string>

#include "absl/strings/string_view.h"
#include "baton/records/v1/records.pb.h"
#include "baton/v1/admin.pb.h"
#include "baton/v1/task.pb.h"
#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/engine/catalog.h"
#include "broker/engine/options.h"

namespace baton::service {

// PAUSED hides the state beneath. NONE, STAGED and REMOVED, which no caller ever sees, are UNSPECIFIED.
v1::TaskState WireState(records::v1::LiveState state, bool paused);

v1::Payload WirePayload(const records::v1::Payload& payload);
v1::Progress WireProgress(const records::v1::Progress& progress);
v1::Checkpoint WireCheckpoint(const records::v1::Checkpoint& checkpoint);

v1::WhenUndecided WireUndecided(records::v1::Mutable::Undecided when_undecided);

// Only what is set.
v1::TaskOptions WireOptions(const engine::Options& options);

// What is in force for a task: priority and capabilities were settled when it was created; the rest is settled by its
// own options and those of the worker that claimed it. `options_number` 0 means that none has: then it is only what
// the task itself sets. Any other number must be one of `catalog` (CheckAttemptOptions).
v1::TaskOptions OptionsInForce(const records::v1::TaskRow& row, const engine::ClassInfo& info,
                               engine::OptionsNumber options_number, const engine::Catalog& catalog,
                               const engine::DefaultOptions& defaults);

google::protobuf::Timestamp WireTime(WallMicros time);
// `time` must have passed CheckTime.
WallMicros FromWireTime(const google::protobuf::Timestamp& time);
// INVALID_ARGUMENT/BAD_FILTER, naming the field, for what is no time of the years 1 to 9999.
Error CheckTime(absl::string_view field, const google::protobuf::Timestamp& time);
google::protobuf::Duration WireDuration(Micros duration);

// "12.3 s", "4 min 5 s", "2 h 10 min", "3 d 4 h".
std::string DurationText(Micros duration);
// "2024-02-29T12:00:00Z".
std::string TimeText(WallMicros time);

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_READ_CONVERT_H_
