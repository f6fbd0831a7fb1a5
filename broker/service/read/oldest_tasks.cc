#include "broker/service/read/oldest_tasks.h"

#include <cstddef>
#include <cstdint>
#include <vector>

#include "broker/base/status_macros.h"

namespace baton::service {
namespace {

void TakeEarlier(WallMicros instant, WallMicros* earliest) {
  if (*earliest == 0 || instant < *earliest) *earliest = instant;
}

void TakeIn(const engine::LiveEntry& entry, WallMicros now, OldestByClass* classes) {
  using records::v1::LiveState;
  switch (entry.state) {
    case LiveState::PENDING:
      if (!entry.paused && entry.due <= now) TakeEarlier(entry.due, &(*classes)[entry.class_number].ready);
      break;
    case LiveState::RUNNING:
      TakeEarlier(entry.claimed, &(*classes)[entry.class_number].running);
      break;
    case LiveState::SUSPENDED:
    case LiveState::WAITING:
      TakeEarlier(entry.due, &(*classes)[entry.class_number].suspended);
      break;
    default:
      break;
  }
}

}  // namespace

absl::StatusOr<OldestByClass> FindOldest(const engine::View& view, WallMicros now, const Clock& clock, Micros budget) {
  ASSIGN_OR_RETURN(const std::vector<uint64_t> pages, view.LivePages());
  OldestByClass classes;
  engine::PageCursor cursor(view);
  const SteadyMicros begin = clock.Read().steady;
  size_t first = 0, last = pages.size();
  while (first < last) {
    const Micros spent = clock.Read().steady - begin;
    if (spent >= budget) break;
    const uint64_t number = spent < budget / 2 ? pages[first++] : pages[--last];
    ASSIGN_OR_RETURN(const engine::Page* const page, cursor.Read(number));
    if (page != nullptr) page->ForEachLive([&](const engine::LiveEntry& entry) { TakeIn(entry, now, &classes); });
  }
  return classes;
}

}  // namespace baton::service
