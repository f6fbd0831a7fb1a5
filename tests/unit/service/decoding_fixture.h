#ifndef BATON_TESTS_UNIT_SERVICE_DECODING_FIXTURE_H_
#define BATON_TESTS_UNIT_SERVICE_DECODING_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/service/decoding.h"
#include "broker/service/limits.h"

namespace baton::service {

inline constexpr uint64_t kIncarnation = 0x1122334455667788;
inline constexpr WallMicros kNow = 1'700'000'000 * kSecond;

// What decoders are given in tests: the default limits, one store, one moment.
class DecodingTest : public ::testing::Test {
 protected:
  WireLimits limits_;
  const Decoding decoding_{limits_, kIncarnation, kNow};
};

// An error with this reason whose message names this field (or value).
MATCHER_P2(Refuses, reason, named, std::string("refused with ") + reason + " naming " + named) {
  *result_listener << "reason " << arg.reason << ", message '" << arg.message << "'";
  return !arg.ok() && std::string(arg.reason) == reason && arg.message.find(named) != std::string::npos;
}

MATCHER(IsOk, "no error") {
  *result_listener << "reason " << arg.reason << ", message '" << arg.message << "'";
  return arg.ok();
}

}  // namespace baton::service

#endif  // BATON_TESTS_UNIT_SERVICE_DECODING_FIXTURE_H_
