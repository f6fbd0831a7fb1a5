#include "broker/storage/versioned_map.h"

#include <utility>

namespace baton::storage {
namespace {

size_t SizeOf(const VersionedMap::Value& value) { return value == nullptr ? 0 : value->size(); }

}  // namespace

VersionedMap::Value VersionedMap::VisibleAt(const Versions& versions, uint64_t number) {
  for (auto version = versions.rbegin(); version != versions.rend(); ++version) {
    if (version->number <= number) return version->value;
  }
  return nullptr;
}

bool VersionedMap::Append(Versions* versions, Value value, uint64_t number) {
  bytes_ += SizeOf(value);
  if (!versions->empty() && versions->back().number == number) {
    bytes_ -= SizeOf(versions->back().value);
    versions->back().value = std::move(value);
  } else {
    versions->push_back({number, std::move(value)});
  }
  return versions->size() > 1 || versions->back().value == nullptr;
}

bool VersionedMap::Write(absl::string_view key, Value value, uint64_t number) {
  auto found = map_.lower_bound(key);
  if (found == map_.end() || found->first != key) {
    if (value == nullptr) return false;
    found = map_.emplace_hint(found, std::string(key), Versions());
    bytes_ += key.size();
  }
  return Append(&found->second, std::move(value), number);
}

void VersionedMap::DeleteRange(absl::string_view begin, absl::string_view end, uint64_t number,
                               const std::function<void(const std::string&)>& deleted) {
  for (auto at = map_.lower_bound(begin); at != map_.end() && at->first < end; ++at) {
    if (at->second.back().value == nullptr) continue;
    Append(&at->second, nullptr, number);
    deleted(at->first);
  }
}

VersionedMap::Value VersionedMap::Find(absl::string_view key, uint64_t number) const {
  const auto found = map_.find(key);
  return found == map_.end() ? nullptr : VisibleAt(found->second, number);
}

bool VersionedMap::Collect(absl::string_view begin, absl::string_view end, uint64_t number, size_t limit,
                           std::vector<Entry>* entries) const {
  for (auto at = map_.lower_bound(begin); at != map_.end() && (end.empty() || at->first < end); ++at) {
    Value value = VisibleAt(at->second, number);
    if (value == nullptr) continue;
    if (entries->size() >= limit) return true;
    entries->push_back({at->first, std::move(value)});
  }
  return false;
}

bool VersionedMap::CollectReverse(absl::string_view begin, absl::string_view end, uint64_t number, size_t limit,
                                  std::vector<Entry>* entries) const {
  auto at = end.empty() ? map_.end() : map_.lower_bound(end);
  while (at != map_.begin()) {
    --at;
    if (at->first < begin) return false;
    Value value = VisibleAt(at->second, number);
    if (value == nullptr) continue;
    if (entries->size() >= limit) return true;
    entries->push_back({at->first, std::move(value)});
  }
  return false;
}

void VersionedMap::Prune(absl::string_view key, uint64_t oldest) {
  const auto found = map_.find(key);
  if (found == map_.end()) return;
  Versions& versions = found->second;
  size_t first = 0;  // The version that a reader at `oldest` sees: all before it are invisible.
  while (first + 1 < versions.size() && versions[first + 1].number <= oldest) ++first;
  for (size_t i = 0; i < first; ++i) bytes_ -= SizeOf(versions[i].value);
  versions.erase(versions.begin(), versions.begin() + static_cast<ptrdiff_t>(first));
  // A deletion that everybody sees hides nothing.
  if (versions.front().value == nullptr && versions.front().number <= oldest) versions.erase(versions.begin());
  if (!versions.empty()) return;
  bytes_ -= found->first.size();
  map_.erase(found);
}

void VersionedMap::Forget(absl::string_view begin, absl::string_view end) {
  for (auto at = map_.lower_bound(begin); at != map_.end() && at->first < end;) {
    if (at->second.back().value != nullptr) {
      ++at;
      continue;
    }
    for (const Version& version : at->second) bytes_ -= SizeOf(version.value);
    bytes_ -= at->first.size();
    at = map_.erase(at);
  }
}

VersionedMap VersionedMap::CopyAt(uint64_t number) const {
  VersionedMap copy;
  for (const auto& [key, versions] : map_) {
    if (Value value = VisibleAt(versions, number); value != nullptr) copy.Write(key, std::move(value), number);
  }
  return copy;
}

}  // namespace baton::storage
