// How the broker logs: one line for each message, on the standard error output.
#ifndef BATON_BROKER_SERVER_LOGGING_H_
#define BATON_BROKER_SERVER_LOGGING_H_

#include <string>

#include "absl/strings/string_view.h"
#include "broker/base/clock.h"

namespace baton::server {

// Sets up the log of this process. `level` and `format` are values of the settings server.log_level and log.format.
// Called once, before anything is logged.
void StartLogging(const std::string& level, const std::string& format);

// Changes both. Thread-safe: threads that log meanwhile log the one way or the other.
void ChangeLogging(const std::string& level, const std::string& format);

// `message` as a text line has it: control characters, which could steer a terminal or begin a line that looks like
// another message, and those that turn the direction of text become \n or \xNN, and so does what is not UTF-8. A
// newline at the end is dropped.
std::string OneLine(absl::string_view message);

// {"time":"2026-01-31T09:30:00.000000Z","level":"info","message":"…"} and the end of the line. What is not UTF-8 is
// replaced, what is not ASCII written as \uNNNN.
std::string JsonLogLine(WallMicros time, absl::string_view level, absl::string_view message);

}  // namespace baton::server

#endif  // BATON_BROKER_SERVER_LOGGING_H_
