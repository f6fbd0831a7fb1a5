// Page tokens: where a list goes on, as text that a caller hands back unread.
#ifndef BATON_BROKER_SERVICE_READ_PAGE_TOKEN_H_
#define BATON_BROKER_SERVICE_READ_PAGE_TOKEN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "broker/base/error.h"

namespace baton::service {

// `list` says which list it is of, filter included: a token is refused by any other list.
std::string EncodePageToken(absl::string_view list, const std::vector<uint64_t>& position);

// Reads back a position of `count` numbers. INVALID_ARGUMENT/BAD_PAGE_TOKEN if the token is not from this list.
Error DecodePageToken(absl::string_view list, absl::string_view token, size_t count, std::vector<uint64_t>* position);

// The same for a list whose positions are texts.
std::string EncodePageToken(absl::string_view list, absl::string_view position);
Error DecodePageToken(absl::string_view list, absl::string_view token, std::string* position);

// What a request's page_size means. INVALID_ARGUMENT/PAGE_SIZE if it is negative or above `max_size`.
Error ResolvePageSize(int32_t page_size, int32_t default_size, int32_t max_size, size_t* size);

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_READ_PAGE_TOKEN_H_
