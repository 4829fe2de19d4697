#pragma once

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "app/file/study_file_source.h"
#include "cli/commands.h"
#include "cli/data.h"
#include "cli/studies.h"
#include "cli/usage.h"
#include "study/foldable.h"

/// What the commands of `command_line.h` are built from; they and `main.cc` alone know the parser.
namespace clavier::cli {

inline constexpr std::int64_t kMostTrials = 1'000'000'000'000'000;

/// Usage lines as people write them: `TRIAL [STUDY]`.
class Formatter : public CLI::Formatter {
  std::string make_option_usage(const CLI::Option* option) const override {
    std::string words = option->get_name(true);
    if (option->get_expected_max() == 2) words += " " + option->get_type_name();
    if (option->get_expected_max() > 2) words += " ...";
    return option->get_required() ? words : "[" + words + "]";
  }
};

inline CLI::Validator whole(std::int64_t low, std::int64_t high = kForever) {
  return {[=](std::string& text) { return no_whole(text, low, high); }, ""};
}

/// The command that was chosen, ready to run.
using Chosen = std::function<int(Streams&)>;

/// What no parser sees: words that are wrong whatever is on the disk.
inline Status words_of(const auto&) { return {}; }
inline Status words_of(const RunOptions& options) { return check_words(options.source); }
inline Status words_of(const CheckOptions& options) { return check_words(options.source); }
inline Status words_of(const CoordCheckOptions& options) { return check_words(options.source); }
inline Status words_of(const PlanOptions& options) { return check_words(options.source); }
inline Status words_of(const SimulateOptions& options) { return check_words(options.source); }
inline Status words_of(const TellOptions& options) { return check_words(options); }
inline Status words_of(const AddOptions& options) { return check_words(options); }
inline Status words_of(const DataOptions& options) { return check_words(options); }
inline Status words_of(const RerunOptions& options) {
  for (const std::string& text : options.set) TRY(app::parse_override(text));
  return {};
}

/// The parser and what several commands share. What it fills in must live as long as it.
class Parser {
 public:
  /// `trailing`: the words behind `--`.
  explicit Parser(std::vector<std::string> trailing) : trailing_(std::move(trailing)) {
    app_.formatter(std::make_shared<Formatter>());
    app_.require_subcommand(1);
    app_.get_formatter()->column_width(34);
  }

  CLI::App& app() { return app_; }
  const Chosen& chosen() const { return chosen_; }
  /// What else is wrong with the words of that command.
  Status words() const { return words_(); }
  /// The command that was parsed; null before.
  const CLI::App* parsed() const {
    const auto all = app_.get_subcommands();
    return all.empty() ? nullptr : all.front();
  }
  /// The words that it does not take; nothing if there are none.
  std::optional<Unexpected> unexpected() const {
    const CLI::App& sub = *parsed();
    Unexpected found{.command = sub.get_name(), .words = sub.remaining(), .options = {}};
    if (found.words.empty()) return {};
    for (const CLI::Option* option : sub.get_options({}))
      for (const std::string& name : option->get_lnames()) found.options.push_back("--" + name);
    const auto* space = sub.get_option_no_throw("--space");
    found.lacks_dashes = space && space->count() > 0 && trailing_.empty();
    if (found.lacks_dashes) {  // The program's name was taken for the study file's.
      const auto first = sub.get_option("STUDY.toml")->results();
      found.words.insert(found.words.begin(), first.begin(), first.end());
    }
    return found;
  }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const CLI::App* sub : app_.get_subcommands([](const CLI::App*) { return true; }))
      names.push_back(sub->get_name());
    return names;
  }

  template <typename Options, typename Run>
  CLI::App& command(const char* name, const char* description, const char* examples,
                    Options& options, Run run) {
    CLI::App& sub = *app_.add_subcommand(name, description);
    sub.allow_extras();  // `unexpected` tells of them in order and with the nearest name.
    sub.footer(fmt::format("Examples:\n{}", examples));
    sub.callback([this, &options, run] {
      words_ = [&options] { return words_of(options); };
      chosen_ = [&options, run](Streams& streams) { return run(options, streams); };
    });
    return sub;
  }

  static void add_dir(CLI::App& sub, std::optional<std::string>& dir) {
    sub.add_option("--dir", dir, "the folder of all studies")->type_name("FOLDER");
  }
  static void add_study(CLI::App& sub, StudyChoice& choice) {
    sub.add_option("STUDY", choice.study, "name, folder or study file; else the latest");
    add_dir(sub, choice.dir);
  }
  enum class TrialIs { kRequired, kOptional };
  /// The number of a trial and a study, in either order.
  template <typename Number>
  static void add_trial_and_study(CLI::App& sub, Number& trial, StudyChoice& choice, TrialIs need) {
    const auto read = [&trial, &choice, need](const std::vector<std::string>& words) {
      bool has_trial = false;
      for (const std::string& word : words) {
        std::int64_t number = 0;
        if (!has_trial && CLI::detail::lexical_cast(word, number)) {
          trial = number;
          has_trial = true;
        } else if (choice.study) {
          throw CLI::ValidationError(
              fmt::format("{} and {}: one trial's number and one study", words[0], words[1]));
        } else {
          choice.study = word;
        }
      }
      if (need == TrialIs::kRequired && !has_trial)
        throw CLI::ValidationError("which trial? Its number is missing");
      return true;
    };
    CLI::Option* words = sub.add_option_function<std::vector<std::string>>(
        "TRIAL", read,
        fmt::format("its number{}; the study by name, folder or file, else the latest",
                    need == TrialIs::kOptional ? ", else the best" : ""));
    words->expected(1, 2)->type_name("[STUDY]")->required(need == TrialIs::kRequired);
    add_dir(sub, choice.dir);
  }
  static void add_data_dir(CLI::App& sub, std::optional<std::string>& dir) {
    sub.add_option("--data-dir", dir, "data sets; else $CLAVIER_DATA, else ~/.cache/clavier")
        ->type_name("FOLDER");
  }

  static void add_set(CLI::App& sub, std::vector<std::string>& set) {
    sub.add_option("--set", set, "change a key of the file, again and again")
        ->type_name("KEY=VALUE")
        ->allow_extra_args(false);
  }
  static void add_repeat(CLI::App& sub, int& repeat) {
    sub.add_option("--repeat", repeat, "so many seeds, up to 1000, a folder each")
        ->type_name("N")
        ->check(whole(1, 1000));
  }

  void add_source(CLI::App& sub, StudySource& source) {
    sub.add_option("STUDY.toml", source.file, "the study file");
    add_set(sub, source.set);
    sub.add_option("--space", source.space, "a parameter, instead of a file")
        ->type_name("NAME=DISTRIBUTION")
        ->allow_extra_args(false);
    sub.add_option("--min", source.minimize, "the metric to minimise, instead of a file")
        ->type_name("METRIC");
    sub.add_option("--max", source.maximize, "the metric to maximise, instead of a file")
        ->type_name("METRIC");
    sub.add_option("--trials", source.trials, "how many configurations")
        ->type_name("N")
        ->check(whole(1, kMostTrials));
    source.command = trailing_;
  }
  static void add_traces(CLI::App& sub, TraceOptions& traces) {
    sub.add_option("--trace", traces.trace, "write who ran where and when as CSV")
        ->type_name("FILE.csv");
    sub.add_option("--gantt", traces.gantt, "draw it")->type_name("FILE.svg");
  }

 private:
  std::vector<std::string> trailing_;
  CLI::App app_{"Clavier tunes the hyperparameters of deep learning on whatever machines you have.",
                "clavier"};
  Chosen chosen_;
  std::function<Status()> words_;
};

}  // namespace clavier::cli
