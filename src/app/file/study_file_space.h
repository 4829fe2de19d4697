#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/file/study_file_document.h"
#include "app/file/study_file_problems.h"
#include "study/space.h"

namespace clavier::app {

/// A search space as read, with the way back to the file for whatever `validate` objects to.
struct ReadSpace {
  Space space;
  std::vector<Place> parameters;   ///< Per parameter, where its definition stands.
  std::vector<Place> constraints;  ///< Per constraint.
  std::vector<Place> points;       ///< Per point.
};

/// The table [space]. Parameters are put behind those they depend on, else they stay in the order
/// of the file. Shape and types are checked here; ranges and names by `check_space`.
void read_parameters(const TomlNode& table, ReadSpace& out, Problems& problems);
/// `constraints` and `points` of [search].
void read_constraints(const TomlNode& node, ReadSpace& out, Problems& problems);
void read_points(const TomlNode& node, ReadSpace& out, Problems& problems);
/// Calls `validate` and finds the place of what is wrong.
void check_space(const ReadSpace& read, Problems& problems);

/// One parameter's definition as TOML: `{ loguniform = [1e-05, 0.1] }`, or a constant's value.
/// Empty for a C++ function, which no file can hold.
std::string write_domain(const Parameter& parameter);
/// The distribution that a text begins with as a call, in our words: "loguniform" of
/// "loguniform(1e-5, 1)" and of "tune.loguniform [1e-5"; empty if it is none.
std::string distribution_in(std::string_view text);
/// A constant that looks like a distribution or a range; to be written `{ constant = … }`.
bool reads_as_domain(const Value& value);
/// The names of all primitives, in the order of the manual.
std::vector<std::string> primitive_names();

}  // namespace clavier::app
