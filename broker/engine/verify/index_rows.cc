#include "broker/engine/verify/index_rows.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "broker/base/status_macros.h"
#include "broker/engine/live/index.h"

namespace baton::engine {
namespace {

using storage::Family;

// Of an index key: group, kind, bucket, page in the group.
constexpr size_t kIndexKeyBytes = 8 + 3;

bool IsIndexKey(absl::string_view key) {
  return key.size() == kIndexKeyBytes && (key[8] == 'c' || key[8] == 't') &&
         static_cast<uint8_t>(key[10]) < kGroupPages;
}

std::string Describe(ClassNumber class_number, uint32_t tag_hash) {
  return absl::StrCat("class ", class_number, " and ", tag_hash == 0 ? "no tag" : absl::StrCat("a tag ", tag_hash));
}

}  // namespace

absl::Status IndexRows::CheckPage(uint64_t page_number, const Page* page, const PageRecords& records) {
  RETURN_IF_ERROR(MoveTo(GroupOf(page_number)));
  std::vector<Row> rows;
  if (const auto found = rows_.find(page_number); found != rows_.end()) {
    rows = std::move(found->second);
    rows_.erase(found);
  }
  if (page == nullptr) return absl::OkStatus();
  if (!page->indexed() && !rows.empty()) {
    findings_.Add(Check::kIndex, absl::StrCat("page ", page_number, ": it is not indexed, but has rows in the index"));
    return absl::OkStatus();
  }
  std::vector<Said> said(kPageIds);
  if (!ReadRows(page_number, rows, &said)) return absl::OkStatus();
  for (const AttributeRun& run : page->attributes()) {
    for (uint32_t slot = run.first; slot < run.end(); ++slot) said[slot] = {run.class_number, run.tag_hash};
  }
  Compare(*page, records, said);
  return absl::OkStatus();
}

absl::Status IndexRows::Finish() {
  RETURN_IF_ERROR(ReadUpTo(""));
  TellLeftOver();
  return absl::OkStatus();
}

absl::Status IndexRows::MoveTo(uint64_t group) {
  if (group < next_group_) return absl::OkStatus();
  RETURN_IF_ERROR(ReadUpTo(IndexGroupKey(group + 1)));
  next_group_ = group + 1;
  return absl::OkStatus();
}

absl::Status IndexRows::ReadUpTo(absl::string_view end) {
  TellLeftOver();
  const std::string begin = next_group_ == 0 ? "" : IndexGroupKey(next_group_).str();
  return store_.Scan(Family::kIndex, begin, end, [this](absl::string_view key, absl::string_view value) {
    TakeRow(key, value);
    return true;
  });
}

void IndexRows::TakeRow(absl::string_view key, absl::string_view value) {
  if (!IsIndexKey(key)) {
    findings_.Add(Check::kStrayKey, absl::StrCat("key ", absl::BytesToHexString(key), " is none of family index"));
    return;
  }
  const uint64_t page_number = ReadU64(key) * kGroupPages + static_cast<uint8_t>(key[10]);
  rows_[page_number].push_back({static_cast<IndexKind>(key[8]), static_cast<uint8_t>(key[9]), std::string(value)});
}

void IndexRows::TellLeftOver() {
  for (const auto& [page_number, rows] : rows_) {
    findings_.Add(Check::kIndex,
                  absl::StrCat("page ", page_number, ": it has rows in the index, though there is nothing else of it"));
  }
  rows_.clear();
}

bool IndexRows::ReadRows(uint64_t page_number, const std::vector<Row>& rows, std::vector<Said>* said) {
  for (const Row& row : rows) {
    const auto take = [&](uint32_t value, uint32_t first, uint32_t end) {
      for (uint32_t slot = first; slot < end; ++slot) {
        uint32_t& known = row.kind == IndexKind::kClass ? (*said)[slot].class_number : (*said)[slot].tag_hash;
        if (known != 0 || value == 0 || BucketOf(value) != row.bucket) (*said)[slot].contradictory = true;
        known = value;
      }
    };
    if (ReadIndexRow(row.value, take)) continue;
    findings_.Add(Check::kIndex, absl::StrCat("page ", page_number, ": a row of it in the index is not readable"));
    return false;
  }
  return true;
}

// Of what is removed nothing is known, and nobody asks.
void IndexRows::Compare(const Page& page, const PageRecords& records, const std::vector<Said>& said) {
  for (uint32_t slot = 0; slot < kPageIds; ++slot) {
    const LiveState state = page.StateAt(slot);
    if (state == LiveState::REMOVED) continue;
    const TaskRecords& task = records.tasks[slot];
    const ClassNumber class_number = task.found ? task.class_number : 0;
    const uint32_t tag_hash = task.found ? task.tag_hash : 0;
    if (!said[slot].contradictory && said[slot].class_number == class_number && said[slot].tag_hash == tag_hash) {
      continue;
    }
    findings_.Add(Check::kIndex, absl::StrCat("task ", page.first_id() + slot, ": ",
                                              page.indexed() ? "the index" : absl::StrCat("page ", page.page_number()),
                                              " says ", Describe(said[slot].class_number, said[slot].tag_hash),
                                              ", its record ", Describe(class_number, tag_hash)));
  }
}

}  // namespace baton::engine
