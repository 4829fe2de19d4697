#include "search/sobol_sequence.h"

#include <boost/random/sobol.hpp>

#include "base/check.h"
#include "base/rng.h"

namespace clavier::search {
namespace {

/// Points below 2^32 differ within these; what comes after is filled at random.
constexpr unsigned kScrambledBits = 32;

}  // namespace

SobolSequence::SobolSequence(std::size_t dimensions, std::uint64_t seed) : directions_(dimensions) {
  CHECK(dimensions <= kMaxDimensions);
  for (std::size_t dimension = 0; dimension < dimensions; ++dimension)
    keys_.push_back(mix(mix(seed, stable_hash("sobol")), dimension));
  if (dimensions == 0) return;
  boost::random::sobol engine(dimensions);
  for (unsigned bit = 0; bit < kIndexBits; ++bit) {
    // Boost counts in Gray code from 1: this index has the code with only `bit` set, so the point
    // there is the direction number itself.
    engine.seed((std::uint64_t{2} << bit) - 2);
    for (std::size_t dimension = 0; dimension < dimensions; ++dimension)
      directions_[dimension][bit] = engine();
  }
}

double SobolSequence::at(std::size_t dimension, std::uint64_t index) const {
  CHECK(dimension < directions_.size() && index >> kIndexBits == 0);
  std::uint64_t point = 0;
  for (unsigned bit = 0; index >> bit != 0; ++bit)
    if ((index >> bit & 1) != 0) point ^= directions_[dimension][bit];

  // Every bit is flipped or not by a coin that belongs to the bits before it.
  const std::uint64_t key = keys_[dimension];
  std::uint64_t scrambled = 0;
  std::uint64_t before = 1;  // the leading 1 tells prefixes of different lengths apart
  for (unsigned bit = 0; bit < kScrambledBits; ++bit) {
    const std::uint64_t digit = point >> (63 - bit) & 1;
    scrambled = scrambled << 1 | (digit ^ (mix(key, before) & 1));
    before = before << 1 | digit;
  }
  const std::uint64_t rest = mix(mix(key, before), index) >> kScrambledBits;
  return static_cast<double>((scrambled << kScrambledBits | rest) >> 11) * 0x1p-53;
}

}  // namespace clavier::search
