#pragma once

#include <cstddef>
#include <cstdint>

/// How the local executor's poller names what it watches.
namespace clavier::exec {

enum class Channel : std::uint64_t { kWire, kOutput, kError, kEnd };

inline constexpr std::uint64_t kChannels = 4;
inline constexpr std::uint64_t kWakerKey = ~std::uint64_t{0};
/// Taken from one descriptor at a time: a busy worker cannot starve the others.
inline constexpr std::size_t kReadBytes = std::size_t{64} << 10;
/// Of each descriptor, once its worker has ended: more than they hold together.
inline constexpr int kMaxLastReads = 256;

constexpr std::uint64_t key_of(std::uint64_t worker, Channel channel) {
  return worker * kChannels + static_cast<std::uint64_t>(channel);
}
constexpr std::uint64_t worker_of(std::uint64_t key) { return key / kChannels; }
constexpr Channel channel_of(std::uint64_t key) { return static_cast<Channel>(key % kChannels); }

}  // namespace clavier::exec
