// Checks of what a handler reports: checkpoints and progress.
#ifndef BATON_BROKER_SERVICE_REPORT_DECODER_H_
#define BATON_BROKER_SERVICE_REPORT_DECODER_H_

#include "baton/v1/task.pb.h"
#include "broker/base/error.h"
#include "broker/service/decoding.h"
#include "broker/service/field.h"

namespace baton::service {

// Checked and made complete in place: names trimmed, the time set if it is unset. The messages then have the layout of
// records.v1.Checkpoint and records.v1.Progress.
Error PrepareCheckpoint(const Decoding& decoding, const Field& field, v1::Checkpoint* checkpoint);
Error PrepareProgress(const Decoding& decoding, const Field& field, v1::Progress* progress);

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_REPORT_DECODER_H_
