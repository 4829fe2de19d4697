#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "store/step_log.h"
#include "study/step.h"

namespace clavier::store {

/// A step as it stands in the table (docs/log.md). Empty texts stand for NULL.
struct Row {
  std::int64_t id = 0;
  std::int64_t time_us = 0;
  std::string_view kind = {};
  std::optional<std::int64_t> trial = {};
  std::optional<std::int64_t> launch = {};
  std::optional<std::int64_t> iteration = {};
  std::optional<double> value = {};
  std::optional<double> seconds = {};
  std::string_view metrics = {};
  std::string_view decisions = {};
  std::string_view body = {};
};

/// Turns steps into rows. A plain report needs no JSON but for its further metrics.
class RowWriter {
 public:
  /// `metric` is the name of the objective, which has its own column.
  explicit RowWriter(std::string metric) : metric_(std::move(metric)) {}

  /// Valid until the next call and as long as `step`.
  const Row& write(const Step& step);

 private:
  void write_report(const Report& report);
  void write_metrics(const Report& report, std::size_t place);
  void write_decisions(const Turn& turn);
  /// Adds the fields of a JSON table to the body; nothing for an empty text or table.
  void add_to_body(std::string_view table);

  std::string metric_;
  Row row_;
  std::string metrics_, decisions_, body_;
};

/// The step that a row holds. Fails with kInvalid for anything else, saying what is wrong.
Result<Step> read_row(const Row& row, std::string_view metric, Metrics metrics);

}  // namespace clavier::store
