#pragma once

#include <fmt/format.h>

#include <span>
#include <string>
#include <string_view>

#include "app/file/study_file_document.h"
#include "app/registry/study_spec.h"
#include "base/fields.h"

/// The fixed keys of a study file: reading, checking, writing back and the manual all come from
/// these tables.
namespace clavier::app {

/// The keys of the table that becomes a value of this type, in the order in which they are shown.
/// [study] is the specification's own.
std::span<const Field<StudySpec>> fields_of(const StudySpec&);
std::span<const Field<WorkerSpec>> fields_of(const WorkerSpec&);
std::span<const Field<TrialSpec>> fields_of(const TrialSpec&);
std::span<const Field<TrialStop>> fields_of(const TrialStop&);
std::span<const Field<Patience>> fields_of(const Patience&);
std::span<const Field<Threshold>> fields_of(const Threshold&);
std::span<const Field<Wilcoxon>> fields_of(const Wilcoxon&);
std::span<const Field<StudyStop>> fields_of(const StudyStop&);
std::span<const Field<Plateau>> fields_of(const Plateau&);
std::span<const Field<FusionSpec>> fields_of(const FusionSpec&);
std::span<const Field<CheckpointSpec>> fields_of(const CheckpointSpec&);
std::span<const Field<ReportSpec>> fields_of(const ReportSpec&);
std::span<const Field<ClusterSpec>> fields_of(const ClusterSpec&);
std::span<const Field<SlotSpec>> fields_of(const SlotSpec&);
std::span<const Field<SimulateSpec>> fields_of(const SimulateSpec&);
std::span<const Field<SimulateEvent>> fields_of(const SimulateEvent&);

/// What is wrong with the value of a key, without the place. `name`: the key's whole name.
std::string wrong_value(std::string_view name, const Misfit& wrong);

/// Sets the field's member from `node`; `table`: the dotted name of the table, for the message,
/// which says what is expected, without the place.
template <typename Spec>
Status read_field(std::string_view table, const Field<Spec>& field, const TomlNode& node,
                  Spec& spec) {
  // No key takes a date.
  const Json json = node.kind == TomlNode::Kind::kDate ? Json() : json_of(node);
  const Fit wrong = field.read(field, json, spec);
  if (!wrong) return {};
  return invalid(wrong_value(fmt::format("{}.{}", table, field.key), *wrong));
}

/// A value that a field has written, in TOML; empty for null.
std::string field_text(const Json& value);

}  // namespace clavier::app
