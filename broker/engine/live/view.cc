#include "broker/engine/live/view.h"

#include <algorithm>
#include <string>
#include <vector>

#include "broker/base/status_macros.h"

namespace baton::engine {

absl::StatusOr<std::shared_ptr<const Page>> View::GetPage(uint64_t page_number) const {
  if (std::shared_ptr<const Page> page = PageInMemory(page_number); page != nullptr) return page;
  std::string row;
  const absl::Status status = snapshot_->Get(storage::Family::kPage, PageKey(page_number), &row);
  if (absl::IsNotFound(status)) return nullptr;
  RETURN_IF_ERROR(status);
  ASSIGN_OR_RETURN(Page page, Page::Decode(page_number, row));
  return std::make_shared<const Page>(std::move(page));
}

absl::StatusOr<std::vector<uint64_t>> View::LivePages() const {
  std::string row;
  records::v1::CheckpointRow checkpoint;
  const absl::Status status = snapshot_->Get(storage::Family::kMeta, CheckpointMetaKey(), &row);
  // There is none before the first pages are stored.
  if (!absl::IsNotFound(status)) RETURN_IF_ERROR(status);
  if (!checkpoint.ParseFromString(row)) return absl::DataLossError("the checkpoint is damaged");
  std::vector<uint64_t> numbers(checkpoint.live_pages().begin(), checkpoint.live_pages().end());
  for (const auto& [number, page] : *pages_) {
    if (page->live_count() > 0) numbers.push_back(number);
  }
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  return numbers;
}

absl::StatusOr<LiveState> View::StateOf(TaskId id, LiveEntry* entry) const {
  return PageCursor(*this).StateOf(id, entry);
}

absl::StatusOr<const Page*> PageCursor::Read(uint64_t page_number) {
  if (has_last_ && last_number_ == page_number) return last_;
  has_last_ = false;
  ASSIGN_OR_RETURN(last_, Find(page_number));
  last_number_ = page_number;
  has_last_ = true;
  return last_;
}

absl::StatusOr<const Page*> PageCursor::Find(uint64_t page_number) {
  in_memory_ = view_.PageInMemory(page_number);
  if (in_memory_ != nullptr) return in_memory_.get();
  const absl::Status status = view_.store().Get(storage::Family::kPage, PageKey(page_number), &bytes_);
  if (absl::IsNotFound(status)) return nullptr;
  RETURN_IF_ERROR(status);
  RETURN_IF_ERROR(page_.Refill(page_number, bytes_, &row_));
  return &page_;
}

absl::StatusOr<LiveState> PageCursor::StateOf(TaskId id, LiveEntry* entry) {
  ASSIGN_OR_RETURN(const Page* const page, Read(PageOf(id)));
  if (page == nullptr) return LiveState::NONE;
  const LiveState state = page->StateAt(SlotOf(id));
  if (entry != nullptr && IsLive(state)) page->Find(SlotOf(id), entry);
  return state;
}

}  // namespace baton::engine
