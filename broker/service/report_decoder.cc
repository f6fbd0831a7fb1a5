#include "broker/service/report_decoder.h"

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "broker/service/check.h"

namespace baton::service {
namespace {

// Reports may be late, but none tells of what is still to come, whatever the worker's clock says.
WallMicros TimeOf(WallMicros said, WallMicros now) { return said <= 0 || said > now ? now : said; }

}  // namespace

Error PrepareCheckpoint(const Decoding& decoding, const Field& field, v1::Checkpoint* checkpoint) {
  absl::StripAsciiWhitespace(checkpoint->mutable_code());
  CHECK_FIELD(CheckText(Field(field, "code"), checkpoint->code(), Presence::kRequired, kNameBytes));
  absl::StripAsciiWhitespace(checkpoint->mutable_message());
  CHECK_FIELD(CheckLength(Field(field, "message"), checkpoint->message(), Presence::kOptional, kTextBytes));
  CHECK_FIELD(
      CheckMetadata(Field(field, "metadata_json"), checkpoint->metadata_json(), decoding.limits.metadata_bytes));
  checkpoint->set_at_us(TimeOf(checkpoint->at_us(), decoding.now));
  return {};
}

Error PrepareProgress(const Decoding& decoding, const Field& field, v1::Progress* progress) {
  absl::StripAsciiWhitespace(progress->mutable_text());
  absl::StripAsciiWhitespace(progress->mutable_stage_name());
  if (progress->text().empty() && progress->stage_name().empty() && !progress->has_percent()) {
    return InvalidArgument("PROGRESS_EMPTY",
                           absl::StrCat(field.Path(), " says nothing: set text, stage_name or percent"));
  }
  CHECK_FIELD(CheckLength(Field(field, "text"), progress->text(), Presence::kOptional, kTextBytes));
  CHECK_FIELD(CheckLength(Field(field, "stage_name"), progress->stage_name(), Presence::kOptional, kNameBytes));
  if (progress->has_percent() && !(progress->percent() >= 0 && progress->percent() <= 100)) {
    return InvalidArgument("OUT_OF_RANGE", absl::StrCat(Field(field, "percent").Path(), " is ", progress->percent(),
                                                        ", allowed are 0 to 100: choose a value in that range"));
  }
  CHECK_FIELD(CheckMetadata(Field(field, "metadata_json"), progress->metadata_json(), decoding.limits.metadata_bytes));
  progress->set_at_us(TimeOf(progress->at_us(), decoding.now));
  return {};
}

}  // namespace baton::service
