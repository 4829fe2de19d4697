#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <utility>

#include "study/text_fields.h"

/// Words for the enumerators of the vocabulary. Private to `text*.cc`.
namespace clavier::text {

/// The enumerators from 0 on, in order.
template <typename Enum, std::size_t N>
struct Words {
  std::array<std::string_view, N> words;

  std::string_view operator[](Enum value) const { return words[static_cast<std::size_t>(value)]; }
  Enum read(const Place& place) const {
    const std::string word = place.text();
    for (std::size_t i = 0; i < N; ++i)
      if (words[i] == word) return static_cast<Enum>(i);
    place.fail("is an unknown word");
    return Enum{};
  }
};

}  // namespace clavier::text
