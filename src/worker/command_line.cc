#include "worker/command_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "study/text.h"

namespace clavier::worker {
namespace {

constexpr std::array<std::string_view, 4> kReserved = {"trial", "dir", "checkpoint", "until"};

bool starts_name(char c) { return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool continues_name(char c) {
  return starts_name(c) || (c >= '0' && c <= '9') || c == '.' || c == '-';
}

/// {name}, {name:-otherwise} or {{name}} at the beginning of a text.
struct Placeholder {
  std::string_view whole;
  std::string_view name;
  std::optional<std::string_view> otherwise = {};
  bool literal = false;
};

std::optional<Placeholder> placeholder_at(std::string_view text) {
  if (text.empty() || text.front() != '{') return {};
  const bool doubled = text.size() > 1 && text[1] == '{';
  const std::size_t from = doubled ? 2 : 1;
  std::size_t at = from;
  if (at >= text.size() || !starts_name(text[at])) return {};
  while (at < text.size() && continues_name(text[at])) ++at;
  Placeholder found;
  found.name = text.substr(from, at - from);
  found.literal = doubled;
  if (text.substr(at, 2) == ":-") {
    const auto end = text.find('}', at);
    if (end == std::string_view::npos) return {};
    found.otherwise = text.substr(at + 2, end - at - 2);
    at = end;
  }
  const std::string_view closing = doubled ? "}}" : "}";
  if (text.substr(at, closing.size()) != closing) return {};
  found.whole = text.substr(0, at + closing.size());
  return found;
}

/// Cuts `text` into what stays and placeholders; stops when `take` returns a failure.
template <typename Keep, typename Take>
Status walk(std::string_view text, Keep&& keep, Take&& take) {
  while (!text.empty()) {
    const auto brace = text.find('{');
    keep(text.substr(0, brace));
    if (brace == std::string_view::npos) break;
    text.remove_prefix(brace);
    const auto found = placeholder_at(text);
    if (!found) {
      keep(text.substr(0, 1));
      text.remove_prefix(1);
      continue;
    }
    if (found->literal)
      keep(found->whole.substr(1, found->whole.size() - 2));
    else
      TRY(take(*found));
    text.remove_prefix(found->whole.size());
  }
  return {};
}

/// Nothing where the name is known or unknown but has no value in this trial.
std::optional<std::string> value_of(std::string_view name, const StartLine& start) {
  if (const Value* value = start.config.find(name)) return text::plain(*value);
  if (name == "trial") return fmt::format("{}", start.trial.value);
  if (name == "dir") return start.directory;
  if (name == "slots") return fmt::format("{}", start.slots);
  if (name == "checkpoint") return start.checkpoint;
  if (name == "until" && start.until != kForever) return fmt::format("{}", start.until);
  return {};
}

Error no_value(std::string_view name) {
  if (name == "until")
    return invalid(
        "the command uses {until}, but nothing limits the trial's steps: set [trial.stop] "
        "steps, or write {until:-100}");
  return invalid(fmt::format(
      "the command uses {{{0}}}, but the trial has no value of that name: it is no parameter, or "
      "not "
      "active here; write {{{0}:-text}} for a default, or {{{{{0}}}}} for the literal braces",
      name));
}

}  // namespace

bool is_reserved(std::string_view name) {
  return std::find(kReserved.begin(), kReserved.end(), name) != kReserved.end();
}

Result<std::vector<std::string>> substitute(const std::vector<std::string>& command,
                                            const StartLine& start) {
  std::vector<std::string> done;
  done.reserve(command.size());
  for (const std::string& argument : command) {
    std::string out;
    TRY(walk(
        argument, [&](std::string_view kept) { out += kept; },
        [&](const Placeholder& found) -> Status {
          auto value = value_of(found.name, start);
          // {checkpoint} is always known, and empty from scratch.
          if (value && value->empty() && found.name == "checkpoint" && found.otherwise)
            value.reset();
          if (!value && !found.otherwise) return no_value(found.name);
          if (value && value->find('\0') != std::string::npos)
            return invalid(
                fmt::format("{{{}}} has a NUL character, where an argument would end", found.name));
          out += value ? *value : std::string(*found.otherwise);
          return {};
        }));
    done.push_back(std::move(out));
  }
  return done;
}

std::vector<std::string> placeholders(const std::vector<std::string>& command) {
  std::vector<std::string> names;
  for (const std::string& argument : command) {
    const Status walked = walk(
        argument, [](std::string_view) {},
        [&](const Placeholder& found) -> Status {
          if (std::find(names.begin(), names.end(), found.name) == names.end())
            names.emplace_back(found.name);
          return {};
        });
    CHECK(walked.ok());
  }
  return names;
}

}  // namespace clavier::worker
