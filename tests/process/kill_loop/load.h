// What the submitter of the kill loop submits.
#ifndef BATON_TESTS_PROCESS_KILL_LOOP_LOAD_H_
#define BATON_TESTS_PROCESS_KILL_LOOP_LOAD_H_

#include <random>
#include <string>

#include "baton/v1/broker.pb.h"

namespace baton::kill_loop {

// Draws the next call: one task or some, of all types, with and without delays, priorities and unique keys.
v1::SubmitRequest DrawRequest(const std::string& request_id, std::mt19937_64* random);

}  // namespace baton::kill_loop

#endif  // BATON_TESTS_PROCESS_KILL_LOOP_LOAD_H_
