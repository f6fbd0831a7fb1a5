// Events of a task, in words.
#pragma once

#include <string>

#include "absl/time/time.h"
#include "baton/v1/audit.pb.h"

namespace baton::cli {

// With milliseconds: the order of events matters more than their age.
std::string EventTime(const v1::Event& event, absl::TimeZone zone);

// Who caused it.
std::string EventActor(const v1::Event& event);

// What it says beyond its type and actor: at the end, whose attempt it was, if that is somebody else.
std::string EventDetail(const v1::Event& event, absl::Time now, absl::TimeZone zone);

}  // namespace baton::cli
