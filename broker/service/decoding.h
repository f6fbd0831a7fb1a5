// What every decoder needs to know besides the request.
#ifndef BATON_BROKER_SERVICE_DECODING_H_
#define BATON_BROKER_SERVICE_DECODING_H_

#include <cstdint>
#include <memory>

#include "broker/base/clock.h"
#include "broker/engine/trace_context.h"
#include "broker/service/limits.h"
#include "broker/service/type_prefixes.h"

namespace baton::service {

struct Decoding {
  const WireLimits& limits;
  // Of the store: attempt tokens of another one are void.
  uint64_t incarnation = 0;
  WallMicros now = 0;
  // The types that the caller may create tasks of, or handle; null: all.
  const TypePrefixes* types = nullptr;
  // Of the call, for the tasks of a Submit that name none; null: the call has none either.
  std::shared_ptr<const engine::TraceContext> trace = {};
};

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_DECODING_H_
