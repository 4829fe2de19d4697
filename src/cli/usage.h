#pragma once

#include <span>
#include <string>
#include <vector>

/// What is wrong with a command line, in words.
namespace clavier::cli {

/// Words that a command does not take, in the order in which they were written, and the names of
/// the options that it has.
struct Unexpected {
  std::string command;
  std::vector<std::string> words;
  std::vector<std::string> options;
  bool lacks_dashes = false;  ///< Its program stands in front of `--`, which is missing.
};
std::string in_words(const Unexpected& unexpected);

/// Why this text is no whole number from `low` to `high`; empty if it is one.
std::string no_whole(const std::string& text, long long low, long long high);

}  // namespace clavier::cli
