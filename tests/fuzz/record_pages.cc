#include "tests/fuzz/record_pages.h"

#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "broker/base/check.h"
#include "broker/engine/live/index.h"
#include "broker/engine/live/page.h"

namespace baton::fuzz {
namespace {

using engine::kPageIds;
using engine::LiveEntry;
using engine::LiveState;
using engine::Page;

std::vector<LiveEntry> LiveTasksOf(const Page& page) {
  std::vector<LiveEntry> live;
  page.ForEachLive([&](const LiveEntry& entry) { live.push_back(entry); });
  return live;
}

void CheckRewritten(const Page& page) {
  const std::string bytes = page.Encode();
  const absl::StatusOr<Page> again = Page::Decode(page.page_number(), bytes);
  BATON_CHECK(again.ok(), absl::BytesToHexString(bytes));
  BATON_CHECK(again->Encode() == bytes, absl::BytesToHexString(bytes));
  BATON_CHECK(again->folded() == page.folded(), absl::BytesToHexString(bytes));
  BATON_CHECK(LiveTasksOf(*again) == LiveTasksOf(page), absl::BytesToHexString(bytes));
  BATON_CHECK(again->live_count() == page.live_count(), absl::BytesToHexString(bytes));
  BATON_CHECK(again->ended() == page.ended(), absl::BytesToHexString(bytes));
  BATON_CHECK(again->attributes() == page.attributes(), absl::BytesToHexString(bytes));
  for (uint32_t slot = 0; slot < kPageIds; ++slot) {
    BATON_CHECK(again->StateAt(slot) == page.StateAt(slot), absl::BytesToHexString(bytes));
  }
}

LiveEntry TakeEntry(Input& input, engine::TaskId id) {
  constexpr LiveState kStates[] = {LiveState::PENDING, LiveState::RUNNING, LiveState::SUSPENDED, LiveState::WAITING,
                                   LiveState::STAGED};
  LiveEntry entry;
  entry.id = id;
  entry.state = kStates[input.Below(std::size(kStates))];
  entry.paused = input.Chance(64);
  entry.class_number = static_cast<engine::ClassNumber>(input.Number());
  entry.priority = static_cast<int32_t>(input.Below(41)) - 20;
  entry.due = input.Signed();
  entry.attempt = static_cast<uint32_t>(input.Number());
  entry.alarm = input.Signed();
  if (entry.state == LiveState::RUNNING) {
    entry.session = input.Number();
    entry.options_number = static_cast<engine::OptionsNumber>(input.Number());
    entry.handler_version = input.Number();
    entry.claimed = input.Signed();
    entry.ready = input.Signed();
  }
  if (entry.state == LiveState::WAITING) {
    entry.generation = static_cast<uint32_t>(input.Number());
    entry.remaining = input.Number();
    entry.failed = input.Number();
    entry.fail_fast = input.Chance(128);
  }
  return entry;
}

uint32_t TakeSlot(Input& input) {
  return input.Chance(192) ? input.Byte() : static_cast<uint32_t>(input.Below(kPageIds));
}

void Change(Input& input, Page* page) {
  constexpr LiveState kEnds[] = {LiveState::COMPLETED, LiveState::FAILED, LiveState::CANCELLED};
  const uint32_t slot = TakeSlot(input);
  const LiveState end = kEnds[input.Below(std::size(kEnds))];
  switch (input.Below(6)) {
    case 0:
      return page->Put(TakeEntry(input, page->first_id() + slot));
    case 1:
      page->End(slot, end);
      return page->NoteEnd(input.Signed());
    case 2:
      return page->End(slot, LiveState::REMOVED);
    case 3:
      return page->CountEnded(input.Byte(), end);
    case 4:
      page->AddAttributes({static_cast<uint16_t>(slot), static_cast<uint16_t>(1 + input.Below(kPageIds - slot)),
                           static_cast<engine::ClassNumber>(input.Number()), static_cast<uint32_t>(input.Number())});
      return;
    default:
      return page->set_folded(input.Number());
  }
}

}  // namespace

void CheckAnyPage(Input& input) {
  const uint64_t number = input.Number() % (uint64_t{1} << 50);
  const absl::StatusOr<Page> page = Page::Decode(number, input.Rest());
  if (!page.ok()) {
    BATON_CHECK(page.status().code() == absl::StatusCode::kDataLoss, page.status().ToString());
    return;
  }
  CheckRewritten(*page);
}

void CheckOwnPage(Input& input) {
  Page page(input.Byte());
  while (!input.empty()) Change(input, &page);
  CheckRewritten(page);
}

void CheckAnyIndexRow(Input& input) {
  const absl::string_view bytes = input.Rest();
  engine::ReadIndexRow(bytes, [&](uint32_t, uint32_t first, uint32_t end) {
    BATON_CHECK(first < end && end <= kPageIds, absl::BytesToHexString(bytes));
  });
}

}  // namespace baton::fuzz
