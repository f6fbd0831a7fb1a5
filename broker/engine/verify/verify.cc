#include "broker/engine/verify/verify.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/base/status_macros.h"
#include "broker/engine/verify/examination.h"
#include "broker/engine/verify/repair.h"

namespace baton::engine {

absl::StatusOr<Findings> Verify(const EngineSettings& settings, const storage::Store& store) {
  Examination examination(settings, &store);
  RETURN_IF_ERROR(examination.Run());
  return std::move(examination.findings());
}

absl::StatusOr<Findings> Repair(const EngineSettings& settings, storage::Store* store, const RepairOptions& options) {
  Examination before(settings, store);
  RETURN_IF_ERROR(before.Run());
  if (before.findings().losses() > 0 && !options.drop_lost) {
    return absl::FailedPreconditionError(
        absl::StrCat(before.findings().losses(), " findings are losses that nothing in the store makes good"));
  }
  StoreRepair repair(store, options);
  RETURN_IF_ERROR(repair.Begin(before));
  if (before.lost().empty()) {
    RETURN_IF_ERROR(repair.Rebuild(before));
  } else {
    RETURN_IF_ERROR(repair.Drop(before.lost()));
    // Without them others may look different: their parents, and who holds a unique key.
    Examination after(settings, store, before.lost());
    RETURN_IF_ERROR(after.Run());
    if (!after.lost().empty()) {
      return absl::InternalError(absl::StrCat("task ", *after.lost().begin(), " was lost by dropping others"));
    }
    RETURN_IF_ERROR(repair.Rebuild(after));
  }
  return std::move(before.findings());
}

}  // namespace baton::engine
