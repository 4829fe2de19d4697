#include "cli/study_data.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include <nlohmann/json.hpp>

#include "base/files.h"
#include "cli/trainer_check.h"
#include "train/data/fingerprint.h"
#include "train/data/own_data.h"
#include "train/spec/data_table.h"
#include "train/spec/trainer_spec.h"

namespace clavier::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kFile = "data.json";
constexpr std::size_t kMostBytes = 1 << 20;

bool are_numbers(const Json& list) {
  return list.is_array() && std::all_of(list.begin(), list.end(),
                                        [](const Json& each) { return each.is_number_unsigned(); });
}

/// [{"fingerprint", "first_trial", "unfinished"}, …]: what the data were, from which trial on, and
/// which trials before it went on with them; none where "unfinished" is missing.
Json read_record(const Folder& folder) {
  const auto text = folder.read(kFile, kMostBytes);
  Json record = text.ok() ? Json::parse(*text, nullptr, false) : Json::array();
  const bool good =
      record.is_array() && std::all_of(record.begin(), record.end(), [](const Json& e) {
        return e.is_object() && e.value("fingerprint", Json()).is_string() &&
               e.value("first_trial", Json()).is_number_unsigned() &&
               are_numbers(e.value("unfinished", Json::array()));
      });
  return good ? record : Json::array();
}

std::string changed_line(const Json& record) {
  std::vector<std::string> ranges;
  std::set<std::uint64_t> both;
  for (std::size_t i = 0; i < record.size(); ++i) {
    const auto first = record[i]["first_trial"].get<std::uint64_t>();
    for (const Json& trial : record[i].value("unfinished", Json::array()))
      both.insert(trial.get<std::uint64_t>());
    if (i + 1 == record.size()) {
      ranges.push_back(fmt::format("and from {} on", first));
    } else if (const auto next = record[i + 1]["first_trial"].get<std::uint64_t>(); next > first) {
      ranges.push_back(next == first + 1 ? fmt::format("trial {}", first)
                                         : fmt::format("trials {} to {}", first, next - 1));
    }
  }
  return fmt::format("the data are not what they were; values do not compare across: {}{}",
                     fmt::join(ranges, ", "),
                     both.empty() ? ""
                                  : fmt::format("; unfinished at a change, so of both: {}",
                                                fmt::join(both, ", ")));
}

}  // namespace

std::vector<std::string> look_at_data(const app::StudySpec& spec,
                                      const std::filesystem::path& folder,
                                      const std::function<TrialsSoFar()>& trials) {
  if (!spec.trainer) return {};
  const auto trainer = train::parse_trainer(*spec.trainer);
  auto data =
      trainer.ok() ? train::data_of(*trainer) : Result<train::data::DataSpec>(trainer.error());
  if (!data.ok()) return {};
  find_beside(spec, *data);
  const std::string now = train::data::fingerprint(*data);
  if (now.empty()) return {};
  std::vector<std::string> lines = train::data::left_out(*data);

  const auto place = Folder::open(folder);
  if (!place.ok()) return lines;
  Json record = read_record(*place);
  const bool first = record.empty();
  if (first || record.back()["fingerprint"] != now) {
    const TrialsSoFar seen = trials();
    // Data that changed before any trial saw them changed nothing.
    if (!first && record.back()["first_trial"] == seen.count && seen.unfinished.empty() &&
        !record.back().contains("unfinished"))
      record.erase(record.size() - 1);
    Json entry = {{"fingerprint", now}, {"first_trial", seen.count}};
    if (!first && !seen.unfinished.empty()) entry["unfinished"] = seen.unfinished;
    record.push_back(std::move(entry));
    if (!place->replace(kFile, record.dump(1) + "\n").ok())
      lines.push_back(fmt::format("cannot write {}", (folder / kFile).string()));
  }
  if (record.size() > 1) lines.push_back(changed_line(record));
  return lines;
}

}  // namespace clavier::cli
