#include "cli/study_data.h"

#include <fmt/format.h>

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/files.h"
#include "train/data/fingerprint.h"
#include "train/data/install.h"
#include "train/data/own_data.h"
#include "train/spec/data_table.h"
#include "train/spec/trainer_spec.h"

namespace clavier::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kFile = "data.json";
constexpr std::size_t kMostBytes = 1 << 20;

/// [{"fingerprint", "first_trial"}, …]: what the data were, from which trial on.
Json read_record(const Folder& folder) {
  const auto text = folder.read(kFile, kMostBytes);
  Json record = text.ok() ? Json::parse(*text, nullptr, false) : Json::array();
  const bool good =
      record.is_array() && std::all_of(record.begin(), record.end(), [](const Json& e) {
        return e.is_object() && e.value("fingerprint", Json()).is_string() &&
               e.value("first_trial", Json()).is_number_unsigned();
      });
  return good ? record : Json::array();
}

std::string changed_line(const Json& record) {
  std::string line = "the data are not what they were; values do not compare across";
  for (std::size_t i = 0; i + 1 < record.size(); ++i)
    line += fmt::format("{} trials {} to {}", i == 0 ? ":" : ",",
                        record[i]["first_trial"].get<std::uint64_t>(),
                        record[i + 1]["first_trial"].get<std::uint64_t>() - 1);
  return line + fmt::format(", and from {} on", record.back()["first_trial"].get<std::uint64_t>());
}

}  // namespace

std::vector<std::string> look_at_data(const app::StudySpec& spec,
                                      const std::filesystem::path& folder,
                                      const std::function<std::size_t()>& trials) {
  if (!spec.trainer) return {};
  const auto trainer = train::parse_trainer(*spec.trainer);
  auto data =
      trainer.ok() ? train::data_of(*trainer) : Result<train::data::DataSpec>(trainer.error());
  if (!data.ok()) return {};
  const auto beside_study = [&](std::string& path) {
    std::error_code ignored;
    if (const auto at = spec.working_directory / path; std::filesystem::exists(at, ignored))
      path = at.string();
  };
  if (train::data::find_known(data->source) == nullptr) beside_study(data->source);
  if (!data->labels.empty()) beside_study(data->labels);
  const std::string now = train::data::fingerprint(*data);
  if (now.empty()) return {};
  std::vector<std::string> lines = train::data::left_out(*data);

  const auto place = Folder::open(folder);
  if (!place.ok()) return lines;
  Json record = read_record(*place);
  const bool first = record.empty();
  if (first || record.back()["fingerprint"] != now) {
    const std::size_t from = trials();
    // Data that changed before any trial saw them changed nothing.
    if (!first && record.back()["first_trial"] == from) record.erase(record.size() - 1);
    record.push_back({{"fingerprint", now}, {"first_trial", from}});
    if (!place->replace(kFile, record.dump(1) + "\n").ok())
      lines.push_back(fmt::format("cannot write {}", (folder / kFile).string()));
  }
  if (record.size() > 1) lines.push_back(changed_line(record));
  return lines;
}

}  // namespace clavier::cli
