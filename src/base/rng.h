#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

namespace clavier {

/// A 64-bit hash of text that never changes between versions or machines (FNV-1a, then mixed).
std::uint64_t stable_hash(std::string_view text);

/// Joins two words into one well-mixed word; order matters.
std::uint64_t mix(std::uint64_t a, std::uint64_t b);

/// A small generator named by a key, so that every draw of a study is a function of
/// (seed, trial, purpose) and of nothing that happened before. xoshiro256++ (Blackman and Vigna),
/// seeded by SplitMix64 from the key. All distributions are ours: the standard library's differ
/// between implementations. Single-threaded; cheap to make.
class Rng {
 public:
  explicit Rng(std::uint64_t seed);

  /// A generator for `seed` and further words of the key, in order.
  template <typename... Words>
  static Rng keyed(std::uint64_t seed, Words... words) {
    ((seed = mix(seed, static_cast<std::uint64_t>(words))), ...);
    return Rng(seed);
  }

  std::uint64_t next();
  /// Uniform in [0, 1), 53 bits.
  double uniform();
  /// Uniform in [0, bound), without bias. REQUIRES: bound > 0.
  std::uint64_t below(std::uint64_t bound);
  /// Standard normal (polar method without a cached second value).
  double normal();

  /// Fisher-Yates.
  template <typename T>
  void shuffle(std::span<T> items) {
    for (std::size_t left = items.size(); left > 1; --left)
      std::swap(items[left - 1], items[below(left)]);
  }

 private:
  std::array<std::uint64_t, 4> state_;
};

}  // namespace clavier
