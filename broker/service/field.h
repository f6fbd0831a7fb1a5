// Where in a request a value stands, and the checks that many fields share. Paths are put into words only when
// something is wrong with the value.
#ifndef BATON_BROKER_SERVICE_FIELD_H_
#define BATON_BROKER_SERVICE_FIELD_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "broker/base/clock.h"
#include "broker/base/error.h"

namespace baton::service {

// A path such as tasks[3].options.priority. A field refers to its parent, which must live as long.
class Field {
 public:
  explicit Field(const char* name, int index = -1) : name_(name), index_(index) {}
  Field(const Field& parent, const char* name, int index = -1) : parent_(&parent), name_(name), index_(index) {}

  std::string Path() const;

 private:
  const Field* parent_ = nullptr;
  const char* name_;
  int index_;
};

enum class Presence { kRequired, kOptional };

// 1 … `limit` bytes of [A-Za-z0-9_.:/-].
Error CheckName(const Field& field, absl::string_view value, Presence presence, size_t limit);
// Any bytes, `limit` at most; required: at least one.
Error CheckLength(const Field& field, absl::string_view value, Presence presence, size_t limit);
// As CheckLength, of text that people read: required means something is left after trimming.
Error CheckText(const Field& field, absl::string_view value, Presence presence, size_t limit);
Error CheckRange(const Field& field, int64_t value, int64_t low, int64_t high);
// The same for times: the message names them in human units. Where 0 means that there is no such time, it is allowed
// beside the range.
enum class ZeroMeans { kZero, kNone };
Error CheckDuration(const Field& field, Micros value, Micros low, Micros high, ZeroMeans zero = ZeroMeans::kZero);
// Not 0, which is no id. `cure` says what to send.
Error CheckId(const Field& field, uint64_t id, const char* cure);
// At most `limit` items. `cure` says what to do.
Error CheckCount(const Field& field, size_t count, size_t limit, const char* cure);
// Empty, or a JSON object of at most `limit` bytes.
Error CheckMetadata(const Field& field, const std::string& json, size_t limit);
// Well-formed JSON of any kind, with numbers that a double can hold. The error names the byte, counted from 1.
Error CheckJson(const Field& field, const std::string& json);

// A value as a message can show it: in quotes, never long, never unprintable, always UTF-8.
std::string Quoted(absl::string_view value);

// "1.5s", "10ms", "30d": the shortest exact form.
std::string ExactDuration(Micros value);

// At most `limit` bytes of `text`, cut between characters, with a mark that tells how much is missing.
std::string CutText(absl::string_view text, size_t limit);

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_FIELD_H_
