// Calls of methods for which no stub is generated here, and calls with bytes that no stub would send.
#ifndef BATON_TESTS_INTEGRATION_RAW_CALL_H_
#define BATON_TESTS_INTEGRATION_RAW_CALL_H_

#include <grpcpp/channel.h>
#include <grpcpp/support/status.h>

#include <memory>
#include <string>
#include <vector>

namespace baton {

// Sends one message and reads the answers, at most `answers` of them, then ends the call. `method` is
// "/package.Service/Method". The status is OK if all answers came, whatever the call would have done after them.
// `authorization`: the value of that metadata; empty: none.
struct RawAnswer {
  grpc::Status status;
  std::vector<std::string> messages;
};
RawAnswer RawCall(const std::shared_ptr<grpc::Channel>& channel, const std::string& method, const std::string& message,
                  size_t answers = 1, const std::string& authorization = "");

}  // namespace baton

#endif  // BATON_TESTS_INTEGRATION_RAW_CALL_H_
