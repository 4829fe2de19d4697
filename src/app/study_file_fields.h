#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "app/study_file_document.h"
#include "app/study_spec.h"
#include "base/result.h"

namespace clavier::app {

/// A number of bytes, written "64MB".
struct Bytes {
  std::int64_t* at;
};
/// A number of steps or trials; absent when kForever.
struct Limit {
  std::int64_t* at;
};

/// Where a key's value lives; its type says what may be written.
using Slot =
    std::variant<GangSize*, std::vector<double>*, std::string*, bool*, std::int64_t*,
                 std::uint64_t*, int*, double*, Mode*, StudyDuration*, Bytes, Limit,
                 std::vector<std::string>*, std::optional<double>*, std::optional<std::int64_t>*,
                 std::optional<StudyDuration>*, std::optional<bool>*,
                 std::map<std::string, double>*, std::optional<std::map<std::string, double>>*>;

/// One key of a study file: reading, checking, writing back and the manual all come from it.
struct Field {
  std::string_view table;  ///< Dotted, as in its header.
  std::string_view key;
  /// For `worker`, `stop.plateau` and `simulate` only when the spec has them; of a list of tables
  /// it is the last one's.
  Slot (*slot)(StudySpec&);
  double low = -std::numeric_limits<double>::infinity();  ///< Of numbers, durations in seconds.
  double high = std::numeric_limits<double>::infinity();
  std::string_view help = {};  ///< A few words.
};

/// All fixed keys, tables together, in the order in which they are shown.
std::span<const Field> fields();

/// Sets the slot from `node`; the message says what is expected, without the place.
Status read_field(const Field& field, const TomlNode& node, StudySpec& spec);
/// The slot's value in TOML; empty if it is absent.
std::string write_field(const Field& field, const StudySpec& spec);

}  // namespace clavier::app
