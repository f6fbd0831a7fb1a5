#ifndef BATON_BROKER_SERVER_ACCESS_TOKEN_STORE_H_
#define BATON_BROKER_SERVER_ACCESS_TOKEN_STORE_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "broker/base/error.h"
#include "broker/server/access/token_book.h"

namespace baton::server {

// The access tokens of a broker between their file and whoever checks callers. Thread-safe; both methods read or write
// the file, and so may block.
class TokenStore {
 public:
  using Publish = std::function<void(std::shared_ptr<const TokenBook>)>;

  // `publish` gets the tokens whenever they have changed, the newest last.
  TokenStore(std::string path, Publish publish) : path_(std::move(path)), publish_(std::move(publish)) {}

  const std::string& path() const { return path_; }

  // Takes over what the file says. An error (as ReadTokensFile; INVALID_ARGUMENT it has no token) leaves everything as
  // it was.
  absl::Status Load() ABSL_LOCKS_EXCLUDED(mutex_);

  // Reads the file, so that what was changed by hand stays, has `change` change the tokens, writes them, and publishes.
  // Errors: those of `change`; FAILED_PRECONDITION/TOKENS_FILE_UNUSABLE. Nothing has changed then.
  Error Change(const std::function<Error(std::vector<Token>*)>& change) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  const std::string path_;
  const Publish publish_;
  absl::Mutex mutex_;
};

}  // namespace baton::server

#endif  // BATON_BROKER_SERVER_ACCESS_TOKEN_STORE_H_
