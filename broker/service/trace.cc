#include "broker/service/trace.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "broker/service/check.h"
#include "broker/service/limits.h"

namespace baton::service {
namespace {

// version-trace id-span id-flags: 2, 32, 16 and 2 digits.
constexpr size_t kTraceParentBytes = 2 + 1 + 32 + 1 + 16 + 1 + 2;

// Capitals are malformed by the standard.
bool IsLowerHex(absl::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == absl::string_view::npos;
}

bool IsAllZeros(absl::string_view text) { return text.find_first_not_of('0') == absl::string_view::npos; }

bool IsPrintableAscii(absl::string_view text) {
  for (const char c : text) {
    if (c < ' ' || c > '~') return false;
  }
  return true;
}

}  // namespace

std::optional<std::string> ReadTraceParent(absl::string_view text) {
  if (text.size() < kTraceParentBytes || text[2] != '-' || text[35] != '-' || text[52] != '-') return std::nullopt;
  const absl::string_view version = text.substr(0, 2), trace_id = text.substr(3, 32), span_id = text.substr(36, 16);
  for (const absl::string_view digits : {version, trace_id, span_id, text.substr(53, 2)}) {
    if (!IsLowerHex(digits)) return std::nullopt;
  }
  if (version == "ff" || IsAllZeros(trace_id) || IsAllZeros(span_id)) return std::nullopt;
  // A later version may have more to say, behind another dash.
  const absl::string_view more = text.substr(kTraceParentBytes);
  if (!more.empty() && (version == "00" || more.front() != '-')) return std::nullopt;
  return absl::StrCat("00", text.substr(2, kTraceParentBytes - 2));
}

bool IsTraceState(absl::string_view text) { return text.size() <= kTraceStateBytes && IsPrintableAscii(text); }

Error DecodeTrace(const Field& field, const v1::NewTask& wire, std::shared_ptr<const engine::TraceContext>* trace) {
  if (wire.trace_parent().empty() && wire.trace_state().empty()) return {};
  const Field parent(field, "trace_parent"), state(field, "trace_state");
  CHECK_FIELD(CheckLength(state, wire.trace_state(), Presence::kOptional, kTraceStateBytes));
  if (!IsTraceState(wire.trace_state())) {
    return InvalidArgument("BAD_TRACE_CONTEXT", absl::StrCat(state.Path(), " is ", Quoted(wire.trace_state()),
                                                             ", which is not printable ASCII: send the header "
                                                             "tracestate as it came, or leave it empty"));
  }
  if (wire.trace_parent().empty()) {
    return InvalidArgument("FIELD_REQUIRED", absl::StrCat(state.Path(),
                                                          " is set without trace_parent, to which it belongs: set "
                                                          "both, or neither"));
  }
  std::optional<std::string> read = ReadTraceParent(wire.trace_parent());
  if (!read.has_value()) {
    return InvalidArgument("BAD_TRACE_CONTEXT",
                           absl::StrCat(parent.Path(), " is ", Quoted(wire.trace_parent()),
                                        ", which is no traceparent of W3C Trace Context: send 00-<32 hex digits>-<16 "
                                        "hex digits>-<2 hex digits>, in lower case, neither id all zeros, or leave it "
                                        "empty"));
  }
  *trace = std::make_shared<const engine::TraceContext>(engine::TraceContext{*std::move(read), wire.trace_state()});
  return {};
}

std::shared_ptr<const engine::TraceContext> TraceOfCall(const std::vector<absl::string_view>& parents,
                                                        const std::vector<absl::string_view>& states) {
  if (parents.size() != 1) return nullptr;
  std::optional<std::string> parent = ReadTraceParent(parents.front());
  if (!parent.has_value()) return nullptr;
  // Several headers are one list.
  std::string state = absl::StrJoin(states, ",");
  if (!IsTraceState(state)) state.clear();
  return std::make_shared<const engine::TraceContext>(engine::TraceContext{*std::move(parent), std::move(state)});
}

}  // namespace baton::service
