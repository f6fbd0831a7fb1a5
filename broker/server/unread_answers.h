#ifndef BATON_BROKER_SERVER_UNREAD_ANSWERS_H_
#define BATON_BROKER_SERVER_UNREAD_ANSWERS_H_

#include <cstddef>
#include <string>

#include "absl/container/flat_hash_map.h"

namespace baton::server {

class UnaryCall;

// The memory of answers that their clients have not taken off the connection yet. When it is too much, the client with
// the largest share loses its calls: whoever reads what he asks for is not that one. Belongs to the completion queue's
// thread.
class UnreadAnswers {
 public:
  // `most`: bytes of all answers together.
  explicit UnreadAnswers(size_t most) : most_(most) {}

  // The answer of a call begins to leave. Small ones are not counted: their calls cost as much.
  void Add(UnaryCall* call, size_t bytes);
  // It is out, or was dropped.
  void Remove(UnaryCall* call);

 private:
  void Shed();

  const size_t most_;
  size_t bytes_ = 0;
  absl::flat_hash_map<UnaryCall*, size_t> calls_;
};

}  // namespace baton::server

#endif  // BATON_BROKER_SERVER_UNREAD_ANSWERS_H_
