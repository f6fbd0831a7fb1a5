// The fixture of the suite that every store has to pass.
#ifndef BATON_TESTS_CONTRACT_STORE_CONTRACT_H_
#define BATON_TESTS_CONTRACT_STORE_CONTRACT_H_

#include <memory>
#include <ostream>
#include <string>

#include "broker/storage/memory_store.h"
#include "broker/storage/rocksdb_store.h"
#include "gtest/gtest.h"
#include "tests/contract/store_testing.h"

namespace baton::storage {

// Opens a kind of store, again and again at the same place.
class Harness {
 public:
  virtual ~Harness() = default;
  virtual absl::StatusOr<std::unique_ptr<Store>> Open() = 0;
  virtual std::string backup_directory() const = 0;
  virtual absl::StatusOr<std::unique_ptr<Store>> OpenBackup() = 0;
};

class MemoryHarness final : public Harness {
 public:
  absl::StatusOr<std::unique_ptr<Store>> Open() override { return OpenMemoryStore(disk_); }
  std::string backup_directory() const override { return "backup"; }
  absl::StatusOr<std::unique_ptr<Store>> OpenBackup() override { return OpenMemoryStore(disk_->backup("backup")); }

 private:
  const std::shared_ptr<MemoryDisk> disk_ = std::make_shared<MemoryDisk>();
};

class RocksDbHarness final : public Harness {
 public:
  absl::StatusOr<std::unique_ptr<Store>> Open() override { return OpenRocksDbStore({.directory = scratch_ / "data"}); }
  std::string backup_directory() const override { return scratch_ / "backup"; }
  absl::StatusOr<std::unique_ptr<Store>> OpenBackup() override {
    return OpenRocksDbStore({.directory = backup_directory()});
  }

 private:
  ScratchDirectory scratch_;
};

struct Kind {
  const char* name;
  std::unique_ptr<Harness> (*make)();

  friend void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.name; }
};

class StoreContract : public testing::TestWithParam<Kind> {
 protected:
  StoreContract() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
  void SetUp() override { Reopen(); }

  void Reopen() {
    store_.reset();
    auto opened = harness_->Open();
    ASSERT_TRUE(opened.ok()) << opened.status();
    store_ = *std::move(opened);
  }

  const std::unique_ptr<Harness> harness_ = GetParam().make();
  std::unique_ptr<Store> store_;
};

inline std::string NameOf(const testing::TestParamInfo<Kind>& instance) { return instance.param.name; }

inline const auto kStores =
    testing::Values(Kind{"Memory", []() -> std::unique_ptr<Harness> { return std::make_unique<MemoryHarness>(); }},
                    Kind{"RocksDb", []() -> std::unique_ptr<Harness> { return std::make_unique<RocksDbHarness>(); }});

}  // namespace baton::storage

#endif  // BATON_TESTS_CONTRACT_STORE_CONTRACT_H_
