#include "broker/storage/commit_check.h"

#include <cinttypes>
#include <cstdio>
#include <cstdlib>

#include "broker/storage/store.h"

namespace baton::storage {
namespace {

[[noreturn]] void DieOfSize(const char* what, Family family, size_t bytes, size_t limit) {
  std::fprintf(stderr, "broken invariant: %s in family %d has %zu bytes, the store takes at most %zu\n", what,
               static_cast<int>(family), bytes, limit);
  std::abort();
}

}  // namespace

void CheckCommit(const WriteBatch& batch, uint64_t last, uint64_t number) {
  if (number != last + 1) {
    std::fprintf(stderr, "broken invariant: commit %" PRIu64 " does not follow the last commit, %" PRIu64 "\n", number,
                 last);
    std::abort();
  }
  if (batch.bytes() > kMaxBatchBytes) {
    std::fprintf(stderr,
                 "broken invariant: the batch of commit %" PRIu64 " has %zu bytes, the store takes at most %zu\n",
                 number, batch.bytes(), kMaxBatchBytes);
    std::abort();
  }
}

void CheckChange(WriteBatch::Op op, Family family, absl::string_view key, absl::string_view value) {
  if (key.size() > kMaxKeyBytes) DieOfSize("a key", family, key.size(), kMaxKeyBytes);
  const bool is_range = op == WriteBatch::Op::kDeleteRange;
  const size_t most = family == Family::kJournal ? kMaxJournalBytes : kMaxValueBytes;
  const size_t limit = is_range ? kMaxKeyBytes : most;
  if (value.size() > limit) DieOfSize(is_range ? "the end of a range" : "a value", family, value.size(), limit);
}

}  // namespace baton::storage
