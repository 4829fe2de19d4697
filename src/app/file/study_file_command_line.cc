#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <set>

#include "app/file/study_file.h"
#include "app/file/study_file_space.h"
#include "app/file/study_folder.h"
#include "base/nearest.h"
#include "study/expression.h"
#include "worker/command_line.h"

namespace clavier::app {
namespace {

constexpr std::string_view kFileName = "command line";

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// "1e-5" and "[1, 2]" as they are, ".5" as a number, "sgd" as text.
std::string as_toml(std::string_view word) {
  const auto is_toml = [](std::string_view text) {
    auto parsed = parse_toml(fmt::format("v = {}", text));
    const auto* root = std::get_if<TomlNode>(&parsed);
    return root && root->entries.size() == 1 && root->entries[0].key == "v" &&
           root->entries[0].node.value();
  };
  if (word.find_first_of("\n#") == std::string_view::npos && is_toml(word))
    return std::string(word);
  const std::string_view digits = word.starts_with('+') ? word.substr(1) : word;
  double number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error == std::errc() && end == digits.data() + digits.size() && !digits.empty())
    return toml_value(Value(number));
  return toml_value(Value(std::string(word)));
}

/// At commas outside quotes and brackets.
std::vector<std::string_view> arguments(std::string_view text) {
  std::vector<std::string_view> found;
  int depth = 0;
  char quote = 0;
  std::size_t start = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    const char c = i < text.size() ? text[i] : ',';
    if (i < text.size() && quote) {
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '[' || c == '{' || c == '(') {
      ++depth;
    } else if (c == ']' || c == '}' || c == ')') {
      --depth;
    } else if (c == ',' && (depth <= 0 || i == text.size())) {
      found.push_back(trimmed(text.substr(start, i - start)));
      start = i + 1;
    }
  }
  return found;
}

/// `lr=loguniform(1e-5,1e-1)` as the line `lr = { loguniform = [1e-5, 1e-1] }`.
Result<std::string> space_line(std::string_view text) {
  const std::string_view shown = text;
  const auto wrong = [&](std::string_view why) {
    return invalid(fmt::format("--space {}: {}", shown, why));
  };
  const std::size_t equals = text.find('=');
  const std::string_view name = trimmed(text.substr(0, equals));
  if (equals == std::string_view::npos || name.empty() ||
      name.find_first_of(" \t\n\"'(){}[]#") != std::string_view::npos)
    return wrong("write NAME=DISTRIBUTION, for example lr=loguniform(1e-5,1e-1)");
  const std::string key = toml_dotted_key(name);
  text = trimmed(text.substr(equals + 1));
  const std::size_t open = text.find('(');
  const std::string_view how = trimmed(text.substr(0, open));
  const bool is_call = open != std::string_view::npos && text.ends_with(')') && !how.empty() &&
                       how.find_first_of(" \"'[{") == std::string_view::npos;
  if (const std::string meant = distribution_in(text); !is_call && !meant.empty())
    return wrong(fmt::format("a distribution is written {}(...), with both parentheses", meant));
  if (!is_call && arguments(text).size() > 1)
    return wrong(
        "several values need a distribution: uniform(low,high), choice(a,b); a text with a "
        "comma needs quotes");
  if (!is_call) return fmt::format("{} = {}\n", key, as_toml(text));
  const auto names = primitive_names();
  if (std::ranges::find(names, how) == names.end())
    return wrong(fmt::format("unknown distribution \"{}\"{}", how, suggestion(how, names)));
  const std::string_view inside = trimmed(text.substr(open + 1, text.size() - open - 2));
  if (how == "expr")
    return fmt::format("{} = {{ expr = {} }}\n", key, toml_value(Value(std::string(inside))));
  if (how == "constant") return fmt::format("{} = {}\n", key, as_toml(inside));
  std::string list;
  for (const std::string_view argument : arguments(inside))
    list += (list.empty() ? "" : ", ") + as_toml(argument);
  return fmt::format("{} = {{ {} = [{}] }}\n", key, how, list);
}

/// "train" of `python3 src/train.py --lr {lr}`.
std::string name_of(const std::vector<std::string>& command) {
  const auto is_script = [](const std::string& word) {
    const auto extension = std::filesystem::path(word).extension();
    return extension == ".py" || extension == ".sh" || extension == ".jl" || extension == ".R";
  };
  const auto script = std::ranges::find_if(command, is_script);
  return study_name_of(
      std::filesystem::path(script != command.end() ? *script : command[0]).stem().string());
}

}  // namespace

Result<StudySpec> from_command_line(const CommandLineStudy& study,
                                    std::span<const Override> overrides) {
  if (study.command.empty())
    return invalid("no command: put it behind --, for example -- python3 train.py --lr {lr}");
  std::string text = fmt::format("[study]\nname = {}\nmetric = {}\nmode = {}\n",
                                 toml_value(Value(name_of(study.command))),
                                 toml_value(Value(study.objective.metric)),
                                 study.objective.mode == Mode::kMin ? "\"min\"" : "\"max\"");
  if (study.trials) text += fmt::format("trials = {}\n", *study.trials);
  if (!study.space.empty()) text += "\n[space]\n";
  std::set<std::string> keys;
  for (const std::string& definition : study.space) {
    const std::string line = TRY(space_line(definition));
    if (!keys.insert(line.substr(0, line.find(" = "))).second)
      return invalid(fmt::format("--space {}: this parameter is there twice", definition));
    text += line;
  }
  text += fmt::format("\n[worker]\ncommand = {}\n",
                      toml_value(Value::List(study.command.begin(), study.command.end())));
  auto spec = parse_study(text, kFileName, overrides);
  if (spec) spec->working_directory = std::filesystem::current_path();
  return spec;
}

std::vector<std::string> unused_parameters(const StudySpec& spec) {
  if (!spec.worker) return {};
  std::vector<std::string> texts = spec.worker->command;
  for (const auto& [name, text] : spec.worker->environment) texts.push_back(text);
  std::vector<std::string> used = worker::placeholders(texts);
  const auto is_used = [&](const Parameter& parameter) {
    return std::ranges::find(used, parameter.name) != used.end();
  };
  if (std::ranges::none_of(spec.space.parameters, is_used)) return {};
  used.push_back(spec.trial.gang.parameter);
  const auto use_names = [&](const std::string& expression) {
    if (const auto parsed = Expression::parse(expression))
      used.insert(used.end(), parsed->names().begin(), parsed->names().end());
  };
  for (const Parameter& parameter : spec.space.parameters) {
    for (const Condition& condition : parameter.when) used.push_back(condition.parent);
    if (const auto* computed = std::get_if<Computed>(&parameter.domain))
      use_names(computed->expression);
  }
  for (const std::string& constraint : spec.space.constraints) use_names(constraint);
  std::vector<std::string> unused;
  for (const Parameter& parameter : spec.space.parameters)
    if (!is_used(parameter)) unused.push_back(parameter.name);
  return unused;
}

}  // namespace clavier::app
