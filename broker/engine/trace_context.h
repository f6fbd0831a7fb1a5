// By what a task is traced through many programs. The engine hands it on, from parents to children; it does not read
// it.
#ifndef BATON_BROKER_ENGINE_TRACE_CONTEXT_H_
#define BATON_BROKER_ENGINE_TRACE_CONTEXT_H_

#include <memory>
#include <string>

#include "baton/records/v1/records.pb.h"

namespace baton::engine {

// W3C Trace Context: the headers `traceparent` and `tracestate`.
struct TraceContext {
  std::string parent;
  std::string state;
};

// Of a task with this row; null: it has none.
inline std::shared_ptr<const TraceContext> TraceOf(const records::v1::TaskRow& row) {
  if (row.trace_parent().empty()) return nullptr;
  return std::make_shared<const TraceContext>(TraceContext{row.trace_parent(), row.trace_state()});
}

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_TRACE_CONTEXT_H_
