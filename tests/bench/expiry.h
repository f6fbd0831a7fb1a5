#ifndef BATON_TESTS_BENCH_EXPIRY_H_
#define BATON_TESTS_BENCH_EXPIRY_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "tests/bench/report.h"
#include "tests/bench/test_bed.h"

namespace baton::bench {

// Settings of a broker, in TOML, with `retention` in place of what they say of it.
std::string WithRetention(absl::string_view settings, absl::string_view retention);

// Restarts the broker with a retention of a second until nothing is left that has ended, and the disk is at rest; then
// again with the settings of the command line. Between two phases. Adds how long that took, and the disk. Errors:
// DEADLINE_EXCEEDED saying how many tasks are left; those of the broker.
absl::Status ExpireAll(TestBed* bed, Report* report);

}  // namespace baton::bench

#endif  // BATON_TESTS_BENCH_EXPIRY_H_
