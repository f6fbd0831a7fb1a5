// The part of the Ledger that stages children before the outcome that seals them.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
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

// Has the next part begin with child `next`. What `part`, the last one, had from there on comes back from it.
void ContinueAt(size_t next, v1::SpawnChildrenRequest* part, Attempt* attempt) {
  const size_t first = attempt->children_staged - static_cast<size_t>(part->children_size());
  for (size_t i = next; i < attempt->children_staged; ++i) {
    v1::NewTask* child = part->mutable_children(static_cast<int>(i - first));
    attempt->children[i] = std::make_unique<v1::NewTask>(std::move(*child));
  }
  attempt->children_staged = next;
}

}  // namespace

std::optional<Call<v1::SpawnChildrenRequest>> Ledger::NextPart(int64_t now) {
  while (!staging_.empty() && part_.Free(now)) {
    const AttemptPtr attempt = std::move(staging_.front());
    staging_.pop_front();
    Call<v1::SpawnChildrenRequest> call;
    const size_t count = static_cast<size_t>(limits_.inline_children());
    const size_t bytes = std::min(kInlineChildrenBytes, static_cast<size_t>(size_.bytes()));
    const bool all = TakeChildren(*attempt, count, bytes, call.request.mutable_children());
    const size_t taken = call.request.ByteSizeLong();
    if (!attempt->part_sent && all && taken <= bytes && OutcomeHasRoom(*attempt, taken)) {
      call.request.mutable_children()->Swap(attempt->outcome->mutable_spawned()->mutable_children());
      FinishStaging(attempt);
      continue;
    }
    call.request.set_attempt_token(attempt->token);
    call.request.set_part(++attempt->parts_staged);
    attempt->part_sent = true;
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

void Ledger::FailStaging(const AttemptPtr& attempt, const std::string& why, bool retryable) {
  attempt->children.clear();
  ReplaceOutcome(attempt, *attempt->outcome, why, retryable);
}

void Ledger::OnPartAnswer(int64_t now, Call<v1::SpawnChildrenRequest>& call, const absl::Status& status,
                          const v1::SpawnChildrenResponse& response) {
  const AttemptPtr& attempt = call.attempts[0];
  const bool cut = IsOversized(status) && size_.Cut(status, call.request.children_size(), call.request.ByteSizeLong());
  const bool passing = IsTransient(status);
  if (passing) {
    CallFailed(part_, "SpawnChildren", now, status);
  } else {
    part_.Succeeded();
  }
  if (attempt->is_over || attempt->stage != Attempt::Stage::kStaging) return;
  const size_t first = attempt->children_staged - static_cast<size_t>(call.request.children_size());
  if (passing || cut) {
    // The same children go into the same part again, or those of them that fit.
    ContinueAt(first, &call.request, attempt.get());
    --attempt->parts_staged;
  } else if (status.ok()) {
    // A broker that has stored the part before keeps it as it was then, and its limits, which say how many children are
    // in a part, may have been others.
    const size_t staged = response.staged();
    if (staged <= first || staged > attempt->children.size()) {
      return FailStaging(attempt,
                         absl::StrCat("part ", call.request.part(), " of ", attempt->children.size(),
                                      " children begins with number ", first + 1, ", but after it the broker has ",
                                      staged, " of them: they are spawned anew"),
                         /*retryable=*/true);
    }
    ContinueAt(staged, &call.request, attempt.get());
    if (attempt->children_staged == attempt->children.size()) return FinishStaging(attempt);
  } else if (absl::IsAborted(status) || absl::IsNotFound(status)) {
    return MarkOver(attempt, std::string(status.message()));
  } else {
    return FailStaging(attempt, status.ToString(), /*retryable=*/false);
  }
  staging_.push_back(attempt);
}

}  // namespace internal
}  // namespace baton::inline sdk
