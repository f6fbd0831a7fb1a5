#ifndef BATON_TESTS_SIMULATION_COVERAGE_H_
#define BATON_TESTS_SIMULATION_COVERAGE_H_

#include <cstdint>
#include <map>
#include <string>

namespace baton::simulation {

// How often what happened. Of one simulation, or of many added up.
class Coverage {
 public:
  void Count(const std::string& what, uint64_t times = 1) { counts_[what] += times; }
  void Add(const Coverage& other) {
    for (const auto& [what, times] : other.counts_) counts_[what] += times;
  }
  uint64_t Of(const std::string& what) const {
    const auto it = counts_.find(what);
    return it == counts_.end() ? 0 : it->second;
  }
  const std::map<std::string, uint64_t>& counts() const { return counts_; }

 private:
  std::map<std::string, uint64_t> counts_;
};

}  // namespace baton::simulation

#endif  // BATON_TESTS_SIMULATION_COVERAGE_H_
