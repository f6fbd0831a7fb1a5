// Runs a fuzzer's inputs again, in builds without libFuzzer: those of its corpus as a test, or one that it found.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/fuzz/input.h"

namespace baton::fuzz {
namespace {

namespace fs = std::filesystem;

// The files named, and those in the folders named, in order.
std::vector<fs::path> FilesIn(const std::vector<std::string>& paths) {
  std::vector<fs::path> files;
  for (const std::string& path : paths) {
    if (!fs::is_directory(path)) {
      files.emplace_back(path);
      continue;
    }
    std::vector<fs::path> inside;
    for (const fs::directory_entry& entry : fs::directory_iterator(path)) inside.push_back(entry.path());
    std::sort(inside.begin(), inside.end());
    files.insert(files.end(), inside.begin(), inside.end());
  }
  return files;
}

// False if it cannot be read.
bool Replay(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    std::fprintf(stderr, "%s: cannot be read\n", path.c_str());
    return false;
  }
  const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  // The last one named is the one that it aborts with.
  std::printf("%s, %zu bytes\n", path.c_str(), bytes.size());
  std::fflush(stdout);
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  return true;
}

}  // namespace
}  // namespace baton::fuzz

int main(int argc, char** argv) {
  const std::vector<std::string> paths(argv + 1, argv + argc);
  const auto files = baton::fuzz::FilesIn(paths);
  if (files.empty()) {
    std::fprintf(stderr, "usage: %s FILE-OR-FOLDER...: runs each input; there is none\n", argv[0]);
    return 2;
  }
  for (const auto& file : files) {
    if (!baton::fuzz::Replay(file)) return 2;
  }
  std::printf("%zu inputs, no promise broken\n", files.size());
  return 0;
}
