#include "train/spec/data_table.h"

#include <fmt/format.h>

#include "train/spec/keys.h"

namespace clavier {

template <>
struct FieldWords<train::data::Task> {
  static constexpr std::array<std::string_view, 3> list = {"auto", "classification", "regression"};
};
template <>
struct FieldWords<train::data::Missing> {
  static constexpr std::array<std::string_view, 3> list = {"fill", "drop", "refuse"};
};
template <>
struct FieldWords<train::data::SyntheticKind> {
  static constexpr std::array<std::string_view, 2> list = {"prototypes", "teacher"};
};

namespace train {
namespace {

using data::DataSpec;
using data::SyntheticSpec;
using data::TableSpec;

/// A name that is not empty; a column may be named by its number.
template <typename Text>
struct NameCodec {
  static Fit read(const FieldInfo& info, const Json& json, Text& out) {
    const auto* number = info.high > 0 ? json.as<std::int64_t>() : nullptr;
    if (number && *number >= 0) return out = to_text(json), std::nullopt;
    const auto* text = json.as<Text>();
    if (!text || text->empty()) return misfit(info, "text", json);
    out = *text;
    return {};
  }
  static Json write(const Text& name) { return Json(name); }
};

template <typename Sizes>
struct ShapeCodec {
  static Fit read(const FieldInfo& info, const Json& json, Sizes& out) {
    const auto* list = json.as<Json::List>();
    if (!list || (list->size() != 1 && list->size() != 3)) return misfit(info, "", json);
    out.clear();
    for (const Json& item : *list) {
      const auto* size = item.as<std::int64_t>();
      if (!size || *size < 1) return misfit(info, "", json);
      out.push_back(*size);
    }
    return {};
  }
  static Json write(const Sizes& sizes) { return sizes; }
};

constexpr FieldInfo part(std::string_view key) {
  return {key, 0, kBelow1, "", "at least 0 and below 1"};
}
constexpr FieldInfo count(std::string_view key) {
  return {key, 0, kMany, "", "a whole number ≥ 0"};
}
constexpr FieldInfo number(std::string_view key) {
  return {key, 1, kMany, "", "a whole number ≥ 1"};
}
constexpr FieldInfo columns(std::string_view key) {
  return {.key = key, .range = "a list of names of columns"};
}

const Field<SyntheticSpec> kSynthetic[] = {
    field<&SyntheticSpec::kind>({"kind"}),
    field_by<ShapeCodec, &SyntheticSpec::shape>(
        {.key = "shape", .range = "[features] or [channels, height, width]"}),
    field<&SyntheticSpec::classes>(count("classes")),
    field<&SyntheticSpec::difficulty>({.key = "difficulty", .low = 0, .range = "≥ 0"}),
    field<&SyntheticSpec::train>(number("train")),
    field<&SyntheticSpec::validation>(number("validation")),
    field<&SyntheticSpec::test>(number("test")),
};

/// A table of its own, read apart; here for its name.
template <typename Spec>
struct TableCodec {
  static Fit read(const FieldInfo& info, const Json& json, Spec&) {
    return json.as<Json::Table>() ? Fit() : misfit(info, "a table", json);
  }
  static Json write(const Spec&) { return {}; }
};

const Field<DataSpec> kData[] = {
    field_by<NameCodec, &DataSpec::source>({"source", 0, 0}),
    field_by<NameCodec, &DataSpec::labels>({"labels", 0, kMany}),
    field<&DataSpec::task>({"task"}),
    field<&DataSpec::coarse>({"coarse"}),
    field<&DataSpec::download>({"download"}),
    field<&DataSpec::validation>(part("validation")),
    field<&DataSpec::test>(part("test")),
    field<&DataSpec::samples>(count("samples")),
    field<&DataSpec::smoke>({"smoke"}),
    field<&DataSpec::table, &TableSpec::header>({"header"}),
    field<&DataSpec::table, &TableSpec::ignore>(columns("ignore")),
    field<&DataSpec::table, &TableSpec::categories>(columns("categories")),
    field<&DataSpec::table, &TableSpec::missing>({"missing"}),
    field<&DataSpec::standardise>({"standardise"}),
    field<&DataSpec::skip_damaged>({"skip_damaged"}),
    field_by<TableCodec, &DataSpec::synthetic>({"synthetic"}),
};

}  // namespace

DataSpec read_data(const Json& json, KeyProblems& problems) {
  DataSpec spec;
  const auto* table = json.as<Json::Table>();
  if (const auto* name = json.as<std::string>())
    spec.source = *name;
  else if (!table)
    return problems.push_back({"data", "trainer.data must be a name or a table"}), spec;
  const std::size_t before = problems.size();
  for (std::size_t i = 0; table && i < table->size(); ++i) {
    const auto& [key, value] = (*table)[i];
    read_key(kData, "data", key, value, spec, problems);
    if (const auto* inner = value.as<Json::Table>(); inner && key == "synthetic")
      for (const Json::Field& each : *inner)
        read_key(kSynthetic, "data.synthetic", each.name, each.value, spec.synthetic, problems);
  }
  if (spec.source.empty() && problems.size() == before)
    problems.push_back({"data", "trainer.data needs a source, such as \"digits\""});
  return spec;
}

Result<DataSpec> data_of(const TrainerSpec& spec) {
  KeyProblems problems;
  DataSpec data = read_data(spec.data, problems);
  if (!problems.empty()) return invalid(problems.front().message);
  if (spec.image_size > 0) data.resize = {{spec.image_size, spec.image_size}};
  data.seed = static_cast<std::uint64_t>(spec.data_seed);
  // Who minimises a squared error predicts values, whatever they look like.
  if (spec.loss == LossKind::kMse && data.task == data::Task::kAuto)
    data.task = data::Task::kRegression;
  return data;
}

}  // namespace train
}  // namespace clavier
