#include "cli/interrupts.h"

#include <cerrno>
#include <csignal>

#include "base/check.h"

namespace clavier::cli {
namespace {

// What a signal handler may touch.
std::atomic<int> g_count{0};
std::atomic<const Waker*> g_waker{nullptr};

void on_signal(int signal) {
  const int before = errno;
  // A terminal that closes says so more than once; only people insist.
  int none = 0;
  if (signal != SIGHUP)
    g_count.fetch_add(1);
  else
    g_count.compare_exchange_strong(none, 1);
  if (const Waker* waker = g_waker.load()) waker->wake();
  errno = before;
}

}  // namespace

Interrupts::Interrupts(const Waker& waker) {
  CHECK(g_waker.exchange(&waker) == nullptr);
  g_count = 0;
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
  // Under nohup it stays ignored.
  hangs_up_ = std::signal(SIGHUP, on_signal);
  if (hangs_up_ == SIG_IGN) std::signal(SIGHUP, SIG_IGN);
}

Interrupts::~Interrupts() {
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
  std::signal(SIGHUP, hangs_up_);
  g_waker = nullptr;
}

const std::atomic<int>& Interrupts::count() const { return g_count; }

}  // namespace clavier::cli
