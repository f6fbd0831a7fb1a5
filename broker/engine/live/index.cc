#include "broker/engine/live/index.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "broker/base/status_macros.h"

namespace baton::engine {
namespace {

using records::v1::IndexRow;
using storage::Family;

// Rows of one bucket read at once: what a rare value has in a whole group, and not much more of a frequent one than a
// page of a list needs.
constexpr size_t kBucketReadBytes = 64 << 10;

// A run of slots that have a value.
struct Posting {
  uint32_t value;
  uint32_t first;
  uint32_t end;

  // In the order of rows and of what is in them.
  std::tuple<uint8_t, uint32_t, uint32_t> place() const { return {BucketOf(value), value, first}; }
};

// Of one value, from `begin` on; answers where they end.
using Postings = std::vector<Posting>::const_iterator;
Postings AddRuns(Postings begin, Postings end, IndexRow* row) {
  uint32_t count = 0;
  uint32_t last_end = 0;
  Postings at = begin;
  while (at != end && at->value == begin->value) {
    const uint32_t first = at->first;
    uint32_t run_end = at->end;
    // Neighbours may differ in what another row tells.
    while (++at != end && at->value == begin->value && at->first == run_end) run_end = at->end;
    row->add_runs(first - last_end);
    row->add_runs(run_end - first);
    last_end = run_end;
    ++count;
  }
  row->add_run_counts(count);
  return at;
}

void AddRowsOfKind(uint64_t page_number, IndexKind kind, std::vector<Posting> postings, storage::WriteBatch* batch) {
  std::sort(postings.begin(), postings.end(), [](const Posting& a, const Posting& b) { return a.place() < b.place(); });
  IndexRow row;
  Postings at = postings.cbegin();
  while (at != postings.cend()) {
    const uint8_t bucket = BucketOf(at->value);
    row.Clear();
    uint32_t last_value = 0;
    while (at != postings.cend() && BucketOf(at->value) == bucket) {
      row.add_value_deltas(at->value - last_value);
      last_value = at->value;
      at = AddRuns(at, postings.cend(), &row);
    }
    batch->Put(Family::kIndex, IndexKey(page_number, kind, bucket), row.SerializeAsString());
  }
}

}  // namespace

void AddIndexRows(const Page& page, storage::WriteBatch* batch) {
  if (page.live_count() + page.ended_count() == 0) return;
  std::vector<Posting> classes, tags;
  for (const AttributeRun& run : page.attributes()) {
    classes.push_back({run.class_number, run.first, run.end()});
    if (run.tag_hash != 0) tags.push_back({run.tag_hash, run.first, run.end()});
  }
  AddRowsOfKind(page.page_number(), IndexKind::kClass, std::move(classes), batch);
  AddRowsOfKind(page.page_number(), IndexKind::kTag, std::move(tags), batch);
}

bool ReadIndexRow(absl::string_view bytes,
                  absl::FunctionRef<void(uint32_t value, uint32_t first, uint32_t end)> visit) {
  IndexRow row;
  if (!row.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return false;
  if (row.value_deltas_size() != row.run_counts_size() || row.runs_size() % 2 != 0) return false;
  uint32_t value = 0;
  int at = 0;
  for (int i = 0; i < row.value_deltas_size(); ++i) {
    value += row.value_deltas(i);
    if (row.run_counts(i) > static_cast<uint32_t>(row.runs_size() - at) / 2) return false;
    uint64_t slot = 0;
    for (const int end = at + 2 * static_cast<int>(row.run_counts(i)); at < end; at += 2) {
      const uint64_t first = slot + row.runs(at);
      slot = first + row.runs(at + 1);
      if (slot == first || slot > kPageIds) return false;
      visit(value, static_cast<uint32_t>(first), static_cast<uint32_t>(slot));
    }
  }
  return at == row.runs_size();
}

absl::Status IndexReader::Find(uint64_t page_number, SlotSet* slots) {
  *slots = SlotSet::All();
  SlotSet of_classes, of_tag;
  ASSIGN_OR_RETURN(const std::shared_ptr<const Page> page, PageWithRuns(page_number));
  if (page != nullptr) {
    FindInRuns(*page, &of_classes, &of_tag);
  } else if (wanted_.tag_hash != 0) {
    RETURN_IF_ERROR(FindInRow(page_number, IndexKind::kTag, wanted_.tag_hash, &of_tag));
  }
  if (wanted_.tag_hash != 0) slots->Intersect(of_tag);
  if (!wanted_.classes.has_value()) return absl::OkStatus();
  if (page == nullptr && !slots->empty()) {
    for (const ClassNumber number : *wanted_.classes) {
      RETURN_IF_ERROR(FindInRow(page_number, IndexKind::kClass, number, &of_classes));
    }
  }
  slots->Intersect(of_classes);
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const Page>> IndexReader::PageWithRuns(uint64_t page_number) const {
  std::shared_ptr<const Page> page = view_.PageInMemory(page_number);
  if (page == nullptr && IsFull(page_number, view_.next_id())) return nullptr;
  if (page == nullptr) {
    ASSIGN_OR_RETURN(page, view_.GetPage(page_number));
  }
  if (page != nullptr && page->indexed()) return nullptr;
  return page;
}

void IndexReader::FindInRuns(const Page& page, SlotSet* of_classes, SlotSet* of_tag) const {
  const auto is_wanted = [this](ClassNumber number) {
    return wanted_.classes.has_value() &&
           std::find(wanted_.classes->begin(), wanted_.classes->end(), number) != wanted_.classes->end();
  };
  for (const AttributeRun& run : page.attributes()) {
    if (run.tag_hash == wanted_.tag_hash) of_tag->Add(run.first, run.end());
    if (is_wanted(run.class_number)) of_classes->Add(run.first, run.end());
  }
}

absl::Status IndexReader::FindInRow(uint64_t page_number, IndexKind kind, uint32_t value, SlotSet* slots) {
  Ahead& ahead = ahead_[{kind, BucketOf(value)}];
  if (page_number < ahead.first_page || page_number >= ahead.end_page) {
    RETURN_IF_ERROR(ReadAhead(page_number, kind, BucketOf(value), &ahead));
  }
  for (const auto& [number, row] : ahead.rows) {
    if (number != page_number) continue;
    const bool well_formed = ReadIndexRow(row, [&](uint32_t found, uint32_t first, uint32_t end) {
      if (found == value) slots->Add(first, end);
    });
    if (!well_formed) return absl::DataLossError(absl::StrCat("the index of page ", page_number, " is damaged"));
  }
  return absl::OkStatus();
}

absl::Status IndexReader::ReadAhead(uint64_t page_number, IndexKind kind, uint8_t bucket, Ahead* ahead) {
  const uint64_t group = GroupOf(page_number);
  ahead->rows.clear();
  ahead->end_page = page_number + 1;
  ahead->first_page = group * kGroupPages;
  size_t bytes = 0;
  const Key end = IndexBucketKey(group, kind, bucket).Byte(static_cast<uint8_t>(page_number % kGroupPages + 1));
  return view_.store().ScanReverse(Family::kIndex, IndexBucketKey(group, kind, bucket), end,
                                   [&](absl::string_view key, absl::string_view value) {
                                     const uint64_t number = group * kGroupPages + static_cast<uint8_t>(key.back());
                                     ahead->rows.emplace_back(number, value);
                                     bytes += value.size();
                                     if (bytes < kBucketReadBytes) return true;
                                     ahead->first_page = number;
                                     return false;
                                   });
}

}  // namespace baton::engine
