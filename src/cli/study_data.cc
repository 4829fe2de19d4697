#include "cli/study_data.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <optional>
#include <set>

#include "base/files.h"
#include "base/json.h"
#include "cli/trainer_check.h"
#include "train/data/fingerprint.h"
#include "train/data/own_data.h"
#include "train/spec/data_table.h"
#include "train/spec/trainer_spec.h"

namespace clavier::cli {
namespace {

constexpr const char* kFile = "data.json";
constexpr std::size_t kMostBytes = 1 << 20;

/// What the data were, from which trial on, and which trials before it, unfinished, went on with
/// them.
struct Seen {
  std::string fingerprint;
  std::size_t first_trial = 0;
  std::vector<std::size_t> unfinished = {};
};

std::optional<Seen> seen_of(const Json& json) {
  const auto* fingerprint = json.find_as<std::string>("fingerprint");
  const auto* first = json.find_as<std::int64_t>("first_trial");
  if (!fingerprint || !first || *first < 0) return {};
  Seen seen{*fingerprint, static_cast<std::size_t>(*first)};
  const Json* unfinished = json.find("unfinished");
  if (!unfinished) return seen;
  if (!unfinished->as<Json::List>()) return {};
  for (const Json& trial : *unfinished->as<Json::List>()) {
    const auto* id = trial.as<std::int64_t>();
    if (!id || *id < 0) return {};
    seen.unfinished.push_back(static_cast<std::size_t>(*id));
  }
  return seen;
}

/// Nothing if the file is not there or not ours.
std::vector<Seen> read_record(const Folder& folder) {
  const auto text = folder.read(kFile, kMostBytes);
  const auto json = text ? Json::parse(*text) : Result<Json>(Json());
  const auto* list = json ? json->as<Json::List>() : nullptr;
  std::vector<Seen> record;
  for (std::size_t i = 0; list && i < list->size(); ++i) {
    auto seen = seen_of((*list)[i]);
    if (!seen) return {};
    record.push_back(*std::move(seen));
  }
  return record;
}

std::string text_of(const std::vector<Seen>& record) {
  Json::List list;
  for (const Seen& seen : record) {
    Json entry = Json::Table{{"fingerprint", seen.fingerprint}, {"first_trial", seen.first_trial}};
    if (!seen.unfinished.empty()) entry.set("unfinished", seen.unfinished);
    list.push_back(std::move(entry));
  }
  return to_text(list, {.indent = 1}) + "\n";
}

std::string changed_line(const std::vector<Seen>& record) {
  std::vector<std::string> ranges;
  std::set<std::size_t> both;
  for (std::size_t i = 0; i < record.size(); ++i) {
    const std::size_t first = record[i].first_trial;
    both.insert(record[i].unfinished.begin(), record[i].unfinished.end());
    if (i + 1 == record.size()) {
      ranges.push_back(fmt::format("and from {} on", first));
    } else if (const std::size_t next = record[i + 1].first_trial; next > first) {
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
  const auto trainer = train::read_trainer(*spec.trainer);
  auto data =
      trainer.ok() ? train::data_of(*trainer) : Result<train::data::DataSpec>(trainer.error());
  if (!data.ok()) return {};
  find_beside(spec, *data);
  const std::string now = train::data::fingerprint(*data);
  if (now.empty()) return {};
  std::vector<std::string> lines = train::data::left_out(*data);

  const auto place = Folder::open(folder);
  if (!place.ok()) return lines;
  std::vector<Seen> record = read_record(*place);
  const bool first = record.empty();
  if (first || record.back().fingerprint != now) {
    const TrialsSoFar seen = trials();
    // Data that changed before any trial saw them changed nothing.
    if (!first && record.back().first_trial == seen.count && seen.unfinished.empty() &&
        record.back().unfinished.empty())
      record.pop_back();
    record.push_back({now, seen.count, {}});
    if (!first) record.back().unfinished = seen.unfinished;
    if (!place->replace(kFile, text_of(record)).ok())
      lines.push_back(fmt::format("cannot write {}", (folder / kFile).string()));
  }
  if (record.size() > 1) lines.push_back(changed_line(record));
  return lines;
}

}  // namespace clavier::cli
