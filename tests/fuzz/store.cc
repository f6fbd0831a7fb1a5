// A damaged store: rows that are gone, changed, or were never written by anybody. It is verified, and repaired, without
// ever bringing the process down; what was repaired is free of damage, and a broker starts on it.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/base/check.h"
#include "broker/engine/verify/verify.h"
#include "broker/storage/memory_store.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/live_broker.h"
#include "tests/fuzz/stored_tasks.h"
#include "tests/unit/engine/checks.h"

namespace baton::fuzz {
namespace {

using storage::Family;

const engine::EngineSettings kSettings;

const StoredRow& PickRow(Input& input) {
  const auto& rows = StoredTasks();
  return rows[input.Below(rows.size())];
}

// Of some row there is, of a row beside it, or any.
std::string TakeKey(Input& input, const StoredRow& row) {
  std::string key = row.key;
  if (input.Chance(32)) return std::string(input.Bytes(40));
  if (!key.empty() && input.Chance(64)) key.back() = static_cast<char>(input.Byte());
  return key;
}

// What was there with some bytes changed, cut off or added; that of another row; or anything.
std::string TakeValue(Input& input, const StoredRow& row) {
  std::string value = row.value;
  switch (input.Below(4)) {
    case 0:
      for (size_t count = 1 + input.Below(4); count > 0 && !value.empty(); --count) {
        value[input.Below(std::min<size_t>(value.size(), 65'536))] = static_cast<char>(input.Byte());
      }
      return value;
    case 1:
      value.resize(value.size() - input.Below(std::min<size_t>(value.size() + 1, 65'536)));
      return absl::StrCat(value, input.Bytes(40));
    case 2:
      return PickRow(input).value;
    default:
      return std::string(input.Bytes(100));
  }
}

void Damage(Input& input, storage::WriteBatch* batch) {
  const StoredRow& row = PickRow(input);
  const std::string key = TakeKey(input, row);
  if (key.empty()) return;
  if (input.Chance(64)) return batch->Delete(row.family, key);
  batch->Put(row.family, key, TakeValue(input, row));
}

// Of the stored tasks.
uint64_t LastCommit() {
  uint64_t number = 0;
  for (const StoredRow& row : StoredTasks()) {
    if (row.family == Family::kJournal) number = engine::ReadU64(row.key);
  }
  return number;
}

// Commits are numbered without a gap.
void CommitAs(uint64_t number, const storage::WriteBatch& batch, const std::shared_ptr<storage::MemoryDisk>& disk) {
  const std::unique_ptr<storage::Store> store = *storage::OpenMemoryStore(disk);
  std::string error;
  for (uint64_t commit = 1; commit <= number; ++commit) {
    const storage::CommitResult result = store->Commit(commit < number ? storage::WriteBatch() : batch, commit, &error);
    BATON_CHECK(result == storage::CommitResult::kDone, error);
  }
}

std::shared_ptr<storage::MemoryDisk> DamagedDisk(Input& input) {
  const auto disk = std::make_shared<storage::MemoryDisk>();
  storage::WriteBatch batch;
  // Now and then there is next to nothing.
  if (!input.Chance(8)) {
    for (const StoredRow& row : StoredTasks()) batch.Put(row.family, row.key, row.value);
  }
  for (int count = 0; count < 20 && !input.empty(); ++count) Damage(input, &batch);
  CommitAs(LastCommit(), batch, disk);
  return disk;
}

// Whether a broker that starts on what is not repaired refuses in words.
void CheckStart(const std::shared_ptr<storage::MemoryDisk>& disk) {
  LiveBroker broker(kSettings, disk);
  const absl::Status opened = broker.Open();
  BATON_CHECK(opened.ok() || !opened.message().empty(), "a start is refused without a word");
}

void CheckRepaired(const std::shared_ptr<storage::MemoryDisk>& disk) {
  LiveBroker broker(kSettings, disk);
  const absl::Status opened = broker.Open();
  BATON_CHECK(opened.ok(), absl::StrCat("after a repair: ", opened.ToString()));
  // The checks look at every page of ids that there may have been.
  const bool few_pages = engine::PageOf(broker.next_id()) < 100;
  if (few_pages) broker.CheckEverything();
  broker.Advance(kMinute);
  if (few_pages) broker.CheckEverything();
}

void Run(Input input) {
  const bool starts = input.Chance(128);
  const std::shared_ptr<storage::MemoryDisk> disk = DamagedDisk(input);
  std::unique_ptr<storage::Store> store = *storage::OpenMemoryStore(disk);
  const absl::StatusOr<engine::Findings> found = engine::Verify(kSettings, *store);
  BATON_CHECK(found.ok() || !found.status().message().empty(), "a store is refused without a word");
  if (starts) CheckStart(disk);
  store = *storage::OpenMemoryStore(disk);
  const absl::StatusOr<engine::Findings> repaired =
      engine::Repair(kSettings, store.get(), {kStartOfTime + kDay, [] { return uint64_t{815}; }, /*drop_lost=*/true});
  if (!repaired.ok()) {
    BATON_CHECK(!repaired.status().message().empty(), "a repair is refused without a word");
    return;
  }
  const std::string damage = engine::testing::DamageIn(kSettings, *store);
  BATON_CHECK(damage.empty(), absl::StrCat("after a repair:\n", damage));
  store.reset();
  CheckRepaired(disk);
}

}  // namespace
}  // namespace baton::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  baton::fuzz::Run(baton::fuzz::Input(data, size));
  return 0;
}
