// What must hold after every commit.
#ifndef BATON_TESTS_UNIT_ENGINE_CHECKS_H_
#define BATON_TESTS_UNIT_ENGINE_CHECKS_H_

#include <string>
#include <vector>

#include "broker/engine/engine.h"
#include "broker/engine/live/follower.h"

namespace baton::engine::testing {

std::string Describe(const LiveEntry& entry);

// The live tasks of a follower, in order of ids.
std::vector<LiveEntry> LiveOf(Follower& follower);

// Compares three things that must be one: what the engine knows, what the follower has folded, and what a restart
// would rebuild from the store. Says what differs; empty if nothing does.
std::string Difference(const EngineSettings& settings, storage::Store& store, const Engine& engine, Follower& follower,
                       Now now);

// Compares the counters of a view with a count over its pages; empty if they agree.
std::string MiscountIn(const View& view);

// Folds all records and compares them with everything derived from them (`batond verify`): the first few findings;
// empty if there are none.
std::string DamageIn(const EngineSettings& settings, const storage::Store& store);

}  // namespace baton::engine::testing

#endif  // BATON_TESTS_UNIT_ENGINE_CHECKS_H_
