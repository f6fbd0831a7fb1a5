#include "broker/storage/rocksdb_own_number.h"

#include "absl/strings/str_cat.h"
#include "broker/storage/rocksdb_status.h"

namespace baton::storage {

std::string EncodeOwnNumber(uint64_t number) {
  std::string bytes(sizeof(number), '\0');
  for (auto byte = bytes.rbegin(); byte != bytes.rend(); ++byte) {
    *byte = static_cast<char>(number & 0xff);
    number >>= 8;
  }
  return bytes;
}

absl::StatusOr<uint64_t> ReadOwnNumber(rocksdb::DB* db, const rocksdb::ReadOptions& options,
                                       rocksdb::ColumnFamilyHandle* family, const char* key) {
  std::string bytes;
  const rocksdb::Status status = db->Get(options, family, key, &bytes);
  if (status.IsNotFound()) return 0;
  if (!status.ok()) return ToStatus(status, absl::StrCat("read the ", key, " of the store"));
  if (bytes.size() != sizeof(uint64_t)) {
    return absl::DataLossError(absl::StrCat("the ", key, " of the store has ", bytes.size(), " bytes instead of 8"));
  }
  uint64_t number = 0;
  for (const char byte : bytes) number = number << 8 | static_cast<uint8_t>(byte);
  return number;
}

absl::StatusOr<OwnIdentity> ReadOwnIdentity(rocksdb::DB* db, rocksdb::ColumnFamilyHandle* family) {
  OwnIdentity identity;
  rocksdb::Status status = db->GetDbIdentity(identity.text);
  if (!status.ok()) return ToStatus(status, "read the identity of the database");
  std::string recorded;
  status = db->Get({}, family, kIdentityKey, &recorded);
  if (status.IsNotFound()) return identity;
  if (!status.ok()) return ToStatus(status, "read the identity of the store");
  identity.is_recorded = true;
  identity.is_unused_copy = recorded != identity.text;
  return identity;
}

}  // namespace baton::storage
