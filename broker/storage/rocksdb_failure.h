#ifndef BATON_BROKER_STORAGE_ROCKSDB_FAILURE_H_
#define BATON_BROKER_STORAGE_ROCKSDB_FAILURE_H_

#include <atomic>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "rocksdb/listener.h"

namespace baton::storage {

// The first thing that went wrong for good in a store, found by a commit or by RocksDB in the background. It is never
// taken back: the process stops, and recovers when it starts again. Thread-safe.
class StoreFailure {
 public:
  // Keeps the first message, drops later ones.
  void Set(absl::string_view message);

  // Cheap while nothing has gone wrong.
  bool is_set() const { return is_set_.load(std::memory_order_acquire); }
  std::string message() const;

 private:
  std::atomic<bool> is_set_ = false;
  mutable absl::Mutex mutex_;
  std::string message_ ABSL_GUARDED_BY(mutex_);
};

// Listens for background errors of RocksDB, which its own writes would meet only later.
std::shared_ptr<rocksdb::EventListener> MakeFailureListener(std::shared_ptr<StoreFailure> failure);

}  // namespace baton::storage

#endif  // BATON_BROKER_STORAGE_ROCKSDB_FAILURE_H_
