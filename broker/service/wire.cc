#include "broker/service/wire.h"

namespace baton::service {

bool WireReader::Varint(uint64_t* value) {
  *value = 0;
  for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
    const uint8_t byte = static_cast<uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    *value |= uint64_t{byte & 0x7Fu} << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

bool WireReader::Skip(size_t size) {
  if (size > rest_.size()) return false;
  rest_.remove_prefix(size);
  return true;
}

bool WireReader::Next() {
  uint64_t tag, value;
  bytes_ = {};
  varint_ = 0;
  if (!Varint(&tag)) return false;
  field_ = static_cast<uint32_t>(tag) >> 3;  // A tag has 32 bits; protobuf ignores what is above.
  switch (tag & 7) {
    case 0:
      return Varint(&varint_);
    case 1:
      return Skip(8);
    case 2:
      if (!Varint(&value) || value > rest_.size()) return false;
      bytes_ = rest_.substr(0, value);
      return Skip(value);
    case 5:
      return Skip(4);
    default:
      return false;
  }
}

absl::string_view FindBytes(absl::string_view message, uint32_t field) {
  absl::string_view found;
  WireReader reader(message);
  while (reader.Next()) {
    if (reader.field() == field) found = reader.bytes();
  }
  return found;
}

}  // namespace baton::service
