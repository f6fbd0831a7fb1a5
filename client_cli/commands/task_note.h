#pragma once

#include <string>

#include "baton/v1/task.pb.h"

namespace baton::cli {

// The one thing about a task that is most worth knowing in its state.
std::string TaskNote(const v1::Task& task);

}  // namespace baton::cli
