#ifndef BATON_TESTS_BENCH_RESTART_H_
#define BATON_TESTS_BENCH_RESTART_H_

#include "absl/status/status.h"
#include "tests/bench/report.h"
#include "tests/bench/test_bed.h"
#include "tests/bench/verify.h"

namespace baton::bench {

// Forgets what the kernel holds of all files, so that they are read from the disk. False: it is not permitted.
bool DropPageCache();

// SIGKILL, then from the start of the process to the answer about the last task of the portion. `restart_ms`, and what
// it took. `is_cold`: without the page cache, if that is permitted; `page_cache_dropped` says whether it was.
absl::Status MeasureRestart(TestBed* bed, const Portion& portion, bool is_cold, Report* report);

}  // namespace baton::bench

#endif  // BATON_TESTS_BENCH_RESTART_H_
