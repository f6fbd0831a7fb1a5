// Well-known time messages of protobuf.
#pragma once

#include <cstdint>

#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"

namespace baton::cli {

inline absl::Time ToTime(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

inline google::protobuf::Timestamp FromMicroseconds(int64_t unix_microseconds) {
  google::protobuf::Timestamp time;
  int64_t seconds = unix_microseconds / 1'000'000;
  if (unix_microseconds % 1'000'000 < 0) --seconds;
  time.set_seconds(seconds);
  time.set_nanos(static_cast<int32_t>((unix_microseconds - seconds * 1'000'000) * 1000));
  return time;
}

inline int64_t ToMicroseconds(const google::protobuf::Duration& duration) {
  return duration.seconds() * 1'000'000 + duration.nanos() / 1000;
}

}  // namespace baton::cli
