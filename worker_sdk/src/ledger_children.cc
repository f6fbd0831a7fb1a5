// The part of the Ledger that stages children before the outcome that seals them.
#include <algorithm>
#include <utility>

#include "worker_sdk/src/convert.h"
#include "worker_sdk/src/ledger.h"
#include "worker_sdk/src/sdk_limits.h"

namespace baton::inline sdk {
namespace internal {
namespace {

// Moves children into `field`, in order, until it has `count` of them or `bytes`; at least one. Returns whether all
// fit.
bool TakeChildren(Attempt& attempt, size_t count, size_t bytes,
                  google::protobuf::RepeatedPtrField<v1::NewTask>* field) {
  size_t used = 0;
  while (attempt.children_staged < attempt.children.size() && static_cast<size_t>(field->size()) < count) {
    std::unique_ptr<v1::NewTask>& child = attempt.children[attempt.children_staged];
    used += child->ByteSizeLong() + 8;
    if (used > bytes && !field->empty()) return false;
    field->AddAllocated(child.release());
    ++attempt.children_staged;
  }
  return attempt.children_staged == attempt.children.size();
}

}  // namespace

std::optional<Call<v1::SpawnChildrenRequest>> Ledger::NextPart(int64_t now) {
  while (!staging_.empty() && part_.Free(now)) {
    const AttemptPtr attempt = std::move(staging_.front());
    staging_.pop_front();
    Call<v1::SpawnChildrenRequest> call;
    const size_t count = static_cast<size_t>(limits_.inline_children());
    const size_t bytes = std::min(kInlineChildrenBytes, static_cast<size_t>(size_.bytes()));
    const bool first = attempt->parts_staged == 0;
    const bool last = TakeChildren(*attempt, count, bytes, call.request.mutable_children());
    const size_t taken = call.request.ByteSizeLong();
    if (first && last && taken <= bytes && OutcomeHasRoom(*attempt, taken)) {
      call.request.mutable_children()->Swap(attempt->outcome->mutable_spawned()->mutable_children());
      FinishStaging(attempt);
      continue;
    }
    call.request.set_attempt_token(attempt->token);
    call.request.set_part(++attempt->parts_staged);
    call.attempts.push_back(attempt);
    part_.in_flight = true;
    return call;
  }
  return std::nullopt;
}

void Ledger::FinishStaging(const AttemptPtr& attempt) {
  attempt->children.clear();
  attempt->outcome->mutable_spawned()->set_parts(attempt->parts_staged);
  Ready(attempt);
}

void Ledger::OnPartAnswer(int64_t now, Call<v1::SpawnChildrenRequest>& call, const absl::Status& status) {
  const AttemptPtr& attempt = call.attempts[0];
  const bool cut = IsOversized(status) && size_.Cut(status, call.request.children_size(), call.request.ByteSizeLong());
  const bool passing = IsTransient(status);
  if (passing) {
    CallFailed(part_, "SpawnChildren", now, status);
  } else {
    part_.Succeeded();
  }
  if (attempt->is_over || attempt->stage != Attempt::Stage::kStaging) return;
  if (status.ok() && attempt->children_staged == attempt->children.size()) return FinishStaging(attempt);
  if (passing || cut) {
    // The same children go into the same part again, or those of them that fit.
    attempt->children_staged -= call.request.children_size();
    for (int i = 0; i < call.request.children_size(); ++i) {
      auto child = std::make_unique<v1::NewTask>(std::move(*call.request.mutable_children(i)));
      attempt->children[attempt->children_staged + i] = std::move(child);
    }
    --attempt->parts_staged;
  } else if (absl::IsAborted(status) || absl::IsNotFound(status)) {
    return MarkOver(attempt, std::string(status.message()));
  } else if (!status.ok()) {
    attempt->children.clear();
    return ReplaceOutcome(attempt, *attempt->outcome, status.ToString(), /*retryable=*/false);
  }
  staging_.push_back(attempt);
}

}  // namespace internal
}  // namespace baton::inline sdk
