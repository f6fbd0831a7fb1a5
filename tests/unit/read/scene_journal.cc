#include <utility>

#include "tests/unit/read/scene.h"

namespace baton::service::testing {

using storage::Family;
using storage::WriteBatch;

void Scene::CommitEntry(const records::v1::JournalEntry* entry) {
  WriteBatch batch;
  const uint64_t number = partition_.store_->number() + 1;
  if (entry != nullptr) batch.Put(Family::kJournal, engine::JournalKey(number), entry->SerializeAsString());
  batch.Put(Family::kMeta, "test", "");
  partition_.Commit(std::move(batch), 0);
}

void Scene::TrimJournal(uint64_t number) {
  WriteBatch batch;
  records::v1::CheckpointRow checkpoint;
  checkpoint.set_trimmed(number);
  batch.DeleteRange(Family::kJournal, engine::JournalKey(0), engine::JournalKey(number + 1));
  batch.Put(Family::kMeta, engine::CheckpointMetaKey(), checkpoint.SerializeAsString());
  partition_.Commit(std::move(batch), 0);
}

}  // namespace baton::service::testing
