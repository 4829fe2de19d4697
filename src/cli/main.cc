#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <iostream>

#include "app/run/version.h"
#include "app/tuning.h"
#include "base/nearest.h"
#include "cli/command_line.h"
#include "cli/door.h"
#include "cli/terminal.h"
#include "cli/usage.h"

namespace clavier::cli {
namespace {

constexpr const char* kHow = R"~(
First steps:
  clavier check study.toml            what the file means, every default, sampled configurations
  clavier run study.toml              tune; the same command again resumes
  clavier run --space "lr=loguniform(1e-5,1e-1)" --min val_loss -- python train.py --lr {lr}
  clavier trials --top 5              the best trials of the study written to last
  clavier best --command              how to run the best configuration again

Studies live in --dir, $CLAVIER_HOME, else ./clavier-results. "clavier COMMAND --help" has examples.)~";

constexpr const char* kStatuses = R"~(
Exit status: 0 done, also if some trials failed; 1 an error (a wrong study file, too), or no trial
succeeded; 2 a wrong command line; 130 paused by Ctrl-C or a signal: the same command goes on.)~";

std::string_view without_dashes(std::string_view word) {
  while (word.starts_with('-')) word.remove_prefix(1);
  return word;
}

bool takes_command(const std::string& name) {
  return name == "run" || name == "check" || name == "plan" || name == "simulate";
}

int usage(Streams& streams, const std::string& message, const CLI::App* command = nullptr) {
  streams.err << fmt::format("clavier: {}\nclavier {}--help shows what there is\n", message,
                             command ? command->get_name() + " " : "");
  return kUsage;
}

/// Words before `--` are ours, those behind it the user's command.
int parse_and_run(std::vector<std::string> words, Streams& streams) {
  std::vector<std::string> trailing;
  if (const auto dashes = std::ranges::find(words, "--"); dashes != words.end()) {
    trailing.assign(dashes + 1, words.end());
    words.erase(dashes, words.end());
  }
  AllOptions options;
  Parser line(trailing);
  line.app().set_version_flag("--version",
                              fmt::format("clavier {} ({})", app::kVersion, app::kCommit));
  line.app().footer(std::string(kHow) + "\n" + kStatuses);
  add_run_commands(line, options);
  add_read_commands(line, options);
  add_control_commands(line, options);
  add_file_commands(line, options);
  if (words.empty()) {
    streams.err << line.app().help();
    return kUsage;
  }
  const auto names = line.names();
  const bool asks = words[0] == "-h" || words[0] == "--help" || words[0] == "--version";
  if (!asks && std::ranges::find(names, words[0]) == names.end())
    return usage(streams, fmt::format("no command \"{}\"{}", words[0],
                                      suggestion(without_dashes(words[0]), names)));
  if (!trailing.empty() && !takes_command(words[0]))
    return usage(streams, fmt::format("{} takes no command behind --", words[0]));
  std::ranges::reverse(words);  // As the parser wants them.
  try {
    line.app().parse(words);
  } catch (const CLI::Success& asked) {
    return line.app().exit(asked, streams.out, streams.err);
  } catch (const CLI::ParseError& error) {
    return usage(streams, error.what(), line.parsed());
  }
  if (const auto unexpected = line.unexpected())
    return usage(streams, in_words(*unexpected), line.parsed());
  if (const Status checked = line.words(); !checked)
    return usage(streams, checked.error().message, line.parsed());
  return line.chosen()(streams);
}

int run_main(int argc, char** argv) {
  prepare_standard_streams();
  const auto size = terminal_size();
  Door out(std::cout), err(std::cerr);
  Streams streams{.out = std::cout,
                  .err = std::cerr,
                  .in = std::cin,
                  .width = size ? size->columns : 0,
                  .colour = terminal_colour(),
                  .behind = &out.behind()};
  const int status = parse_and_run({argv + 1, argv + argc}, streams);
  const int failed = out.flush();
  // A reader that has seen enough (`| head`) changes nothing of what was done.
  if (failed == 0 || failed == EPIPE) return status;
  std::cerr << "clavier: cannot write the output: " << std::strerror(failed) << '\n';
  return status == kSuccess ? kFailure : status;
}

}  // namespace
}  // namespace clavier::cli

int main(int argc, char** argv) {
  clavier::init(argc, argv);
  return clavier::cli::run_main(argc, argv);
}
