// Classes and tags as pages and family `index` have them, against the records of tasks.
#ifndef BATON_BROKER_ENGINE_VERIFY_INDEX_ROWS_H_
#define BATON_BROKER_ENGINE_VERIFY_INDEX_ROWS_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "broker/engine/live/page.h"
#include "broker/engine/verify/findings.h"
#include "broker/engine/verify/task_records.h"
#include "broker/storage/store.h"

namespace baton::engine {

// Reads every row once. Not thread-safe. Memory: the rows of one group of pages, which are a few bytes a task.
class IndexRows {
 public:
  IndexRows(const storage::Snapshot& store, Findings* findings) : store_(store), findings_(*findings) {}

  // To be called with every page there is, in ascending order; `page` null: the live table says of it nothing that
  // could be compared.
  absl::Status CheckPage(uint64_t page_number, const Page* page, const PageRecords& records);
  // After all pages.
  absl::Status Finish();

 private:
  struct Row {
    IndexKind kind;
    uint8_t bucket;
    std::string value;
  };
  // What is said of one slot.
  struct Said {
    ClassNumber class_number = 0;
    uint32_t tag_hash = 0;
    bool contradictory = false;
  };

  // Reads all keys up to the end of that group, unless they were read.
  absl::Status MoveTo(uint64_t group);
  absl::Status ReadUpTo(absl::string_view end);
  void TakeRow(absl::string_view key, absl::string_view value);
  // Rows of pages that are not there.
  void TellLeftOver();
  // False, and told, if a row cannot be read.
  bool ReadRows(uint64_t page_number, const std::vector<Row>& rows, std::vector<Said>* said);
  void Compare(const Page& page, const PageRecords& records, const std::vector<Said>& said);

  const storage::Snapshot& store_;
  Findings& findings_;
  uint64_t next_group_ = 0;                    // Groups below it were read.
  std::map<uint64_t, std::vector<Row>> rows_;  // By page; of pages that were not asked for yet.
};

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_VERIFY_INDEX_ROWS_H_
