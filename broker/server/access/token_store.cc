#include "broker/server/access/token_store.h"

#include "absl/strings/str_cat.h"
#include "broker/base/status_macros.h"
#include "broker/server/access/token_file.h"

namespace baton::server {
namespace {

Error Unusable(const absl::Status& status) {
  return FailedPrecondition("TOKENS_FILE_UNUSABLE", std::string(status.message()));
}

}  // namespace

absl::Status TokenStore::Load() {
  absl::MutexLock lock(&mutex_);
  ASSIGN_OR_RETURN(std::vector<Token> tokens, ReadTokensFile(path_));
  if (tokens.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        path_,
        ":1: there is no token in it, so that nobody could call: make one with `batond create-token NAME --role "
        "operate --file ",
        path_, "`"));
  }
  publish_(std::make_shared<const TokenBook>(std::move(tokens)));
  return absl::OkStatus();
}

Error TokenStore::Change(const std::function<Error(std::vector<Token>*)>& change) {
  absl::MutexLock lock(&mutex_);
  absl::StatusOr<std::vector<Token>> tokens = ReadTokensFile(path_);
  if (!tokens.ok()) return Unusable(tokens.status());
  if (Error error = change(&*tokens); !error.ok()) return error;
  if (const absl::Status status = WriteTokensFile(path_, *tokens); !status.ok()) return Unusable(status);
  publish_(std::make_shared<const TokenBook>(*std::move(tokens)));
  return {};
}

}  // namespace baton::server
