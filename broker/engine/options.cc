#include "broker/engine/options.h"

#include <algorithm>
#include <cmath>

namespace baton::engine {
namespace {

template <typename T>
const std::optional<T>& FirstSet(const std::optional<T>& first, const std::optional<T>& second) {
  return first.has_value() ? first : second;
}

}  // namespace

Options Complete(const Options& first, const Options& second) {
  Options result;
  result.priority = FirstSet(first.priority, second.priority);
  result.timeout = FirstSet(first.timeout, second.timeout);
  result.max_retries = FirstSet(first.max_retries, second.max_retries);
  result.retry_interval = FirstSet(first.retry_interval, second.retry_interval);
  result.retry_backoff = FirstSet(first.retry_backoff, second.retry_backoff);
  result.retry_interval_cap = FirstSet(first.retry_interval_cap, second.retry_interval_cap);
  result.retry_jitter = FirstSet(first.retry_jitter, second.retry_jitter);
  result.required_capabilities = FirstSet(first.required_capabilities, second.required_capabilities);
  result.progress_timeout = FirstSet(first.progress_timeout, second.progress_timeout);
  return result;
}

Options InheritedBy(const Options& own, const Options& inherited) {
  Options result = Complete(own, inherited);
  result.required_capabilities.reset();
  result.progress_timeout.reset();
  return result;
}

Settled Settle(const Options& said, const DefaultOptions& defaults) {
  Settled settled;
  settled.timeout = said.timeout.value_or(defaults.timeout);
  settled.max_retries = said.max_retries.value_or(defaults.max_retries);
  settled.retry_interval = said.retry_interval.value_or(defaults.retry_interval);
  settled.retry_backoff = said.retry_backoff.value_or(defaults.retry_backoff);
  settled.retry_interval_cap = said.retry_interval_cap.value_or(defaults.retry_interval_cap);
  const double default_jitter = settled.retry_backoff == Backoff::kExponential ? defaults.exponential_jitter : 0.0;
  settled.retry_jitter = said.retry_jitter.value_or(default_jitter);
  settled.progress_timeout = said.progress_timeout.value_or(0);
  return settled;
}

Settled Settle(const Options& own, const Options& inherited, const ClaimOptions& claim,
               const DefaultOptions& defaults) {
  return Settle(Complete(Complete(own, claim.handler), Complete(inherited, claim.fallback)), defaults);
}

Options FromRecord(const records::v1::Options& record) {
  Options options;
  if (record.has_priority()) options.priority = record.priority();
  if (record.has_timeout_us()) options.timeout = record.timeout_us();
  if (record.has_max_retries()) options.max_retries = record.max_retries();
  if (record.has_retry_interval_us()) options.retry_interval = record.retry_interval_us();
  if (record.has_retry_backoff()) options.retry_backoff = static_cast<Backoff>(record.retry_backoff());
  if (record.has_retry_interval_cap_us()) options.retry_interval_cap = record.retry_interval_cap_us();
  if (record.has_retry_jitter()) options.retry_jitter = record.retry_jitter();
  if (record.has_required_capabilities()) {
    const auto& names = record.required_capabilities().names();
    options.required_capabilities = Capabilities(names.begin(), names.end());
  }
  if (record.has_progress_timeout_us()) options.progress_timeout = record.progress_timeout_us();
  return options;
}

records::v1::Options ToRecord(const Options& options) {
  records::v1::Options record;
  if (options.priority) record.set_priority(*options.priority);
  if (options.timeout) record.set_timeout_us(*options.timeout);
  if (options.max_retries) record.set_max_retries(*options.max_retries);
  if (options.retry_interval) record.set_retry_interval_us(*options.retry_interval);
  if (options.retry_backoff) record.set_retry_backoff(static_cast<int32_t>(*options.retry_backoff));
  if (options.retry_interval_cap) record.set_retry_interval_cap_us(*options.retry_interval_cap);
  if (options.retry_jitter) record.set_retry_jitter(*options.retry_jitter);
  if (options.required_capabilities) {
    auto* names = record.mutable_required_capabilities()->mutable_names();
    names->Add(options.required_capabilities->begin(), options.required_capabilities->end());
  }
  if (options.progress_timeout) record.set_progress_timeout_us(*options.progress_timeout);
  return record;
}

ClaimOptions FromRecord(const records::v1::OptionsRow& row) {
  return {FromRecord(row.handler()), FromRecord(row.options())};
}

records::v1::OptionsRow ToRecord(const ClaimOptions& options) {
  records::v1::OptionsRow row;
  *row.mutable_options() = ToRecord(options.fallback);
  if (!options.handler.empty()) *row.mutable_handler() = ToRecord(options.handler);
  return row;
}

Micros RetryDelay(const Settled& options, uint32_t failures, uint64_t draw) {
  double delay = static_cast<double>(options.retry_interval);
  if (options.retry_backoff == Backoff::kExponential) {
    // 2^62 exceeds every cap; the exponent is bounded so that the product stays finite.
    delay *= std::exp2(std::min<uint32_t>(failures - 1, 62));
    delay = std::min(delay, static_cast<double>(options.retry_interval_cap));
  }
  const double share = static_cast<double>(draw >> 11) * 0x1.0p-53;  // 0 … 1
  return static_cast<Micros>(delay * (1.0 - options.retry_jitter * share));
}

}  // namespace baton::engine
