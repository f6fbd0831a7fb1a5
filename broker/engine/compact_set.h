// A sorted set of millions of small keys, for which a tree that stores them whole is too large.
//
// A B+-tree of two levels: leaves of up to 256 keys, each key but the first as its difference from the one before. A
// backlog costs 2 to 8 bytes a key instead of 24 and more. What queues do is cheap: adding behind the last key of a
// leaf and taking the smallest of all touch one key; anything else decodes half a leaf, about half a microsecond.
#ifndef BATON_BROKER_ENGINE_COMPACT_SET_H_
#define BATON_BROKER_ENGINE_COMPACT_SET_H_

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <utility>

#include "absl/container/btree_map.h"

namespace baton::engine {

// Not thread-safe. Key: a value with a total order. Coder, for keys `before` < `key`:
//   static constexpr size_t kMaxBytes;
//   static char* Write(const Key& before, const Key& key, char* out);      // Both answer where the bytes end.
//   static const char* Read(const Key& before, const char* in, Key* key);
template <typename Key, typename Coder>
class CompactSet {
  struct Leaf;
  using Leaves = absl::btree_map<Key, Leaf>;

 public:
  using value_type = Key;

  // Invalid after any change of the set.
  class const_iterator {  // NOLINT(readability-identifier-naming): as in the standard library
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Key;
    using difference_type = std::ptrdiff_t;
    using pointer = const Key*;
    using reference = const Key&;

    const_iterator() = default;
    const Key& operator*() const { return key_; }
    const Key* operator->() const { return &key_; }
    const_iterator& operator++() {
      const Leaf& leaf = leaf_->second;
      if (at_ < leaf.bytes.size()) {
        at_ = leaf.Read(at_, key_, &key_);
      } else {
        Enter(std::next(leaf_));
      }
      return *this;
    }
    const_iterator operator++(int) {
      const_iterator old = *this;
      ++*this;
      return old;
    }
    friend bool operator==(const const_iterator& a, const const_iterator& b) {
      return a.leaf_ == b.leaf_ && a.at_ == b.at_;
    }

   private:
    friend class CompactSet;
    using Position = typename Leaves::const_iterator;

    const_iterator(Position leaf, Position end) : end_(end) { Enter(leaf); }
    void Enter(Position leaf) {
      leaf_ = leaf;
      at_ = 0;
      if (leaf == end_) return;
      key_ = leaf->second.first;
      at_ = leaf->second.begin;
    }

    Position leaf_, end_;
    size_t at_ = 0;  // Of the next key in the leaf.
    Key key_{};
  };

  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }
  // The smallest; there must be one.
  const Key& front() const { return leaves_.begin()->second.first; }
  const_iterator begin() const { return {leaves_.begin(), leaves_.end()}; }
  const_iterator end() const { return {leaves_.end(), leaves_.end()}; }

  // How many keys are smaller than `key`, counted up to about `limit`: it stops with the leaf that reaches it.
  size_t CountBelow(const Key& key, size_t limit) const {
    size_t count = 0;
    for (auto it = leaves_.begin(); it != leaves_.end() && count < limit && it->second.first < key; ++it) {
      count += it->second.last < key ? it->second.count : it->second.CountBelow(key);
    }
    return count;
  }

  // False if it is there already.
  bool insert(const Key& key) {
    if (leaves_.empty()) {
      leaves_.emplace(key, Leaf(key));
      size_ = 1;
      return true;
    }
    auto it = leaves_.upper_bound(key);
    it = it == leaves_.begin() ? MoveDown(key) : std::prev(it);
    Leaf& leaf = it->second;
    if (leaf.last < key && leaf.count >= kLeafKeys) {
      // Keys come in ascending order, as a rule: this leaf is complete.
      leaf.bytes.shrink_to_fit();
      leaves_.emplace_hint(std::next(it), key, Leaf(key));
    } else {
      if (!leaf.Insert(key)) return false;
      if (leaf.count > kLeafKeys) Split(leaf, key);
    }
    ++size_;
    return true;
  }

  // False if it is not there.
  bool erase(const Key& key) {
    auto it = leaves_.upper_bound(key);
    if (it == leaves_.begin()) return false;
    --it;
    if (!it->second.Erase(key)) return false;
    --size_;
    if (it->second.count == 0) {
      leaves_.erase(it);
    } else if (it->second.count < kLeafKeys / 4) {
      Join(it);
    }
    return true;
  }

  // An estimate of what it occupies.
  size_t memory_bytes() const {
    size_t bytes = 0;
    for (const auto& [bound, leaf] : leaves_) bytes += sizeof(Key) + sizeof(Leaf) + leaf.bytes.capacity();
    return bytes;
  }

 private:
  static constexpr uint32_t kLeafKeys = 256;

  struct Leaf {
    explicit Leaf(const Key& only) : first(only), last(only) {}

    Key first;
    Key last;
    uint32_t count = 1;
    // What is before it belonged to keys that were taken.
    uint32_t begin = 0;
    // Of each key but the first, its difference from the one before.
    std::string bytes;

    // Where the first key that is not smaller than a given one stands.
    struct Place {
      Key before, key;
      size_t begin, end;
    };

    size_t Read(size_t at, const Key& before, Key* key) const {
      const Key base = before;
      return static_cast<size_t>(Coder::Read(base, bytes.data() + at, key) - bytes.data());
    }

    // `key` is above the first one and not above the last.
    Place Find(const Key& key) const {
      Place place{first, first, begin, begin};
      while (place.key < key) {
        place.before = place.key;
        place.begin = place.end;
        place.end = Read(place.begin, place.before, &place.key);
      }
      return place;
    }

    size_t CountBelow(const Key& key) const {
      size_t below = 1;
      Key at_key = first;
      for (size_t at = Read(begin, first, &at_key); at_key < key; at = Read(at, at_key, &at_key)) ++below;
      return below;
    }

    void Append(const Key& key) {
      char buffer[Coder::kMaxBytes];
      bytes.append(buffer, static_cast<size_t>(Coder::Write(last, key, buffer) - buffer));
      last = key;
      ++count;
    }

    bool Insert(const Key& key) {
      if (last < key) {
        Append(key);
        return true;
      }
      if (key == first) return false;
      char buffer[2 * Coder::kMaxBytes];
      if (key < first) {
        const char* end = Coder::Write(key, first, buffer);
        bytes.replace(0, begin, buffer, static_cast<size_t>(end - buffer));
        begin = 0;
        first = key;
      } else {
        const Place place = Find(key);
        if (place.key == key) return false;
        const char* end = Coder::Write(key, place.key, Coder::Write(place.before, key, buffer));
        bytes.replace(place.begin, place.end - place.begin, buffer, static_cast<size_t>(end - buffer));
      }
      ++count;
      return true;
    }

    bool Erase(const Key& key) {
      if (key < first || last < key) return false;
      if (key == first) {
        TakeFirst();
        return true;
      }
      const Place place = Find(key);
      if (place.key != key) return false;
      if (key == last) {
        last = place.before;
        bytes.resize(place.begin);
      } else {
        Key next;
        const size_t next_end = Read(place.end, key, &next);
        char buffer[Coder::kMaxBytes];
        const char* end = Coder::Write(place.before, next, buffer);
        bytes.replace(place.begin, next_end - place.begin, buffer, static_cast<size_t>(end - buffer));
      }
      --count;
      return true;
    }

    void TakeFirst() {
      if (--count == 0) return;
      begin = static_cast<uint32_t>(Read(begin, first, &first));
      // A queue that is filled and emptied at the same pace never gets a new leaf.
      if (begin < 64 || begin < bytes.size() / 2) return;
      bytes.erase(0, begin);
      begin = 0;
    }
  };

  // Makes the first leaf the place for a key that is smaller than all.
  typename Leaves::iterator MoveDown(const Key& key) {
    Leaf leaf = std::move(leaves_.begin()->second);
    leaves_.erase(leaves_.begin());
    return leaves_.emplace_hint(leaves_.begin(), key, std::move(leaf));
  }

  // Right behind the key that was inserted if that is in the second half, else in the middle: where keys of one
  // priority are followed by those of the next, what comes to its end fills leaves of its own.
  void Split(Leaf& leaf, const Key& inserted) {
    Key key = leaf.first, before = key;
    size_t at = leaf.begin, key_at = at;
    uint32_t kept = 0;
    for (; kept < kLeafKeys / 2 || (before < inserted && kept < kLeafKeys); ++kept) {
      before = key;
      key_at = at;
      at = leaf.Read(at, before, &key);
    }
    Leaf right(key);
    right.last = leaf.last;
    right.count = leaf.count - kept;
    right.bytes = leaf.bytes.substr(at);
    leaf.last = before;
    leaf.count = kept;
    leaf.bytes.resize(key_at);
    leaf.bytes.shrink_to_fit();
    leaves_.emplace(key, std::move(right));
  }

  // Few keys should not occupy many leaves after most were taken from the middle.
  void Join(typename Leaves::iterator it) {
    Leaf& leaf = it->second;
    if (leaf.bytes.capacity() > kLeafKeys && leaf.bytes.capacity() > 4 * leaf.bytes.size()) leaf.bytes.shrink_to_fit();
    const auto next = std::next(it);
    if (next != leaves_.end() && leaf.count + next->second.count <= kLeafKeys / 2) {
      TakeIn(leaf, next);
    } else if (it != leaves_.begin() && std::prev(it)->second.count + leaf.count <= kLeafKeys / 2) {
      TakeIn(std::prev(it)->second, it);
    }
  }

  void TakeIn(Leaf& leaf, typename Leaves::iterator next) {
    Key key = next->second.first;
    leaf.Append(key);
    for (size_t at = next->second.begin; at < next->second.bytes.size();) {
      at = next->second.Read(at, key, &key);
      leaf.Append(key);
    }
    leaves_.erase(next);
  }

  // By a key that is not above any key of the leaf, and above all of the leaf before.
  Leaves leaves_;
  size_t size_ = 0;
};

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_COMPACT_SET_H_
