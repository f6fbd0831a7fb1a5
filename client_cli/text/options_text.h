// Task options on one line.
#pragma once

#include <string>

#include "baton/v1/task.pb.h"

namespace baton::cli {

// "timeout 1m, attempts 3, retry after 5s fixed"; only what is set. Priority and capabilities are left to the caller.
std::string OptionsText(const v1::TaskOptions& options);

// With priority and capabilities: "timeout 1m, priority 5, requires GPU+SSD", or "requires nothing" where that is set.
std::string AllOptionsText(const v1::TaskOptions& options);

}  // namespace baton::cli
