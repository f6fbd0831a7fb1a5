#include "shout.h"

int main() {
  baton::Worker worker;
  if (!worker.Use("shout", Shout).ok()) return 2;
  worker.ShutdownOnSignals();
  return worker.Run().ok() ? 0 : 1;
}
