#ifndef BATON_BROKER_SERVER_VERSION_H_
#define BATON_BROKER_SERVER_VERSION_H_

namespace baton::server {

// The version of the project, from the build.
inline constexpr char kVersion[] = BATON_VERSION;

}  // namespace baton::server

#endif  // BATON_BROKER_SERVER_VERSION_H_
