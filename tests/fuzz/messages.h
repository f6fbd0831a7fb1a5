// Messages of the contract, filled in by chance.
#ifndef BATON_TESTS_FUZZ_MESSAGES_H_
#define BATON_TESTS_FUZZ_MESSAGES_H_

#include <string>

#include "absl/strings/str_cat.h"
#include "broker/base/check.h"
#include "broker/base/error.h"
#include "google/protobuf/message.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/world.h"

namespace baton::fuzz {

// Fills in an empty message, whatever its type: values that make sense where fields of that name are, as a rule, and
// the most unlikely ones now and then. What of it cannot travel is not said.
void Fill(Input& input, const World& world, google::protobuf::Message* message);

// Aborts unless whoever gets the message can read it.
void CheckTravels(const google::protobuf::Message& message);
// Aborts unless the refusal can be sent, and says what is wrong.
void CheckRefusal(const Error& error);

}  // namespace baton::fuzz

#endif  // BATON_TESTS_FUZZ_MESSAGES_H_
