// Records of the live table: pages, and rows of the index.
#ifndef BATON_TESTS_FUZZ_RECORD_PAGES_H_
#define BATON_TESTS_FUZZ_RECORD_PAGES_H_

#include "tests/fuzz/input.h"

namespace baton::fuzz {

// Any bytes as a page: refused, or it says the same once it was written again.
void CheckAnyPage(Input& input);
// A page that was changed as the follower does it is read back as it was.
void CheckOwnPage(Input& input);
// Any bytes as a row of the index: refused, or its runs lie in a page.
void CheckAnyIndexRow(Input& input);

}  // namespace baton::fuzz

#endif  // BATON_TESTS_FUZZ_RECORD_PAGES_H_
