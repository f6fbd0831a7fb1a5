#include "broker/engine/retention/workflows.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "broker/base/status_macros.h"
#include "google/protobuf/io/coded_stream.h"

namespace baton::engine {
namespace {

using records::v1::Step;
using storage::Family;

absl::Status Unreadable(TaskId id) { return absl::DataLossError(absl::StrCat("a step of task ", id, " is damaged")); }

// Reads nothing of a step but `after`: an end may hold a large result, and the ends of a whole workflow are looked at
// in one go. False if it is damaged.
bool ReadAfter(absl::string_view step, records::v1::Mutable* after) {
  constexpr uint32_t kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5;  // How a field is written.
  constexpr uint32_t kAfter = Step::kAfterFieldNumber * 8 + kBytes;
  google::protobuf::io::CodedInputStream input(reinterpret_cast<const uint8_t*>(step.data()),
                                               static_cast<int>(step.size()));
  for (uint32_t tag = input.ReadTag(); tag != 0; tag = input.ReadTag()) {
    uint64_t number = 0;
    uint32_t size = tag % 8 == kFixed64 ? 8 : 4;
    if (tag % 8 == kVarint) {
      if (!input.ReadVarint64(&number)) return false;
      continue;
    }
    if (tag % 8 == kBytes) {
      if (!input.ReadVarint32(&size)) return false;
    } else if (tag % 8 != kFixed64 && tag % 8 != kFixed32) {
      return false;
    }
    const auto at = static_cast<size_t>(input.CurrentPosition());
    if (size > step.size() - at || !input.Skip(static_cast<int>(size))) return false;
    if (tag == kAfter && !after->ParseFromArray(step.data() + at, static_cast<int>(size))) return false;
  }
  return input.ConsumedEntireMessage();
}

}  // namespace

absl::StatusOr<WallMicros> Workflows::StaysUntil(TaskId root) {
  const auto known = known_.find(root);
  if (known != known_.end()) return known->second;
  ASSIGN_OR_RETURN(const WallMicros stays_until, Walk(root));
  return known_[root] = stays_until;
}

absl::StatusOr<WallMicros> Workflows::Walk(TaskId root) {
  ASSIGN_OR_RETURN(const Page* const page, GetPage(PageOf(root)));
  const LiveState state = page == nullptr ? LiveState::NONE : page->StateAt(SlotOf(root));
  // Its end is told, and has its page looked at; when it goes, the pages of the others are.
  if (IsLive(state)) return kForEver;
  if (!IsTerminal(state)) return 0;
  if (ages_.Of(state) == 0) return kForEver;
  return WalkBelow(root, state);
}

absl::StatusOr<WallMicros> Workflows::WalkBelow(TaskId root, LiveState state) {
  std::set<uint64_t> pages;
  std::vector<TaskId> parents;
  ASSIGN_OR_RETURN(WallMicros stays_until, Judge({root, 1}, state, &parents, &pages));
  while (stays_until == 0 && !parents.empty()) {
    const TaskId parent = parents.back();
    parents.pop_back();
    std::vector<IdRange> children;
    RETURN_IF_ERROR(ReadChildren(view_.store(), parent, &children));
    for (const IdRange& range : children) {
      ASSIGN_OR_RETURN(stays_until, Judge(range, state, &parents, &pages));
      if (stays_until != 0) break;
    }
  }
  if (stays_until == 0) going_pages_.merge(pages);
  return stays_until;
}

absl::StatusOr<WallMicros> Workflows::Judge(const IdRange& range, LiveState root_state, std::vector<TaskId>* parents,
                                            std::set<uint64_t>* pages) {
  const TaskId range_end = range.first + range.count;
  for (TaskId first = range.first; first < range_end;) {
    const TaskId end = std::min(range_end, (PageOf(first) + 1) * kPageIds);
    ASSIGN_OR_RETURN(const Page* const page, GetPage(PageOf(first)));
    if (page != nullptr) {
      const WallMicros stays_until = JudgePart(*page, first, end, root_state, pages);
      if (stays_until != 0) return stays_until;
      if (page->has_parents()) RETURN_IF_ERROR(FindEndedParents(view_.store(), first, end, parents));
    }
    first = end;
  }
  return 0;
}

WallMicros Workflows::JudgePart(const Page& page, TaskId first, TaskId end, LiveState root_state,
                                std::set<uint64_t>* pages) const {
  bool ended = false;
  for (TaskId id = first; id < end; ++id) {
    const LiveState state = page.StateAt(SlotOf(id));
    if (IsLive(state)) return ages_.OldAfter(root_state, now_);
    ended = ended || IsTerminal(state);
  }
  if (!ended) return 0;
  pages->insert(page.page_number());
  const WallMicros old_after = ages_.OldAfter(root_state, page.newest_end());
  return old_after < now_ ? 0 : old_after;
}

absl::StatusOr<const Page*> Workflows::GetPage(uint64_t page_number) {
  const auto known = pages_.find(page_number);
  if (known != pages_.end()) return known->second.get();
  ASSIGN_OR_RETURN(std::shared_ptr<const Page> page, view_.GetPage(page_number));
  return (pages_[page_number] = std::move(page)).get();
}

absl::Status ReadChildren(const storage::Snapshot& store, TaskId parent, std::vector<IdRange>* children) {
  absl::Status status;
  RETURN_IF_ERROR(store.Scan(Family::kLog, LogKey(parent, 0), LogKey(parent + 1, 0),
                             [&](absl::string_view, absl::string_view value) {
                               Step step;
                               if (!step.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
                                 status = Unreadable(parent);
                                 return false;
                               }
                               if (step.kind() != Step::SPAWNED) return true;
                               for (const auto& range : step.after().children()) {
                                 children->push_back({range.first(), range.count()});
                               }
                               return true;
                             }));
  return status;
}

absl::Status FindEndedParents(const storage::Snapshot& store, TaskId first, TaskId end, std::vector<TaskId>* parents) {
  absl::Status status;
  RETURN_IF_ERROR(
      store.Scan(Family::kEnd, EndKey(first), EndKey(end), [&](absl::string_view key, absl::string_view value) {
        records::v1::Mutable after;
        if (!ReadAfter(value, &after)) {
          status = Unreadable(ReadU64(key));
          return false;
        }
        if (after.children_total() > 0) parents->push_back(ReadU64(key));
        return true;
      }));
  return status;
}

}  // namespace baton::engine
