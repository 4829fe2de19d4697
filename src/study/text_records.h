#pragma once

#include <span>
#include <string>
#include <vector>

#include "study/config.h"
#include "study/node.h"
#include "study/report.h"
#include "study/text_fields.h"

/// The parts of records that several `text*.cc` share. Private to them.
namespace clavier::text {

/// Dotted names stay as they are, so that the order of the entries survives.
void append_flat(std::string& out, const Config& config);
void append(std::string& out, std::span<const Metric> metrics);
void append(std::string& out, const Checkpoint& checkpoint);
void append(std::string& out, const Node& node);

Value read_value(const Place& place);
Config read_config(const Place& place);
std::vector<Metric> read_metrics(const Place& place);
Checkpoint read_checkpoint(const Place& place);
Node read_node(const Place& place);

}  // namespace clavier::text
