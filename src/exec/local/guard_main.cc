#include <cstdio>

#include "exec/local/guard.h"

// A guard and nothing else: starts faster and stays smaller than a tuner that plays the part.
int main(int argc, char** argv) {
  if (const auto status = clavier::exec::guard_main_if_asked(argc, argv)) return *status;
  std::fprintf(stderr, "clavier-guard is started by Clavier, not by hand\n");
  return 2;
}
