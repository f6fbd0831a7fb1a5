// W3C Trace Context, level 1 (https://www.w3.org/TR/trace-context/): what a task, or a call, is traced by. A field of a
// task is refused if it is malformed; metadata of a call, which a program may not even know that it sends, is ignored.
#ifndef BATON_BROKER_SERVICE_TRACE_H_
#define BATON_BROKER_SERVICE_TRACE_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "baton/v1/task.pb.h"
#include "broker/base/error.h"
#include "broker/engine/trace_context.h"
#include "broker/service/field.h"

namespace baton::service {

// A header `traceparent`, in version 00: of a later version it has what the two have in common. Nothing: malformed.
std::optional<std::string> ReadTraceParent(absl::string_view text);

// Whether it can be kept as a header `tracestate`: short enough, and printable ASCII. Empty text can.
bool IsTraceState(absl::string_view text);

// What the task itself says; null if it says nothing. Errors: BAD_TRACE_CONTEXT, FIELD_TOO_LONG, or FIELD_REQUIRED (a
// state without a parent). `field` is the path of the task.
Error DecodeTrace(const Field& field, const v1::NewTask& wire, std::shared_ptr<const engine::TraceContext>* trace);

// Of a call with these values of the metadata `traceparent` and `tracestate`, in the order in which they came. Null:
// there is no good `traceparent`, or more than one. A state that cannot be kept is left out.
std::shared_ptr<const engine::TraceContext> TraceOfCall(const std::vector<absl::string_view>& parents,
                                                        const std::vector<absl::string_view>& states);

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_TRACE_H_
