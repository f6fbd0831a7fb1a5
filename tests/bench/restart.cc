#include "tests/bench/restart.h"

#include <fcntl.h>
#include <unistd.h>

#include "absl/time/time.h"
#include "broker/base/status_macros.h"

namespace baton::bench {
namespace {

constexpr absl::Duration kCallTimeout = absl::Seconds(60);

}  // namespace

bool DropPageCache() {
  // Only what is on the disk already can be dropped.
  sync();
  const int file = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool dropped = write(file, "3", 1) == 1;
  close(file);
  return dropped;
}

absl::Status MeasureRestart(TestBed* bed, const Portion& portion, bool is_cold, Report* report) {
  bed->broker().Kill();
  if (is_cold) (*report)["page_cache_dropped"] = DropPageCache();
  const int64_t begin = MonotonicNow();
  RETURN_IF_ERROR(bed->broker().Start());
  v1::GetRequest request;
  request.set_task_id(bed->board().entry(portion.end() - 1).submitted_id.load());
  RETURN_IF_ERROR(bed->Connect()->Get(request, kCallTimeout).status());
  (*report)["restart_ms"] = Rounded(static_cast<double>(MonotonicNow() - begin) / 1e6);
  ASSIGN_OR_RETURN(const ProcessUsage usage, bed->broker().Usage());
  (*report)["restart_cpu_ms"] = Rounded(static_cast<double>(usage.cpu_us) / 1000);
  (*report)["broker_rss_mib"] = Rounded(usage.rss_mib);
  (*report)["disk_mib"] = Rounded(bed->broker().DiskMebibytes());
  return absl::OkStatus();
}

}  // namespace baton::bench
