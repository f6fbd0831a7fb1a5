// What travels with a task: payload, result, context and decision are all Payloads.
#ifndef BATON_PAYLOAD_H_
#define BATON_PAYLOAD_H_

#include <string>
#include <type_traits>
#include <utility>

namespace baton::inline sdk {

// Says how a type becomes a Payload: specialize it with `static Payload Convert(const T&)`, and T is accepted wherever
// a Payload or an Outcome is expected. <baton/json.h> does so for nlohmann::json, <baton/protobuf.h> for protobuf
// messages.
template <typename T, typename Enable = void>
struct PayloadConverter;

// Bytes for programs, or JSON text for people and tools, with a content type. Limit: 1 MiB unless the broker is
// configured otherwise. A default-constructed Payload is absent: it has neither bytes nor JSON.
//
//   Payload::Json(R"({"width": 80})");  Payload::Bytes(image, "image/png");  Payload("plain bytes");
//
// A value: copyable and movable; distinct objects may be used by distinct threads.
class Payload {
 public:
  Payload() = default;
  // Bytes without a content type (application/octet-stream).
  Payload(std::string data) : kind_(Kind::kBytes), value_(std::move(data)) {}  // NOLINT: conversion is the purpose
  Payload(const char* data) : kind_(Kind::kBytes), value_(data) {}             // NOLINT: conversion is the purpose
  // Anything with a PayloadConverter.
  template <typename T, typename = decltype(PayloadConverter<std::decay_t<T>>::Convert(std::declval<const T&>()))>
  Payload(const T& value)  // NOLINT: conversion is the purpose
      : Payload(PayloadConverter<std::decay_t<T>>::Convert(value)) {}

  // `content_type`: at most 128 bytes, for readers; the broker does not interpret it.
  static Payload Bytes(std::string data, std::string content_type = "") {
    return Payload(Kind::kBytes, std::move(data), std::move(content_type));
  }
  // `text` must be one well-formed JSON value in UTF-8; the broker keeps it as it is written and refuses anything else
  // with MALFORMED_JSON.
  static Payload Json(std::string text, std::string content_type = "") {
    return Payload(Kind::kJson, std::move(text), std::move(content_type));
  }

  bool has_value() const { return kind_ != Kind::kAbsent; }
  bool is_bytes() const { return kind_ == Kind::kBytes; }
  bool is_json() const { return kind_ == Kind::kJson; }

  // The bytes, or the bytes of the JSON text; empty if absent.
  const std::string& bytes() const& { return value_; }
  std::string bytes() && { return std::move(value_); }
  // The JSON text; for a Payload of bytes the same as bytes(), which may or may not be JSON.
  const std::string& json_text() const { return value_; }
  // As given by whoever made it; empty means the default of the kind.
  const std::string& content_type() const { return content_type_; }

 private:
  enum class Kind { kAbsent, kBytes, kJson };

  Payload(Kind kind, std::string value, std::string content_type)
      : kind_(kind), value_(std::move(value)), content_type_(std::move(content_type)) {}

  Kind kind_ = Kind::kAbsent;
  std::string value_;
  std::string content_type_;
};

}  // namespace baton::inline sdk

#endif  // BATON_PAYLOAD_H_
