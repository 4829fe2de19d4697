#pragma once

#include <string>

#include "study/config.h"

namespace clavier::exec {

/// `l1=4 lr=0.1`: equal for configurations that are the same (`same_config`), whatever their
/// order; names are sorted.
std::string config_text(const Config& config);
/// The text of a value by which tables and records are looked up: numbers in their shortest form,
/// whole ones without a point.
std::string value_text(const Value& value);

}  // namespace clavier::exec
