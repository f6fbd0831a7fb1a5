#ifndef BATON_BROKER_STORAGE_BALLAST_H_
#define BATON_BROKER_STORAGE_BALLAST_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace baton::storage {

// A file that does nothing but take space beside a store. A store cannot be opened on a disk that somebody has filled
// to the last byte; then the ballast is thrown away, and the broker starts.
inline constexpr char kBallastName[] = "BALLAST";

// Makes the ballast of a data directory be `bytes` large, if `reserve` bytes are free besides; 0: there is none. The
// space is taken when this returns. Errors: RESOURCE_EXHAUSTED there is not so much space; UNAVAILABLE.
absl::Status KeepBallast(const std::string& directory, uint64_t bytes, uint64_t reserve);

// Throws it away. False if there was none.
bool DropBallast(const std::string& directory);

}  // namespace baton::storage

#endif  // BATON_BROKER_STORAGE_BALLAST_H_
