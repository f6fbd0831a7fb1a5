#include <baton/testing.h>

#include <cstdio>

#include "shout.h"

int main() {
  baton::testing::Broker broker;
  const absl::Status used = broker.Use("shout", {.handler = Shout, .options = {.retry_interval = absl::Hours(1)}});
  if (!used.ok()) return std::fprintf(stderr, "%s\n", used.ToString().c_str()), 1;
  const auto good = broker.Submit({.type = "shout", .payload = "hello"}), bad = broker.Submit({.type = "shout"});
  if (!good.ok() || !bad.ok()) return std::fprintf(stderr, "%s\n", bad.status().ToString().c_str()), 1;
  const absl::Time start = broker.Now();
  const auto shouted = broker.Wait(good->id), failed = broker.Wait(bad->id);
  if (!shouted.ok() || !failed.ok()) return std::fprintf(stderr, "%s\n", failed.status().ToString().c_str()), 1;
  std::printf("%s, and %s after %d attempts in %s\n", shouted->result.bytes().c_str(), failed->last_error.c_str(),
              failed->attempt, absl::FormatDuration(broker.Now() - start).c_str());
}
