#include "broker/storage/rocksdb_failure.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace baton::storage {
namespace {

const char* NameOf(rocksdb::BackgroundErrorReason reason) {
  switch (reason) {
    case rocksdb::BackgroundErrorReason::kFlush:
    case rocksdb::BackgroundErrorReason::kFlushNoWAL:
      return "flush";
    case rocksdb::BackgroundErrorReason::kCompaction:
      return "compaction";
    case rocksdb::BackgroundErrorReason::kWriteCallback:
    case rocksdb::BackgroundErrorReason::kMemTable:
      return "write";
    default:
      return "manifest write";
  }
}

class FailureListener final : public rocksdb::EventListener {
 public:
  explicit FailureListener(std::shared_ptr<StoreFailure> failure) : failure_(std::move(failure)) {}

  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* error) override {
    failure_->Set(absl::StrCat("background ", NameOf(reason), ": ", error->ToString()));
  }

 private:
  const std::shared_ptr<StoreFailure> failure_;
};

}  // namespace

void StoreFailure::Set(absl::string_view message) {
  absl::MutexLock lock(&mutex_);
  if (!message_.empty()) return;
  message_ = std::string(message);
  is_set_.store(true, std::memory_order_release);
}

std::string StoreFailure::message() const {
  absl::MutexLock lock(&mutex_);
  return message_;
}

std::shared_ptr<rocksdb::EventListener> MakeFailureListener(std::shared_ptr<StoreFailure> failure) {
  return std::make_shared<FailureListener>(std::move(failure));
}

}  // namespace baton::storage
