#include "app/trainer_problems.h"

#include "app/study_file_json.h"
#include "app/study_file_problems.h"
#include "base/files.h"
#include "study/domain.h"
#include "train/spec/trainer_spec.h"

namespace clavier::app {
namespace {

Result<StudySource> source_of(const std::filesystem::path& file,
                              std::span<const Override> overrides) {
  return StudySource::parse(TRY(read_file(file, kMaxTextBytes)), file.string(), overrides);
}

Place place_of(const TomlNode& root, std::string_view table, std::string_view key) {
  const TomlNode::Entry* outer = root.entry(table);
  const TomlNode::Entry* inner = outer ? outer->node.entry(key.substr(0, key.find('.'))) : nullptr;
  return inner ? inner->place : outer ? outer->place : Place{};
}

/// Every key of the table alone.
void check_keys(const TomlNode& root, Problems& problems) {
  const TomlNode* table = root.find("trainer");
  if (!table || !table->is_table()) return;
  for (const TomlNode::Entry& entry : table->entries) {
    TomlNode alone;
    alone.entries = {entry};
    if (const auto read = train::parse_trainer(toml_to_json(alone)); !read)
      problems.add(entry.place, read.error().message);
  }
}

/// Every parameter alone, at a value from the middle of its range.
void check_parameters(const TomlNode& root, const StudySpec& spec, Problems& problems) {
  const auto trainer = train::parse_trainer(*spec.trainer);
  if (!trainer) return;
  for (const Parameter& parameter : spec.space.parameters) {
    const auto value = middle_of(parameter.domain);
    if (!value) continue;
    Config config;
    config.set(parameter.name, *value);
    if (const auto joined = train::with_config(*trainer, config); !joined)
      problems.add(place_of(root, "space", parameter.name), joined.error().message);
  }
}

}  // namespace

Error place_trainer_error(const std::filesystem::path& file, std::span<const Override> overrides,
                          const StudySpec& spec, const Error& error) {
  const auto source = source_of(file, overrides);
  if (!source) return error;
  Problems problems(*source);
  check_keys(source->root(), problems);
  if (problems.empty()) check_parameters(source->root(), spec, problems);
  if (problems.empty()) problems.add(place_of(source->root(), "trainer", ""), error.message);
  return problems.status().error();
}

Error at_keys(const std::filesystem::path& file, std::span<const Override> overrides,
              const std::vector<KeyProblem>& found) {
  const auto source = source_of(file, overrides);
  if (!source) return invalid(found.front().message);
  Problems problems(*source);
  for (const KeyProblem& each : found)
    problems.add(place_of(source->root(), each.table, each.key), each.message);
  return problems.status().error();
}

}  // namespace clavier::app
