// Following page tokens.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace baton::cli {

// Calls `fetch(request)` page by page and `each(item)` for every item, `end_of_page()` after each page, until there are
// no more or `limit` items were seen; `limit` 0 means all. `request` needs page_size and page_token, `items` picks the
// list out of a response. A page may be empty and still have a successor.
template <class Request, class Fetch, class Items, class Each, class EndOfPage>
absl::Status ForEachItem(Request request, uint64_t limit, Fetch fetch, Items items, Each each, EndOfPage end_of_page) {
  constexpr uint64_t kMaxPage = 1000;
  uint64_t seen = 0;
  do {
    request.set_page_size(static_cast<int32_t>(limit == 0 ? kMaxPage : std::min(kMaxPage, limit - seen)));
    auto response = fetch(request);
    if (!response.ok()) return response.status();
    for (const auto& item : items(*response)) {
      if (limit != 0 && seen == limit) break;
      each(item);
      ++seen;
    }
    end_of_page();
    request.set_page_token(response->next_page_token());
  } while (!request.page_token().empty() && (limit == 0 || seen < limit));
  return absl::OkStatus();
}

}  // namespace baton::cli
