#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/file/study_file_document.h"
#include "base/result.h"

namespace clavier::app {

/// `--set KEY=VALUE`: a dotted key, and a value in TOML or else as plain text.
struct Override {
  std::string key;
  std::string value;
};
Result<Override> parse_override(std::string_view text);

/// The text of a study file after its overrides, parsed, and the way back from a place in it to
/// words: file, line and column as the user wrote them, or the override it came from.
class StudySource {
 public:
  /// Overrides are edits of the text, so that comments and the order of keys survive.
  static Result<StudySource> parse(std::string_view text, std::string_view file_name,
                                   std::span<const Override> overrides);

  /// The study file that an earlier run has left in the study's folder.
  static Result<StudySource> copy_in(const std::filesystem::path& folder);

  /// One more override.
  Status set(const Override& override);

  const TomlNode& root() const { return root_; }
  const std::string& text() const { return text_; }
  /// "study.toml:3:10" or "--set study.trials=x".
  std::string where(Place place) const;

 private:
  struct Mark {
    Place begin, end;
    std::string label;
  };

  /// `text` in place of `length` bytes at `offset`.
  struct Edit {
    std::size_t offset = 0;
    std::size_t length = 0;
    std::string text;
  };

  Status apply(const Override& override);
  void mark();
  /// The ways to give `path` this value, the tidiest first; `known` of its parts exist.
  std::vector<Edit> edits(std::span<const std::string> path, std::size_t known,
                          const std::string& value) const;
  void splice(const Edit& edit);
  std::size_t offset_of(Place place) const;

  std::string file_name_;
  std::string text_;
  std::vector<int> lines_;  ///< Per line of `text_`, the line of the file it stems from.
  TomlNode root_;
  std::vector<Override> overrides_;
  std::vector<Mark> marks_;  ///< Of each of them.
};

}  // namespace clavier::app
