#ifndef BATON_TESTS_BENCH_PAGE_READER_H_
#define BATON_TESTS_BENCH_PAGE_READER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client_cli/broker_client.h"
#include "tests/bench/board.h"
#include "tests/bench/verify.h"

namespace baton::bench {

// One task as lists show it, in a few bytes.
struct ListedRow {
  uint64_t id = 0;
  v1::TaskState state = v1::TASK_STATE_UNSPECIFIED;
  // Into the types of the kind, and into the tags of the rows.
  uint16_t type = 0;
  uint16_t tag = 0;
  // 0: none.
  uint64_t parent = 0;
};

// What a broker that holds exactly these tasks should list, newest first. One worker has run all that were run, and all
// that were spawned have the same parent.
class ExpectedList {
 public:
  ExpectedList(const Board& board, const Portions& portions);

  // Ids of the tasks that the filter lets through: states, type, tag, parent, root, error and worker (whoever it is)
  // are looked at.
  std::vector<uint64_t> Select(const v1::TaskFilter& filter) const;

 private:
  bool Matches(const ListedRow& row, const v1::TaskFilter& filter) const;

  std::vector<std::string> types_;
  std::vector<std::string> tags_;
  std::vector<ListedRow> rows_;
};

// Reads a list page by page and compares each row with what is expected.
class PageReader {
 public:
  // `broker` must outlive it.
  PageReader(cli::Broker* broker, v1::TaskFilter filter, std::vector<uint64_t> expected);

  // From the first page on again.
  void Rewind();
  // The next `size` rows, or what is left of the list; the broker may need several calls for them. Errors: DATA_LOSS a
  // row is missing or should not be there; those of the calls.
  absl::Status Read(uint64_t size);

  uint64_t position() const { return position_; }
  uint64_t rows() const { return expected_.size(); }
  bool at_end() const { return at_end_; }
  // Made so far.
  uint64_t calls() const { return calls_; }

 private:
  absl::Status Take(const v1::Task& task);

  cli::Broker* const broker_;
  const std::vector<uint64_t> expected_;
  v1::ListTasksRequest request_;
  uint64_t position_ = 0;
  bool at_end_ = false;
  uint64_t calls_ = 0;
};

}  // namespace baton::bench

#endif  // BATON_TESTS_BENCH_PAGE_READER_H_
