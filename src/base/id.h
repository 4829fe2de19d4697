#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace clavier {

/// A number that names one kind of thing. `-1` names nothing.
template <typename Tag>
struct Id {
  std::int64_t value = -1;

  constexpr bool valid() const { return value >= 0; }
  constexpr auto operator<=>(const Id&) const = default;
};

}  // namespace clavier

template <typename Tag>
struct std::hash<clavier::Id<Tag>> {
  std::size_t operator()(clavier::Id<Tag> id) const noexcept {
    return std::hash<std::int64_t>{}(id.value);
  }
};
