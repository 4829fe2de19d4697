#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "study/report.h"

namespace clavier::report {

/// What stays the same in all lines of one launch of a trial.
struct ResultSource {
  std::string trial_name;
  std::string experiment_tag;
  std::string host;
  std::string config_json;  ///< One line, nested.
};

/// One report with all that Ray's loggers put beside it. Refers to what it was made from.
struct ResultLine {
  const std::vector<Metric>& metrics;
  const ResultSource& source;
  std::int64_t timestamp_s = 0;
  std::string_view date;             ///< Of `timestamp_s`, as `utc_stamp` writes it.
  std::string_view checkpoint_name;  ///< Empty: none.
  bool done = false;
  Steps iteration = 0;
  double seconds = 0;
  double total_seconds = 0;
  double seconds_since_restore = 0;
  std::int64_t iterations_since_restore = 0;
};

/// Appends the line of result.json, with its line feed. Metrics named like one of Ray's own
/// columns give way to it.
void append_result_json(std::string& out, const ResultLine& line);

/// The columns of one progress.csv: fixed by its first line, as pandas needs them; metrics that
/// turn up later are left out, missing ones leave their cell empty. The configuration is left out.
class ProgressColumns {
 public:
  static ProgressColumns of(const ResultLine& line);
  /// From the first line of an existing file. Fails where it is no CSV.
  static Result<ProgressColumns> parse(std::string_view header);

  void append_header(std::string& out) const;
  void append_row(std::string& out, const ResultLine& line) const;

 private:
  struct Column {
    std::string name;
    int own = -1;  ///< Which of Ray's columns; -1: a metric.
  };
  static Column column(std::string name);
  std::vector<Column> columns_;
};

}  // namespace clavier::report
