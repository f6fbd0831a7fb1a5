#include <baton/client.h>

#include <cstdio>

int main() {
  baton::Client client;
  const auto task = client.Submit({.type = "shout", .payload = "hello"});
  if (!task.ok()) return std::fprintf(stderr, "%s\n", task.status().ToString().c_str()), 1;
  const auto end = client.Wait(task->id, absl::Minutes(1));
  if (!end.ok()) return std::fprintf(stderr, "%s\n", end.status().ToString().c_str()), 1;
  std::printf("%s\n", end->result.bytes().c_str());
}
