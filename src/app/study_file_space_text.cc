#include <fmt/format.h>

#include "app/study_file_space.h"
#include "base/match.h"

namespace clavier::app {
namespace {

std::string list(std::initializer_list<Value> values) { return toml_value(Value::List(values)); }

std::string_view scale_word(Scale scale) {
  switch (scale) {
    case Scale::kLinear: return "";
    case Scale::kLog: return "log";
    case Scale::kReverseLog: return "reverse_log";
  }
  return "";
}

std::string text_of(const Real& d) {
  const std::string name = fmt::format("{}uniform", scale_word(d.scale));
  if (d.quantum == 0) return fmt::format("{} = {}", name, list({d.low, d.high}));
  return fmt::format("q{} = {}", name, list({d.low, d.high, d.quantum}));
}

std::string text_of(const Integer& d) {
  const std::string name = fmt::format("{}int", scale_word(d.scale));
  if (d.step == 1) return fmt::format("{} = {}", name, list({d.low, d.high}));
  return fmt::format("q{} = {}", name, list({d.low, d.high, d.step}));
}

std::string text_of(const Normal& d) {
  const std::string name = fmt::format("{}normal", scale_word(d.scale));
  if (d.quantum == 0) return fmt::format("{} = {}", name, list({d.mean, d.deviation}));
  return fmt::format("q{} = {}", name, list({d.mean, d.deviation, d.quantum}));
}

}  // namespace

std::string write_domain(const Parameter& parameter) {
  const auto* constant = std::get_if<Constant>(&parameter.domain);
  if (constant && parameter.when.empty() && !reads_as_domain(constant->value))
    return toml_value(constant->value);
  const std::string how = match(
      parameter.domain, [](const Real& d) { return text_of(d); },
      [](const Integer& d) { return text_of(d); }, [](const Normal& d) { return text_of(d); },
      [](const Choice& d) {
        return fmt::format("{} = {}", d.ordered ? "ordinal" : "choice", toml_value(d.options));
      },
      [](const Grid& d) { return fmt::format("grid = {}", toml_value(d.values)); },
      [](const Constant& d) { return fmt::format("constant = {}", toml_value(d.value)); },
      [](const Computed& d) { return fmt::format("expr = {}", toml_value(d.expression)); },
      [](const Function&) { return std::string(); });
  if (how.empty()) return {};
  std::string when;
  for (const Condition& condition : parameter.when)
    when += fmt::format("{}{} = {}", when.empty() ? "" : ", ", toml_dotted_key(condition.parent),
                        condition.values.size() == 1 && !condition.values[0].as<Value::List>()
                            ? toml_value(condition.values[0])
                            : toml_value(condition.values));
  return when.empty() ? fmt::format("{{ {} }}", how)
                      : fmt::format("{{ {}, when = {{ {} }} }}", how, when);
}

}  // namespace clavier::app
