// What the tests of stores share.
#ifndef BATON_TESTS_CONTRACT_STORE_TESTING_H_
#define BATON_TESTS_CONTRACT_STORE_TESTING_H_

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "broker/storage/store.h"
#include "gtest/gtest.h"

namespace baton::storage {

// A directory of its own for each test, removed at its end. The process that a death test starts runs the test anew: it
// is handed its parent's directory by the environment, and leaves it to the parent.
class ScratchDirectory {
 public:
  ScratchDirectory() {
    if (const char* inherited = std::getenv(kVariable); inherited != nullptr) {
      path_ = inherited;
      return;
    }
    std::string pattern = testing::TempDir() + "baton_store_XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) {
      std::perror(pattern.c_str());
      std::abort();
    }
    path_ = pattern;
    is_owner_ = true;
    ::setenv(kVariable, path_.c_str(), /*overwrite=*/1);
  }
  ~ScratchDirectory() {
    if (!is_owner_) return;
    ::unsetenv(kVariable);
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;

  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  static constexpr char kVariable[] = "BATON_STORE_TEST_DIRECTORY";

  std::string path_;
  bool is_owner_ = false;
};

using Rows = std::vector<std::pair<std::string, std::string>>;

// Commits `batch` as the next commit, which must succeed.
inline void CommitNext(Store& store, const WriteBatch& batch) {
  std::string error;
  ASSERT_EQ(store.Commit(batch, store.number() + 1, &error), CommitResult::kDone) << error;
}

inline void PutNext(Store& store, Family family, absl::string_view key, absl::string_view value) {
  WriteBatch batch;
  batch.Put(family, key, value);
  CommitNext(store, batch);
}

// The value of a key; "(none)" if there is none, the error if reading failed.
inline std::string ValueOf(const Snapshot& snapshot, Family family, absl::string_view key) {
  std::string value;
  const absl::Status status = snapshot.Get(family, key, &value);
  if (absl::IsNotFound(status)) return "(none)";
  return status.ok() ? value : status.ToString();
}
inline std::string ValueOf(const Store& store, Family family, absl::string_view key) {
  return ValueOf(*store.TakeSnapshot(), family, key);
}

// The first `limit` rows of a range, ascending or descending.
inline Rows RowsOf(const Snapshot& snapshot, Family family, absl::string_view begin = {}, absl::string_view end = {},
                   bool reverse = false, size_t limit = SIZE_MAX) {
  Rows rows;
  const ScanVisitor collect = [&](absl::string_view key, absl::string_view value) {
    rows.emplace_back(std::string(key), std::string(value));
    return rows.size() < limit;
  };
  const absl::Status status =
      reverse ? snapshot.ScanReverse(family, begin, end, collect) : snapshot.Scan(family, begin, end, collect);
  EXPECT_TRUE(status.ok()) << status;
  return rows;
}

}  // namespace baton::storage

#endif  // BATON_TESTS_CONTRACT_STORE_TESTING_H_
