#include "broker/server/unread_answers.h"

#include <algorithm>

#include "broker/server/unary_call.h"
#include "spdlog/spdlog.h"

namespace baton::server {
namespace {

constexpr size_t kSmallAnswer = 4 << 10;

}  // namespace

void UnreadAnswers::Add(UnaryCall* call, size_t bytes) {
  if (bytes < kSmallAnswer) return;
  calls_.emplace(call, bytes);
  bytes_ += bytes;
  while (bytes_ > most_) Shed();
}

void UnreadAnswers::Remove(UnaryCall* call) {
  const auto found = calls_.find(call);
  if (found == calls_.end()) return;
  bytes_ -= found->second;
  calls_.erase(found);
}

void UnreadAnswers::Shed() {
  absl::flat_hash_map<std::string, size_t> shares;
  for (const auto& [call, bytes] : calls_) shares[call->context().peer()] += bytes;
  const auto largest =
      std::max_element(shares.begin(), shares.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  spdlog::warn("{} does not read its answers, {} bytes: its calls are cancelled", largest->first, largest->second);
  for (auto it = calls_.begin(); it != calls_.end();) {
    const auto [call, bytes] = *it;
    if (call->context().peer() != largest->first) {
      ++it;
      continue;
    }
    call->context().TryCancel();
    bytes_ -= bytes;
    calls_.erase(it++);
  }
}

}  // namespace baton::server
