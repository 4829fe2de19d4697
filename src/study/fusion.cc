#include "study/fusion.h"

#include <fmt/format.h>

#include "study/text.h"

namespace clavier {

std::string Fusion::alike(const Config& config, Steps from, double width) const {
  std::string text = fmt::format("step {} width {}", from, width);
  for (const std::string& name : shared) {
    const Value* value = config.find(name);
    text += fmt::format(", {} {}", name, value ? text::to_json(*value) : "-");
  }
  return text;
}

}  // namespace clavier
