// What keeps a task from running, in words: of `baton explain` and `baton top`.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "baton/v1/explain.pb.h"
#include "client_cli/text/table.h"

namespace baton::cli {

// Labels and what they say, none of them empty.
using Details = std::vector<std::pair<std::string, Cell>>;

// All but the unfinished children.
Details Explanation(const v1::ExplainResponse& response, absl::Time now, absl::TimeZone zone);

}  // namespace baton::cli
