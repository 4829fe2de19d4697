#include "exec/inprocess/event_queue.h"

#include <gtest/gtest.h>

#include <thread>

namespace clavier::exec {
namespace {

Signal ended(std::int64_t launch) { return LaunchEnded{LaunchId{launch}}; }

TEST(EventQueue, HandsOverInOrderAndWakesTheLoop) {
  const Waker waker = Waker::create().value();
  EventQueue queue(waker);
  std::vector<Signal> signals = {ended(1), ended(2), ended(3)};
  queue.push(signals);
  EXPECT_TRUE(waker.drain());
  const auto first = queue.take(2);
  ASSERT_EQ(first.size(), 2u);
  EXPECT_EQ(std::get<LaunchEnded>(first[1]).launch, LaunchId{2});
  EXPECT_EQ(queue.take(2).size(), 1u);
  EXPECT_TRUE(queue.take(2).empty());
}

TEST(EventQueue, IsNeverFullerThanItsLimit) {
  const Waker waker = Waker::create().value();
  EventQueue queue(waker);
  constexpr std::size_t kTotal = EventQueue::kMaxEvents + 100;
  std::thread pusher([&] {
    for (std::size_t i = 0; i < kTotal; ++i) {
      Signal signal = ended(static_cast<std::int64_t>(i));
      queue.push({&signal, 1});
    }
  });
  std::size_t taken = 0;
  while (taken < kTotal) {
    const auto some = queue.take(kTotal);
    EXPECT_LE(some.size(), EventQueue::kMaxEvents);
    taken += some.size();
  }
  pusher.join();
}

TEST(EventQueue, ClosingReleasesThoseThatWait) {
  const Waker waker = Waker::create().value();
  EventQueue queue(waker);
  std::vector<Signal> many(EventQueue::kMaxEvents, ended(1));
  queue.push(many);
  std::thread pusher([&] {
    Signal signal = ended(2);
    queue.push({&signal, 1});
  });
  queue.close();
  pusher.join();
  EXPECT_TRUE(queue.take(10).empty());
}

}  // namespace
}  // namespace clavier::exec
