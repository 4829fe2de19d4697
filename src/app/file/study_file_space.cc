#include "app/file/study_file_space.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <optional>
#include <set>

#include "base/match.h"
#include "base/nearest.h"
#include "study/domain.h"
#include "study/expression.h"
#include "worker/command_line.h"

namespace clavier::app {
namespace {

enum class Takes { kReals, kWholes, kValues, kValue, kText };

/// One way to vary a parameter. `make` gets as many numbers as `shape` has words.
struct Primitive {
  std::string_view name;
  Takes takes;
  std::string_view shape;  ///< For messages.
  std::size_t count;       ///< Of numbers.
  Domain (*reals)(std::span<const double>) = nullptr;
  Domain (*wholes)(std::span<const std::int64_t>) = nullptr;
};

using Reals = std::span<const double>;
using Wholes = std::span<const std::int64_t>;

constexpr std::string_view kRange = "[low, high]", kStepped = "[low, high, q]",
                           kBell = "[mean, deviation]", kSteppedBell = "[mean, deviation, q]";

// clang-format off
const std::array kPrimitives = {
    Primitive{"uniform", Takes::kReals, kRange, 2,
              [](Reals n) -> Domain { return Real{n[0], n[1]}; }},
    Primitive{"loguniform", Takes::kReals, kRange, 2,
              [](Reals n) -> Domain { return Real{n[0], n[1], Scale::kLog}; }},
    Primitive{"reverse_loguniform", Takes::kReals, kRange, 2,
              [](Reals n) -> Domain { return Real{n[0], n[1], Scale::kReverseLog}; }},
    Primitive{"quniform", Takes::kReals, kStepped, 3,
              [](Reals n) -> Domain { return Real{n[0], n[1], Scale::kLinear, n[2]}; }},
    Primitive{"qloguniform", Takes::kReals, kStepped, 3,
              [](Reals n) -> Domain { return Real{n[0], n[1], Scale::kLog, n[2]}; }},
    Primitive{"normal", Takes::kReals, kBell, 2,
              [](Reals n) -> Domain { return Normal{n[0], n[1]}; }},
    Primitive{"qnormal", Takes::kReals, kSteppedBell, 3,
              [](Reals n) -> Domain { return Normal{n[0], n[1], Scale::kLinear, n[2]}; }},
    Primitive{"lognormal", Takes::kReals, kBell, 2,
              [](Reals n) -> Domain { return Normal{n[0], n[1], Scale::kLog}; }},
    Primitive{"qlognormal", Takes::kReals, kSteppedBell, 3,
              [](Reals n) -> Domain { return Normal{n[0], n[1], Scale::kLog, n[2]}; }},
    Primitive{"int", Takes::kWholes, kRange, 2, nullptr,
              [](Wholes n) -> Domain { return Integer{n[0], n[1]}; }},
    Primitive{"logint", Takes::kWholes, kRange, 2, nullptr,
              [](Wholes n) -> Domain { return Integer{n[0], n[1], Scale::kLog}; }},
    Primitive{"qint", Takes::kWholes, kStepped, 3, nullptr,
              [](Wholes n) -> Domain { return Integer{n[0], n[1], Scale::kLinear, n[2]}; }},
    Primitive{"qlogint", Takes::kWholes, kStepped, 3, nullptr,
              [](Wholes n) -> Domain { return Integer{n[0], n[1], Scale::kLog, n[2]}; }},
    Primitive{"pow2", Takes::kWholes, kRange, 2},
    Primitive{"choice", Takes::kValues, {}, 0},
    Primitive{"ordinal", Takes::kValues, {}, 0},
    Primitive{"grid", Takes::kValues, {}, 0},
    Primitive{"constant", Takes::kValue, {}, 0},
    Primitive{"expr", Takes::kText, {}, 0},
};
// clang-format on

/// What users of other tuners write first.
constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kElsewhere{
    {{"randint", "int"},
     {"grid_search", "grid"},
     {"categorical", "choice"},
     {"sample_from", "expr"},
     {"randn", "normal"},
     {"log_uniform", "loguniform"}}};

const Primitive* find_primitive(std::string_view name) {
  const auto at = std::ranges::find(kPrimitives, name, &Primitive::name);
  return at == kPrimitives.end() ? nullptr : &*at;
}

constexpr std::size_t kLongestName = 100;
/// More do not fit into any worker's environment.
constexpr std::size_t kMostParameters = 20'000;

/// Our name of a distribution of another tuner; empty if it is not known.
std::string_view here(std::string_view elsewhere) {
  const auto at = std::ranges::find(kElsewhere, elsewhere, [](auto& pair) { return pair.first; });
  return at == kElsewhere.end() ? std::string_view() : at->second;
}

/// Two numbers, the first below the second.
bool is_range(const Value& value) {
  const auto* list = value.as<Value::List>();
  if (!list || list->size() != 2) return false;
  const auto low = (*list)[0].number(), high = (*list)[1].number();
  return low && high && !(*list)[0].as<bool>() && !(*list)[1].as<bool>() && *low < *high;
}

bool good_name(std::string_view key) {
  const bool starts_well = !key.empty() && key[0] != '-' && (key[0] < '0' || key[0] > '9');
  return starts_well && std::ranges::all_of(key, [](unsigned char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  c == '_' || c == '-';
         });
}

/// Reads the definitions below one [space] table.
class SpaceReader {
 public:
  SpaceReader(ReadSpace& out, Problems& problems) : out_(out), problems_(problems) {}

  void table(const TomlNode& table, const std::string& prefix) {
    for (const TomlNode::Entry& entry : table.entries) {
      const std::string name = prefix + entry.key;
      if (!good_name(entry.key))
        problems_.add(entry.place, fmt::format("{} cannot name a parameter: a name has letters, "
                                               "digits, _ and -, and begins with a letter or _",
                                               toml_value(Value(entry.key))));
      else if (entry.key.size() > kLongestName)
        problems_.add(entry.place,
                      fmt::format("a parameter's name has at most {} characters, this one has {}",
                                  kLongestName, entry.key.size()));
      else if (prefix.empty() && worker::is_reserved(entry.key))
        problems_.add(entry.place,
                      fmt::format("no parameter can be called \"{0}\": a command's {{{0}}} is "
                                  "something else",
                                  entry.key));
      else
        parameter(name, entry);
    }
  }

 private:
  void parameter(const std::string& name, const TomlNode::Entry& entry) {
    const TomlNode& node = entry.node;
    if (!node.is_table()) {
      auto value = node.value();
      if (value) misread(name, *value, node.begin);
      if (value)
        add(name, Constant{*std::move(value)}, {}, node.begin);
      else
        wrong(name, node.begin,
              fmt::format("{}: a constant cannot hold {}", name,
                          node.is_array() ? "tables or dates" : "a date"));
      return;
    }
    const TomlNode::Entry* how = nullptr;
    bool has_table = false;
    for (const TomlNode::Entry& item : node.entries) {
      if (find_primitive(item.key) && !item.node.is_table()) {
        if (how)
          return wrong(name, item.place,
                       fmt::format("{} is both {} and {}", name, how->key, item.key));
        how = &item;
      }
      has_table |= item.node.is_table() && item.key != "when";
    }
    if (how) return defined(name, node, *how);
    if (!node.entries.empty() && (!node.is_inline || has_table)) return table(node, name + '.');
    unknown(name, node);
  }

  /// A constant that looks like a distribution.
  void misread(const std::string& name, const Value& value, Place place) {
    if (const auto* text = value.as<std::string>())
      if (const std::string how = distribution_in(*text); !how.empty())
        problems_.object(place,
                         fmt::format("{0}: {1} is a text, not a distribution; write {0} = {{ "
                                     "{2} = [...] }}, or {{ constant = ... }} if the text is "
                                     "meant",
                                     name, toml_value(value), how));
    if (!is_range(value)) return;
    problems_.note(place,
                   fmt::format("{0} = {1} is a constant list of two numbers, the same in "
                               "every trial; a range is {{ uniform = {1} }}, and {{ constant "
                               "= {1} }} says that the list is meant",
                               name, toml_value(value)));
  }

  void unknown(const std::string& name, const TomlNode& node) {
    for (const TomlNode::Entry& item : node.entries) {
      if (item.key == "when") continue;
      const std::string_view other = here(item.key);
      const std::string hint = !other.empty() ? fmt::format("; did you mean \"{}\"?", other)
                                              : suggestion(item.key, primitive_names());
      return wrong(name, item.place,
                   fmt::format("{}: unknown distribution \"{}\"{}", name, item.key, hint));
    }
    wrong(name, node.begin,
          fmt::format("{}: says nothing; write for example {{ uniform = [0.0, 1.0] }}", name));
  }

  void defined(const std::string& name, const TomlNode& node, const TomlNode::Entry& how) {
    std::vector<Condition> when;
    std::optional<Prior> prior;
    for (const TomlNode::Entry& item : node.entries) {
      if (&item == &how) continue;
      if (item.key == "prior") {
        prior = prior_of(name, item.node);
      } else if (item.key == "when" && item.node.is_table()) {
        conditions(name, item.node, "", when);
      } else if (item.key == "when") {
        problems_.add(item.node.begin, fmt::format("{}.when must be a table such as "
                                                   "{{ optimizer = \"sgd\" }}, not {}",
                                                   name, item.node.kind_name()));
      } else if (item.node.is_table() && std::ranges::any_of(item.node.entries, [](auto& each) {
                   return find_primitive(each.key) != nullptr;
                 })) {
        problems_.add(
            item.place,
            fmt::format("{0} is a parameter, and a parameter cannot have parameters below "
                        "it: give {0}.{1} another name",
                        name, item.key));
      } else {
        const std::vector<std::string> names{"when", "prior"};
        problems_.add(item.place, fmt::format("{}: unknown key \"{}\" beside {}{}", name, item.key,
                                              how.key, suggestion(item.key, names)));
      }
    }
    auto domain = domain_of(name, *find_primitive(how.key), how.node);
    const bool known = domain.has_value();
    add(name, known ? *std::move(domain) : Constant{}, std::move(when), how.node.begin);
    if (known) out_.space.parameters.back().prior = std::move(prior);
  }

  /// A value, or a table of `value` and `strength`.
  std::optional<Prior> prior_of(const std::string& name, const TomlNode& node) {
    const TomlNode* const value = node.is_table() ? node.find("value") : &node;
    const TomlNode* const strength = node.is_table() ? node.find("strength") : nullptr;
    const auto number = strength && !strength->scalar.as<bool>() ? strength->scalar.number()
                                                                 : std::optional<double>();
    const std::size_t keys = (value ? 1 : 0) + (strength ? 1 : 0);
    auto good = value ? value->value() : std::nullopt;
    if (good && (!strength || number) && (!node.is_table() || node.entries.size() == keys))
      return Prior{*std::move(good), number.value_or(1)};
    problems_.add(node.begin,
                  fmt::format("{}.prior must be a value thought good, or a table such as "
                              "{{ value = 0.01, strength = 2.0 }}, not {}",
                              name, node.is_scalar() ? node.shown() : node.kind_name()));
    return {};
  }

  void conditions(const std::string& name, const TomlNode& table, const std::string& prefix,
                  std::vector<Condition>& when) {
    for (const TomlNode::Entry& item : table.entries) {
      const std::string parent = prefix + item.key;
      auto value = item.node.value();
      if (item.node.is_table())
        conditions(name, item.node, parent + '.', when);
      else if (!value)
        problems_.add(item.node.begin,
                      fmt::format("{}.when.{} must be a value or a list of them", name, parent));
      else if (item.node.is_array())
        when.push_back({parent, *value->as<Value::List>()});
      else
        when.push_back({parent, {*std::move(value)}});
    }
  }

  std::optional<Domain> domain_of(const std::string& name, const Primitive& how,
                                  const TomlNode& node) {
    switch (how.takes) {
      case Takes::kReals: {
        const auto numbers = real_numbers(name, how, node);
        if (!numbers) return {};
        if (how.count == 3 && !(numbers->back() > 0)) {
          problems_.add(node.items.back().begin, fmt::format("{}: {} needs q > 0, not {}", name,
                                                             how.name, node.items.back().shown()));
          return {};
        }
        return how.reals(*numbers);
      }
      case Takes::kWholes: {
        const auto numbers = whole_numbers(name, how, node);
        if (!numbers) return {};
        return how.wholes ? how.wholes(*numbers) : powers_of_two(name, *numbers, node);
      }
      case Takes::kValues: return listed(name, how, node);
      case Takes::kValue: {
        auto value = node.value();
        if (!value)
          problems_.add(node.begin,
                        fmt::format("{}: a constant cannot hold {}", name, node.kind_name()));
        return value ? std::optional<Domain>(Constant{*std::move(value)}) : std::nullopt;
      }
      case Takes::kText: break;
    }
    if (const auto* text = node.scalar.as<std::string>()) return Computed{*text};
    problems_.add(node.begin, fmt::format("{}: expr takes text such as \"2 * hidden\", not {}",
                                          name, node.shown()));
    return {};
  }

  void bad_shape(const std::string& name, const Primitive& how, const TomlNode& at) {
    problems_.add(
        at.begin,
        fmt::format("{}: {} takes {} {}, not {}", name, how.name,
                    how.takes == Takes::kReals ? "numbers" : "whole numbers", how.shape,
                    at.is_array() ? fmt::format("{} items", at.items.size()) : at.shown()));
  }

  std::optional<std::vector<double>> real_numbers(const std::string& name, const Primitive& how,
                                                  const TomlNode& node) {
    if (!node.is_array() || node.items.size() != how.count)
      return bad_shape(name, how, node), std::nullopt;
    std::vector<double> numbers;
    for (const TomlNode& item : node.items) {
      const auto number = item.scalar.as<bool>() ? std::nullopt : item.scalar.number();
      if (!item.is_scalar() || !number) return bad_shape(name, how, item), std::nullopt;
      numbers.push_back(*number);
    }
    return numbers;
  }

  std::optional<std::vector<std::int64_t>> whole_numbers(const std::string& name,
                                                         const Primitive& how,
                                                         const TomlNode& node) {
    if (!node.is_array() || node.items.size() != how.count)
      return bad_shape(name, how, node), std::nullopt;
    std::vector<std::int64_t> numbers;
    for (const TomlNode& item : node.items) {
      const auto* number = item.scalar.as<std::int64_t>();
      if (!item.is_scalar() || !number) return bad_shape(name, how, item), std::nullopt;
      numbers.push_back(*number);
    }
    return numbers;
  }

  std::optional<Domain> powers_of_two(const std::string& name, Wholes range, const TomlNode& node) {
    const auto is_power = [](std::int64_t n) {
      return n > 0 && std::has_single_bit(static_cast<std::uint64_t>(n));
    };
    if (!is_power(range[0]) || !is_power(range[1]) || range[0] > range[1]) {
      problems_.add(node.begin,
                    fmt::format("{}: pow2 takes two powers of two [low, high] with low <= high, "
                                "not [{}, {}]",
                                name, range[0], range[1]));
      return {};
    }
    return clavier::powers_of_two(range[0], range[1]);
  }

  std::optional<Domain> listed(const std::string& name, const Primitive& how,
                               const TomlNode& node) {
    const auto value = node.is_array() ? node.value() : std::nullopt;
    if (!value) {
      problems_.add(node.begin,
                    fmt::format("{}: {} takes a list of values, not {}", name, how.name,
                                node.is_array() ? "one with tables or dates" : node.shown()));
      return {};
    }
    const auto& list = *value->as<Value::List>();
    if (how.name == "grid") return Grid{list};
    return Choice{list, how.name == "ordinal"};
  }

  /// What is wrong with a parameter whose domain stays unknown. It counts as named all the same, so
  /// that those who use it are not told off.
  void wrong(const std::string& name, Place place, std::string_view what) {
    problems_.add(place, std::string(what));
    add(name, Constant{}, {}, place);
  }

  void add(const std::string& name, Domain domain, std::vector<Condition> when, Place place) {
    out_.space.parameters.push_back({name, std::move(domain), std::move(when)});
    out_.parameters.push_back(place);
  }

  ReadSpace& out_;
  Problems& problems_;
};

std::vector<std::string> needs(const Parameter& parameter) {
  std::vector<std::string> names;
  for (const Condition& condition : parameter.when) names.push_back(condition.parent);
  if (const auto* computed = std::get_if<Computed>(&parameter.domain))
    if (const auto parsed = Expression::parse(computed->expression))
      names.insert(names.end(), parsed->names().begin(), parsed->names().end());
  return names;
}

/// Around a cycle of needs: "lr needs opt, opt needs lr". Every one of `left` leads into one.
std::string cycle_in(const std::vector<Parameter>& parameters, const std::vector<std::size_t>& left,
                     const std::set<std::string>& waiting) {
  std::vector<std::string> path;
  std::string name = parameters[left.front()].name;
  while (std::ranges::find(path, name) == path.end()) {
    path.push_back(name);
    const auto wanted = needs(*std::ranges::find(parameters, name, &Parameter::name));
    name = *std::ranges::find_if(wanted, [&](auto& each) { return waiting.contains(each); });
  }
  std::string words;
  for (auto at = std::ranges::find(path, name); at != path.end(); ++at)
    words += fmt::format("{}{} needs {}", words.empty() ? "" : ", ", *at,
                         at + 1 == path.end() ? name : *(at + 1));
  return words;
}

/// Again and again the first one whose needs are met; what is left leads into a cycle.
void sort_by_needs(ReadSpace& read, Problems& problems) {
  const std::size_t count = read.space.parameters.size();
  std::vector<std::vector<std::string>> wanted;
  std::set<std::string> waiting;
  std::vector<std::size_t> left(count), order;
  for (std::size_t i = 0; i < count; ++i) {
    left[i] = i;
    wanted.push_back(needs(read.space.parameters[i]));
    waiting.insert(read.space.parameters[i].name);
  }
  while (!left.empty()) {
    const auto ready = std::ranges::find_if(left, [&](std::size_t i) {
      return std::ranges::none_of(wanted[i], [&](auto& name) { return waiting.contains(name); });
    });
    if (ready == left.end()) break;
    waiting.erase(read.space.parameters[*ready].name);
    order.push_back(*ready);
    left.erase(ready);
  }
  if (!left.empty())
    problems.add(read.parameters[left.front()],
                 fmt::format("parameters depend on each other in a circle: {}",
                             cycle_in(read.space.parameters, left, waiting)));
  order.insert(order.end(), left.begin(), left.end());
  ReadSpace sorted = read;
  for (std::size_t i = 0; i < count; ++i) {
    sorted.space.parameters[i] = read.space.parameters[order[i]];
    sorted.parameters[i] = read.parameters[order[i]];
  }
  read = std::move(sorted);
}

void flatten(const TomlNode& table, const std::string& prefix, Config& point, Problems& problems) {
  for (const TomlNode::Entry& entry : table.entries) {
    const std::string name = prefix + entry.key;
    if (entry.node.is_table())
      flatten(entry.node, name + '.', point, problems);
    else if (auto value = entry.node.value())
      point.set(name, *std::move(value));
    else
      problems.add(entry.node.begin,
                   fmt::format("search.points: {} cannot be {}", name, entry.node.kind_name()));
  }
}

}  // namespace

void read_parameters(const TomlNode& table, ReadSpace& out, Problems& problems) {
  SpaceReader(out, problems).table(table, "");
  if (out.space.parameters.size() > kMostParameters)
    return problems.add(out.parameters[kMostParameters],
                        fmt::format("[space] has {} parameters, and at most {} are possible",
                                    out.space.parameters.size(), kMostParameters));
  sort_by_needs(out, problems);
}

void read_constraints(const TomlNode& node, ReadSpace& out, Problems& problems) {
  if (!node.is_array())
    return problems.add(node.begin, fmt::format("search.constraints must be a list of texts such "
                                                "as [\"l1 >= l2\"], not {}",
                                                node.shown()));
  for (const TomlNode& item : node.items) {
    const auto* text = item.scalar.as<std::string>();
    if (!item.is_scalar() || !text) {
      problems.add(item.begin,
                   fmt::format("a constraint is text such as \"l1 >= l2\", not {}", item.shown()));
      continue;
    }
    out.space.constraints.push_back(*text);
    out.constraints.push_back(item.begin);
  }
}

void read_points(const TomlNode& node, ReadSpace& out, Problems& problems) {
  if (!node.is_array())
    return problems.add(node.begin, fmt::format("search.points must be a list of tables such as "
                                                "[{{ lr = 0.1 }}], not {}",
                                                node.kind_name()));
  for (const TomlNode& item : node.items) {
    if (!item.is_table()) {
      problems.add(item.begin,
                   fmt::format("a point is a table such as {{ lr = 0.1 }}, not {}", item.shown()));
      continue;
    }
    Config point;
    flatten(item, "", point, problems);
    out.space.points.push_back(std::move(point));
    out.points.push_back(item.begin);
  }
}

std::string distribution_in(std::string_view text) {
  const std::size_t end = std::min(text.find_first_of(" ([{"), text.size());
  const std::size_t open = text.find_first_not_of(' ', end);
  if (open == std::string_view::npos || std::string_view("([{").find(text[open]) == text.npos)
    return {};
  std::string_view how = text.substr(0, end);
  how.remove_prefix(how.rfind('.') + 1);  // tune.loguniform; none: npos + 1 is 0
  return std::string(find_primitive(how) ? how : here(how));
}

bool reads_as_domain(const Value& value) {
  const auto* text = value.as<std::string>();
  return is_range(value) || (text && !distribution_in(*text).empty());
}

void check_space(const ReadSpace& read, Problems& problems) {
  for (const SpaceProblem& problem : problems_of(read.space, problems.checks())) {
    const auto& places = problem.part == SpaceProblem::Part::kParameter    ? read.parameters
                         : problem.part == SpaceProblem::Part::kConstraint ? read.constraints
                                                                           : read.points;
    problems.add(places[problem.index], problem.message);
  }
}

std::vector<std::string> primitive_names() {
  std::vector<std::string> names;
  for (const Primitive& primitive : kPrimitives) names.emplace_back(primitive.name);
  return names;
}

}  // namespace clavier::app
