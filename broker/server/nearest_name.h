#ifndef BATON_BROKER_SERVER_NEAREST_NAME_H_
#define BATON_BROKER_SERVER_NEAREST_NAME_H_

#include <cstddef>
#include <string>

namespace baton::server {

// How many letters have to change to make one of the other: for messages that name what was probably meant.
size_t EditDistance(const std::string& a, const std::string& b);

}  // namespace baton::server

#endif  // BATON_BROKER_SERVER_NEAREST_NAME_H_
