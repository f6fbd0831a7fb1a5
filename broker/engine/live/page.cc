#include "broker/engine/live/page.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "broker/base/status_macros.h"

namespace baton::engine {
namespace {

using records::v1::PageRow;

// A column whose elements are all equal is stored as one element, and as none if that is 0.
template <typename Column>
void CompressColumn(Column* column) {
  if (column->empty()) return;
  const auto first = column->Get(0);
  if (std::any_of(column->begin(), column->end(), [&](auto value) { return value != first; })) return;
  column->Truncate(first == 0 ? 0 : 1);
}

// Element `index` of a column stored by CompressColumn.
template <typename Column>
auto ColumnAt(const Column& column, int index) {
  using Value = std::decay_t<decltype(column.Get(0))>;
  if (column.empty()) return Value{0};
  return column.size() == 1 ? column.Get(0) : column.Get(index);
}

template <typename Column>
bool ColumnFits(const Column& column, int count) {
  return column.size() <= 1 || column.size() == count;
}

absl::Status PageDamaged(uint64_t page_number, absl::string_view what) {
  return absl::DataLossError(absl::StrCat("page ", page_number, " is damaged: ", what));
}

}  // namespace

records::v1::EndedCounts ToRecord(const EndedCounts& counts) {
  records::v1::EndedCounts record;
  record.set_class_number(counts.class_number);
  record.set_completed(counts.completed);
  record.set_failed(counts.failed);
  record.set_cancelled(counts.cancelled);
  return record;
}

EndedCounts FromRecord(const records::v1::EndedCounts& record) {
  return {record.class_number(), record.completed(), record.failed(), record.cancelled()};
}

bool Page::Find(uint32_t slot, LiveEntry* entry) const {
  if (!IsLive(StateAt(slot))) return false;
  const auto base = std::lower_bound(live_.begin(), live_.end(), slot,
                                     [](const Base& element, uint32_t wanted) { return element.slot < wanted; });
  *entry = Join(*base);
  return true;
}

LiveEntry Page::Join(const Base& base) const {
  LiveEntry entry;
  entry.id = first_id() + base.slot;
  entry.state = StateAt(base.slot);
  entry.class_number = base.class_number;
  entry.priority = base.priority;
  entry.due = base.due;
  entry.attempt = base.attempt;
  if (!base.has_extra) return entry;
  const Extra& extra = extras_.find(base.slot)->second;
  entry.paused = extra.paused;
  entry.session = extra.session;
  entry.options_number = extra.options_number;
  entry.handler_version = extra.handler_version;
  entry.claimed = extra.claimed;
  entry.ready = extra.ready;
  entry.generation = extra.generation;
  entry.remaining = extra.remaining;
  entry.failed = extra.failed;
  entry.fail_fast = extra.fail_fast;
  entry.alarm = extra.alarm;
  return entry;
}

void Page::SetState(uint32_t slot, LiveState state) {
  live_count_ += IsLive(state) - IsLive(StateAt(slot));
  uint8_t& pair = states_[slot / 2];
  const int shift = slot % 2 * 4;
  pair = static_cast<uint8_t>((pair & ~(0xF << shift)) | state << shift);
}

void Page::Put(const LiveEntry& entry) {
  const uint16_t slot = static_cast<uint16_t>(SlotOf(entry.id));
  SetState(slot, entry.state);
  const Extra extra{entry.paused,  entry.session,   entry.options_number, entry.handler_version,
                    entry.claimed, entry.ready,     entry.generation,     entry.remaining,
                    entry.failed,  entry.fail_fast, entry.alarm};
  const Base base{
      slot, static_cast<int8_t>(entry.priority), extra != Extra{}, entry.attempt, entry.due, entry.class_number};
  if (base.has_extra) {
    extras_[slot] = extra;
  } else {
    extras_.erase(slot);
  }
  if (live_.empty() || live_.back().slot < slot) {
    live_.push_back(base);
    return;
  }
  const auto at = std::lower_bound(live_.begin(), live_.end(), slot,
                                   [](const Base& element, uint32_t wanted) { return element.slot < wanted; });
  if (at->slot == slot) {
    *at = base;
  } else {
    live_.insert(at, base);
  }
}

void Page::End(uint32_t slot, LiveState state) {
  SetState(slot, state);
  extras_.erase(static_cast<uint16_t>(slot));
  if (live_.size() > 64 && live_.size() > 2 * live_count_) DropEnded();
}

void Page::DropEnded() {
  std::erase_if(live_, [this](const Base& base) { return !IsLive(StateAt(base.slot)); });
  if (live_.empty()) live_.shrink_to_fit();
}

void Page::CountEnded(ClassNumber class_number, LiveState state) {
  auto at =
      std::lower_bound(ended_.begin(), ended_.end(), class_number,
                       [](const EndedCounts& counts, ClassNumber wanted) { return counts.class_number < wanted; });
  if (at == ended_.end() || at->class_number != class_number) at = ended_.insert(at, EndedCounts{class_number});
  ++at->Of(state);
  ++ended_count_;
}

bool Page::UncountEnded(const EndedCounts& removed) {
  const auto at =
      std::lower_bound(ended_.begin(), ended_.end(), removed.class_number,
                       [](const EndedCounts& counts, ClassNumber wanted) { return counts.class_number < wanted; });
  if (at == ended_.end() || at->class_number != removed.class_number || at->completed < removed.completed ||
      at->failed < removed.failed || at->cancelled < removed.cancelled) {
    return false;
  }
  at->completed -= removed.completed;
  at->failed -= removed.failed;
  at->cancelled -= removed.cancelled;
  ended_count_ -= removed.sum();
  if (at->sum() == 0) ended_.erase(at);
  return true;
}

bool Page::AddAttributes(const AttributeRun& run) {
  if (indexed_ || run.first + run.count > kPageIds) return false;
  if (attributes_.empty()) {
    attributes_.push_back(run);
    return true;
  }
  AttributeRun& last = attributes_.back();
  if (run.first < last.end()) return false;
  if (run.first == last.end() && run.class_number == last.class_number && run.tag_hash == last.tag_hash) {
    last.count = static_cast<uint16_t>(last.count + run.count);
  } else {
    attributes_.push_back(run);
  }
  return true;
}

void Page::SetIndexed() {
  indexed_ = true;
  attributes_ = {};
}

std::string Page::Encode(bool indexed) const {
  PageRow row;
  row.set_number(folded_);
  for (uint32_t slot = 0; slot < kPageIds;) {
    const LiveState state = StateAt(slot);
    uint32_t end = slot + 1;
    while (end < kPageIds && StateAt(end) == state) ++end;
    row.add_states(end - slot);
    row.add_states(state);
    slot = end;
  }
  uint64_t last_due = 0;  // Differences wrap, so that every time can be stored.
  ForEachLive([&](const LiveEntry& entry) {
    row.add_class_numbers(entry.class_number);
    row.add_priorities(entry.priority);
    row.add_due_deltas(static_cast<WallMicros>(static_cast<uint64_t>(entry.due) - last_due));
    last_due = static_cast<uint64_t>(entry.due);
    row.add_attempts(entry.attempt);
    const auto extra = extras_.find(static_cast<uint16_t>(SlotOf(entry.id)));
    if (extra == extras_.end()) return;
    PageRow::Extra* stored = row.add_extras();
    stored->set_slot(extra->first);
    stored->set_paused(extra->second.paused);
    stored->set_session(extra->second.session);
    stored->set_options_number(extra->second.options_number);
    stored->set_handler_version(extra->second.handler_version);
    stored->set_claimed_us(extra->second.claimed);
    stored->set_ready_us(extra->second.ready);
    stored->set_generation(extra->second.generation);
    stored->set_remaining(extra->second.remaining);
    stored->set_failed(extra->second.failed);
    stored->set_fail_fast(extra->second.fail_fast);
    stored->set_alarm_us(extra->second.alarm);
  });
  for (const EndedCounts& counts : ended_) *row.add_ended() = ToRecord(counts);
  row.set_newest_end_us(newest_end_);
  row.set_has_children(has_children_);
  row.set_has_parents(has_parents_);
  row.set_indexed(indexed);
  if (!indexed) EncodeAttributes(attributes_, &row);
  CompressColumn(row.mutable_class_numbers());
  CompressColumn(row.mutable_priorities());
  CompressColumn(row.mutable_attempts());
  return row.SerializeAsString();
}

absl::StatusOr<Page> Page::Decode(uint64_t page_number, absl::string_view bytes) {
  PageRow row;
  Page page(page_number);
  RETURN_IF_ERROR(page.Refill(page_number, bytes, &row));
  return page;
}

absl::Status Page::Refill(uint64_t page_number, absl::string_view bytes, PageRow* row) {
  page_number_ = page_number;
  if (!row->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return PageDamaged(page_number, "not a page record");
  }
  RETURN_IF_ERROR(FillStates(*row));
  RETURN_IF_ERROR(FillLive(*row));
  RETURN_IF_ERROR(FillEnded(*row));
  folded_ = row->number();
  has_children_ = row->has_children();
  has_parents_ = row->has_parents();
  indexed_ = row->indexed();
  attributes_.clear();
  if (!DecodeAttributes(*row, &attributes_)) return PageDamaged(page_number, "bad runs of classes and tags");
  return absl::OkStatus();
}

// The slots of live tasks with them.
absl::Status Page::FillStates(const PageRow& row) {
  states_.fill(0);
  live_.clear();
  uint32_t slot = 0;
  for (int i = 0; i + 1 < row.states_size(); i += 2) {
    const uint32_t count = row.states(i);
    const uint32_t state = row.states(i + 1);
    if (count > kPageIds - slot || state >= 10) return PageDamaged(page_number_, "bad runs of states");
    const bool is_live = IsLive(static_cast<LiveState>(state));
    for (const uint32_t end = slot + count; slot < end; ++slot) {
      states_[slot / 2] = static_cast<uint8_t>(states_[slot / 2] | state << slot % 2 * 4);
      if (is_live) live_.push_back({static_cast<uint16_t>(slot), 0, false, 0, 0, 0});
    }
  }
  live_count_ = live_.size();
  return slot == kPageIds ? absl::OkStatus() : PageDamaged(page_number_, "bad runs of states");
}

absl::Status Page::FillLive(const PageRow& row) {
  const int live = static_cast<int>(live_.size());
  if (!ColumnFits(row.class_numbers(), live) || !ColumnFits(row.priorities(), live) ||
      !ColumnFits(row.attempts(), live) || row.due_deltas_size() != live) {
    return PageDamaged(page_number_, "columns do not match the number of live tasks");
  }
  uint64_t due = 0;
  for (int i = 0; i < live; ++i) {
    Base& base = live_[i];
    due += static_cast<uint64_t>(row.due_deltas(i));
    base.due = static_cast<WallMicros>(due);
    base.priority = static_cast<int8_t>(ColumnAt(row.priorities(), i));
    base.attempt = ColumnAt(row.attempts(), i);
    base.class_number = ColumnAt(row.class_numbers(), i);
  }
  extras_.clear();
  for (const PageRow::Extra& stored : row.extras()) {
    const auto base = std::lower_bound(live_.begin(), live_.end(), stored.slot(),
                                       [](const Base& element, uint32_t wanted) { return element.slot < wanted; });
    if (base == live_.end() || base->slot != stored.slot()) return PageDamaged(page_number_, "facts of no live task");
    base->has_extra = true;
    extras_[base->slot] = {stored.paused(),     stored.session(),   stored.options_number(), stored.handler_version(),
                           stored.claimed_us(), stored.ready_us(),  stored.generation(),     stored.remaining(),
                           stored.failed(),     stored.fail_fast(), stored.alarm_us()};
  }
  return absl::OkStatus();
}

absl::Status Page::FillEnded(const PageRow& row) {
  ended_.clear();
  ended_count_ = 0;
  for (const records::v1::EndedCounts& stored : row.ended()) {
    if (!ended_.empty() && ended_.back().class_number >= stored.class_number()) {
      return PageDamaged(page_number_, "bad counts of ended tasks");
    }
    ended_.push_back(FromRecord(stored));
    ended_count_ += ended_.back().sum();
  }
  newest_end_ = row.newest_end_us();
  return absl::OkStatus();
}

}  // namespace baton::engine
