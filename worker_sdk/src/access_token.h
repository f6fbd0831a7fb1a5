#ifndef BATON_WORKER_SDK_ACCESS_TOKEN_H_
#define BATON_WORKER_SDK_ACCESS_TOKEN_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"

namespace baton::inline sdk {
namespace internal {

// The access token of a program, given as a text or in a file that may be replaced while the program runs. Thread-safe.
// Neither its messages nor anything else shows the text.
class AccessToken {
 public:
  // One of them is empty. `source` names for messages where it was set: "access_token_file".
  AccessToken(std::string source, std::string text, std::string file)
      : source_(std::move(source)), file_(std::move(file)), text_(std::move(text)) {}

  // What to show to a broker at this address, as it was read last. Errors: FAILED_PRECONDITION, reason
  // TOKEN_WOULD_BE_EXPOSED, the address is on another machine and the connection not encrypted; INVALID_ARGUMENT the
  // file cannot be read, or what is given is no token.
  absl::StatusOr<std::string> TextFor(absl::string_view address, bool is_encrypted) ABSL_LOCKS_EXCLUDED(mutex_);

  // Reads the file again; one that cannot be read now is left for later.
  void Refresh() ABSL_LOCKS_EXCLUDED(mutex_);

  // After a refusal of `text`: reads the file again, and tells whether there is another text now.
  bool Replaced(absl::string_view text) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  absl::Status ReadLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string source_;
  const std::string file_;
  absl::Mutex mutex_;
  std::string text_ ABSL_GUARDED_BY(mutex_);
};

// `text`, else of `file`, else of the environment's BATON_ACCESS_TOKEN, else of the file that BATON_ACCESS_TOKEN_FILE
// names; null: there is none.
std::shared_ptr<AccessToken> FindAccessToken(const std::string& text, const std::string& file);

// What HTTP allows after "Bearer ". gRPC aborts a program that sends anything else.
bool IsTokenText(absl::string_view text);

// Whether nobody else can listen on the way to this address.
bool IsThisMachine(absl::string_view address);

}  // namespace internal
}  // namespace baton::inline sdk

#endif  // BATON_WORKER_SDK_ACCESS_TOKEN_H_
