// What the engine itself has written under unique keys and request ids lately: it completes look-ups that were made in
// the store at an earlier commit.
#ifndef BATON_BROKER_ENGINE_KEY_BOOK_H_
#define BATON_BROKER_ENGINE_KEY_BOOK_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "baton/records/v1/records.pb.h"
#include "broker/base/hash.h"
#include "broker/engine/format/keys.h"

namespace baton::engine {

// Not thread-safe.
class KeyBook {
 public:
  // The task that holds a unique key now; 0: nobody. `found` is what the store had as of an earlier commit.
  TaskId Holder(const Hash128& unique, TaskId found) const {
    const auto it = holders_.find(unique);
    return it == holders_.end() ? found : it->second.first;
  }
  void SetHolder(const Hash128& unique, TaskId task, uint64_t commit) {
    holders_[unique] = {task, commit};
    Log({commit, unique, true, kEntryBytes});
  }

  // The request as written after the look-up; null: not written since.
  const records::v1::KeyRow* Request(const Hash128& request) const {
    const auto it = requests_.find(request);
    return it == requests_.end() ? nullptr : &it->second.first;
  }
  void SetRequest(const Hash128& request, records::v1::KeyRow row, uint64_t commit) {
    const auto parts = static_cast<size_t>(row.tasks_size() + row.existing_size());
    requests_[request] = {std::move(row), commit};
    Log({commit, request, false, kRequestBytes + parts * kPartBytes});
  }

  // Look-ups older than this commit cannot be completed any more.
  uint64_t floor() const { return floor_; }

  // Forgets what was written before commit `horizon`, and the oldest beyond `most_bytes` of memory.
  void Forget(uint64_t horizon, size_t most_bytes) {
    while (!log_.empty() && (log_.front().commit < horizon || log_.size() > kMaxEntries || bytes_ > most_bytes)) {
      const Written& oldest = log_.front();
      floor_ = oldest.commit;
      bytes_ -= oldest.bytes;
      if (oldest.unique) {
        Drop(holders_, oldest);
      } else {
        Drop(requests_, oldest);
      }
      log_.pop_front();
    }
  }

 private:
  static constexpr size_t kMaxEntries = 500'000;
  // What they take in memory, about: a unique key, a request, and of a request each run of ids and each item that was
  // answered with a task that existed.
  static constexpr size_t kEntryBytes = 100;
  static constexpr size_t kRequestBytes = 256;
  static constexpr size_t kPartBytes = 40;

  struct Written {
    uint64_t commit;
    Hash128 hash;
    bool unique;
    size_t bytes;
  };

  void Log(const Written& written) {
    log_.push_back(written);
    bytes_ += written.bytes;
  }

  template <typename Map>
  static void Drop(Map& map, const Written& written) {
    const auto it = map.find(written.hash);
    if (it != map.end() && it->second.second == written.commit) map.erase(it);
  }

  absl::flat_hash_map<Hash128, std::pair<TaskId, uint64_t>> holders_;
  absl::flat_hash_map<Hash128, std::pair<records::v1::KeyRow, uint64_t>> requests_;
  std::deque<Written> log_;
  size_t bytes_ = 0;  // Of all in `log_`.
  uint64_t floor_ = 0;
};

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_KEY_BOOK_H_
