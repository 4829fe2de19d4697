#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/fields.h"
#include "base/nearest.h"
#include "train/spec/trainer_spec.h"

/// How the tables of [trainer] are read: what they have in common.
namespace clavier::train {

/// Large enough for everything that is counted.
inline constexpr double kMany = static_cast<double>(std::int64_t{1} << 40);

/// Whole numbers that a file or a trial's configuration gives as reals become whole.
Json exact(const Json& value);

/// "trainer.lr must be > 0, but is -1". `name`: the key's whole name.
std::string must_be(std::string_view name, const Misfit& wrong);

/// `value` into the member that `key` stands for, or into `problems` why not; `table`: the dotted
/// name of the table below [trainer], empty for itself.
template <typename Spec, typename Fields>
void read_key(const Fields& fields, std::string_view table, std::string_view key, const Json& value,
              Spec& spec, KeyProblems& problems) {
  const std::string path = table.empty() ? std::string(key) : fmt::format("{}.{}", table, key);
  const std::string name = table.empty() ? "trainer" : fmt::format("trainer.{}", table);
  const auto* field = find_field(fields, key);
  if (!field)
    return problems.push_back(
        {path, fmt::format("{} has no key '{}'{}", name, key, suggestion(key, keys_of(fields)))});
  const Json number = exact(value);
  if (const Fit wrong = field->read(*field, number, spec))
    problems.push_back({path, must_be("trainer." + path, *wrong)});
}

/// One plain key of the [trainer] table.
struct Key : Field<TrainerSpec> {
  bool fusible = false;  ///< Members of one array may differ in it.
};

/// In the order of the documentation.
const std::vector<Key>& keys();

}  // namespace clavier::train
