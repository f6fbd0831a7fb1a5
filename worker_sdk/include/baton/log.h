// Where the library says what happens to it. Nothing is logged about tasks that go well; the rest is about connections,
// lost slots, refused outcomes and attempts that are over.
#ifndef BATON_LOG_H_
#define BATON_LOG_H_

#include <functional>
#include <string>

namespace baton::inline sdk {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// Called from any thread of the library, never while it holds a lock; may be called by several threads at once. The
// text is one line without a line end.
using LogFunction = std::function<void(LogLevel, const std::string&)>;

// One line to stderr for kInfo and above: time, level, text. The default.
void LogToStderr(LogLevel level, const std::string& text);

}  // namespace baton::inline sdk

#endif  // BATON_LOG_H_
