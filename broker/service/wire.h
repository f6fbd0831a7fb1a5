// The protobuf wire format by hand, for the few messages that are copied once per task: rows built from requests, and
// deliveries built from rows. Payloads go through as bytes; nothing is parsed that need not be.
#ifndef BATON_BROKER_SERVICE_WIRE_H_
#define BATON_BROKER_SERVICE_WIRE_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "google/protobuf/message_lite.h"

namespace baton::service {

// Appends fields to a string. Not thread-safe. Fields without content are left out, as proto3 does.
class WireWriter {
 public:
  explicit WireWriter(std::string* out) : out_(out) {}

  void Varint(uint32_t field, uint64_t value) {
    if (value == 0) return;
    Raw(uint64_t{field} << 3);
    Raw(value);
  }
  void Signed(uint32_t field, int64_t value) { Varint(field, static_cast<uint64_t>(value)); }
  void Bytes(uint32_t field, absl::string_view value) {
    if (!value.empty()) PresentBytes(field, value);
  }
  // Also when empty: for messages and members of a oneof.
  void PresentBytes(uint32_t field, absl::string_view value) {
    Begin(field, value.size());
    out_->append(value.data(), value.size());
  }
  void Message(uint32_t field, const google::protobuf::MessageLite& message) {
    Begin(field, message.ByteSizeLong());
    message.AppendPartialToString(out_);
  }
  // The head of a field of `size` bytes, which the caller appends.
  void Begin(uint32_t field, size_t size) {
    Raw(uint64_t{field} << 3 | 2);
    Raw(size);
  }

 private:
  void Raw(uint64_t value) {
    while (value >= 0x80) {
      out_->push_back(static_cast<char>(value | 0x80));
      value >>= 7;
    }
    out_->push_back(static_cast<char>(value));
  }

  std::string* out_;
};

// Walks over the fields of an encoded message. Needs no copy: views point into the message.
class WireReader {
 public:
  explicit WireReader(absl::string_view message) : rest_(message) {}

  // Moves to the next field; false at the end, or when the bytes are not well-formed.
  bool Next();
  uint32_t field() const { return field_; }
  // Of a length-delimited field (strings, bytes, messages); empty for others.
  absl::string_view bytes() const { return bytes_; }
  // Of a field of numbers that are not fixed in length; 0 for others.
  uint64_t varint() const { return varint_; }

 private:
  bool Varint(uint64_t* value);
  bool Skip(size_t size);

  absl::string_view rest_;
  absl::string_view bytes_;
  uint64_t varint_ = 0;
  uint32_t field_ = 0;
};

// The last length-delimited field with this number; empty if there is none.
absl::string_view FindBytes(absl::string_view message, uint32_t field);

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_WIRE_H_
