// A stopped store with tasks in every state, as the real engine leaves it.
#ifndef BATON_TESTS_FUZZ_STORED_TASKS_H_
#define BATON_TESTS_FUZZ_STORED_TASKS_H_

#include <string>
#include <vector>

#include "broker/storage/write_batch.h"

namespace baton::fuzz {

struct StoredRow {
  storage::Family family;
  std::string key, value;
};

// Made once.
const std::vector<StoredRow>& StoredTasks();

}  // namespace baton::fuzz

#endif  // BATON_TESTS_FUZZ_STORED_TASKS_H_
