#pragma once

#include <utility>
#include <variant>

namespace clavier {

template <typename... Handlers>
struct Overload : Handlers... {
  using Handlers::operator()...;
};

/// Exhaustive handling of a closed family: a missing alternative does not compile.
template <typename Variant, typename... Handlers>
decltype(auto) match(Variant&& variant, Handlers&&... handlers) {
  return std::visit(Overload<std::decay_t<Handlers>...>{std::forward<Handlers>(handlers)...},
                    std::forward<Variant>(variant));
}

}  // namespace clavier
