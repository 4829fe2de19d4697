#include "cli/usage.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/nearest.h"

namespace clavier::cli {

std::string in_words(const Unexpected& unexpected) {
  const auto& words = unexpected.words;
  if (unexpected.lacks_dashes)
    return fmt::format("the program to run and its arguments go behind --: clavier {} … -- {}",
                       unexpected.command, fmt::join(words, " "));
  const auto option = std::ranges::find_if(words, [](auto& word) { return word.starts_with('-'); });
  if (option == words.end())
    return fmt::format("clavier {} takes no further word: {}", unexpected.command,
                       fmt::join(words, " "));
  const std::string name = option->substr(0, option->find('='));
  return fmt::format("clavier {} has no option {}{}", unexpected.command, name,
                     suggestion(name, unexpected.options));
}

std::string no_whole(const std::string& text, long long low, long long high) {
  long long value = 0;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc() && at == end && value >= low && value <= high) return {};
  return high == std::numeric_limits<long long>::max()
             ? fmt::format("a whole number of at least {} is needed, not {}", low, text)
             : fmt::format("a whole number from {} to {} is needed, not {}", low, high, text);
}

}  // namespace clavier::cli
