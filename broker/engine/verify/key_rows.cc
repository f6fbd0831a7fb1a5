#include "broker/engine/verify/key_rows.h"

#include <algorithm>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "broker/base/status_macros.h"

namespace baton::engine {
namespace {

using records::v1::KeyRow;
using storage::Family;

constexpr size_t kUniqueKeyBytes = 1 + 16;
constexpr size_t kRequestKeyBytes = 1 + 4 + 16;

Hash128 HashAt(absl::string_view bytes) { return {ReadU64(bytes), ReadU64(bytes.substr(8))}; }

bool Parse(absl::string_view value, KeyRow* row) {
  return row->ParseFromArray(value.data(), static_cast<int>(value.size()));
}

}  // namespace

absl::Status KeyRows::CheckHolder(TaskId id, const Hash128& unique) {
  std::string value;
  const absl::Status status = store_.Get(Family::kKey, UniqueKey(unique), &value);
  if (absl::IsNotFound(status)) {
    findings_.Add(Check::kMissingUniqueKey, absl::StrCat("task ", id, ": it has a unique key, which is not kept"));
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(status);
  KeyRow row;
  if (!Parse(value, &row)) return absl::OkStatus();  // Found when the rows are read.
  if (row.task() == id) ++held_;
  if (row.task() <= id) return absl::OkStatus();
  ASSIGN_OR_RETURN(const bool also, MayHold(row.task(), unique));
  if (also) {
    findings_.Add(Check::kUniqueKey,
                  absl::StrCat("task ", id, ": its unique key names task ", row.task(), ", which came later"));
  }
  return absl::OkStatus();
}

absl::Status KeyRows::CheckRows() {
  absl::Status status;
  // As many rows as holders: each is held. Only otherwise they are looked at one by one.
  uint64_t rows = 0;
  RETURN_IF_ERROR(store_.Scan(Family::kKey, "u", "v", [&](absl::string_view, absl::string_view) { return ++rows; }));
  const bool check = rows != held_;
  RETURN_IF_ERROR(store_.Scan(Family::kKey, "", "", [&](absl::string_view key, absl::string_view value) {
    if (key.size() == kUniqueKeyBytes && key[0] == 'u') {
      TakeUnique(key, value, check, &status);
    } else if (key.size() == kRequestKeyBytes && key[0] == 'r') {
      TakeRequest(key, value);
    } else {
      unreadable_.emplace_back(key);
      findings_.Add(Check::kStrayKey, absl::StrCat("key ", absl::BytesToHexString(key), " is none of family key"));
    }
    return status.ok();
  }));
  return status;
}

void KeyRows::TakeUnique(absl::string_view key, absl::string_view value, bool check, absl::Status* status) {
  ++findings_.inventory.unique_keys;
  if (!check) return;
  const std::string name = absl::StrCat("unique key ", absl::BytesToHexString(key.substr(1)));
  KeyRow row;
  if (!Parse(value, &row)) {
    findings_.Add(Check::kUnreadableUniqueKey, absl::StrCat(name, " is not readable"));
    return;
  }
  const absl::StatusOr<bool> holds = MayHold(row.task(), HashAt(key.substr(1)));
  if (!holds.ok()) {
    *status = holds.status();
  } else if (!*holds) {
    findings_.Add(Check::kUniqueKey, absl::StrCat(name, " names task ", row.task(), ", which does not hold it"));
  }
}

void KeyRows::TakeRequest(absl::string_view key, absl::string_view value) {
  ++findings_.inventory.requests;
  KeyRow row;
  if (!Parse(value, &row)) {
    unreadable_.emplace_back(key);
    findings_.Add(Check::kUnreadableRequest,
                  absl::StrCat("request id ", absl::BytesToHexString(key.substr(5)),
                               " is not readable: the same request would be taken for a new one"));
    return;
  }
  for (const records::v1::Range& range : row.tasks()) {
    if (range.first() != 0) next_id_ = std::max(next_id_, range.first() + range.count());
  }
}

absl::StatusOr<bool> KeyRows::MayHold(TaskId id, const Hash128& unique) const {
  std::string value;
  absl::Status status = store_.Get(Family::kEnd, EndKey(id), &value);
  if (status.ok()) return false;
  if (!absl::IsNotFound(status)) return status;
  status = store_.Get(Family::kTask, TaskKey(id), &value);
  if (absl::IsNotFound(status)) return false;
  RETURN_IF_ERROR(status);
  records::v1::TaskRow row;
  if (!row.ParseFromString(value) || row.unique_key().empty()) return false;
  const auto type = known_.types.find(row.class_number());
  return type != known_.types.end() && UniqueHash(type->second, row.unique_key()) == unique;
}

}  // namespace baton::engine
