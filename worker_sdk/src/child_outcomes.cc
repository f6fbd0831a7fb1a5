#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "baton/task.h"
#include "worker_sdk/src/convert.h"
#include "worker_sdk/src/task_context.h"

namespace baton::inline sdk {

struct ChildOutcomes::Iterator::State {
  // Moves to the next child, fetching as many pages as that takes; false at the end or at a failure.
  bool Next() {
    ++at;
    while (at >= page.size()) {
      if (done) return false;
      Fetch();
    }
    return true;
  }

  void Fetch() {
    page.clear();
    at = 0;
    absl::StatusOr<v1::ListChildOutcomesResponse> answer =
        context->host().ListChildOutcomes(context->attempt(), page_token);
    if (!answer.ok()) {
      done = true;
      status = answer.status();
      context->SetUnreadFailure(status);
      return;
    }
    for (v1::ChildOutcome& child : *answer->mutable_outcomes()) page.push_back(internal::TakeChildOutcome(&child));
    page_token = std::move(*answer->mutable_next_page_token());
    done = page_token.empty();
  }

  internal::TaskContext* context;
  std::vector<ChildOutcome> page = {};
  size_t at = 0;
  std::string page_token = {};
  bool started = false;
  bool done = false;
  absl::Status status = {};
};

const ChildOutcome& ChildOutcomes::Iterator::operator*() const { return state_->page[state_->at]; }

ChildOutcomes::Iterator& ChildOutcomes::Iterator::operator++() {
  if (!state_->Next()) state_ = nullptr;
  return *this;
}

ChildOutcomes::ChildOutcomes(internal::TaskContext* context) : state_(new Iterator::State{context}) {}
ChildOutcomes::~ChildOutcomes() = default;
ChildOutcomes::ChildOutcomes(ChildOutcomes&&) noexcept = default;

ChildOutcomes::Iterator ChildOutcomes::begin() {
  if (!state_->started) {
    state_->started = true;
    // A task without children has nothing to ask for.
    state_->done = state_->context->delivery().children() == 0;
    if (!state_->done) state_->Fetch();
    while (state_->page.empty() && !state_->done) state_->Fetch();
  }
  return Iterator(state_->at < state_->page.size() ? state_.get() : nullptr);
}

absl::Status ChildOutcomes::status() {
  (void)state_->context->TakeUnreadFailure();
  return state_->status;
}

}  // namespace baton::inline sdk
