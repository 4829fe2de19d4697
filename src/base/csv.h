#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace clavier {

struct CsvField {
  std::string text = {};
  std::size_t byte = 0;  ///< Where it begins in the file.
};

/// Reads separated values row by row: fields quoted as in RFC 4180, any line end, a byte order mark
/// skipped, empty lines passed over.
class CsvReader {
 public:
  /// `text` must outlive it; `origin` names it in messages. Of `separators` that one counts which
  /// the first line has most of outside quotes; ties go to the first.
  CsvReader(std::string_view text, std::string_view origin, std::string_view separators = ",");

  char separator() const { return separator_; }

  /// Fills `row` (reusing its memory); false at the end. Fails at a quote that is not closed, at
  /// text behind a closing one and at more than a million columns.
  Result<bool> next(std::vector<CsvField>& row);

  /// "ORIGIN: line N: WHAT", of the row read last.
  Error error(std::string_view what) const;
  /// "ORIGIN: line N, byte B: WHAT".
  Error error(std::size_t byte, std::string_view what) const;
  std::size_t line() const { return row_line_; }

 private:
  Status field(CsvField& out);
  Status quoted(CsvField& out);
  void end_line();
  /// Nothing of the field is left to come.
  bool at_end() const;

  std::string_view text_;
  std::string origin_;
  char separator_ = ',';
  std::size_t place_ = 0;
  std::size_t line_ = 1;
  std::size_t row_line_ = 1;
};

/// Appends a field as Python's csv module writes it: quoted only where it must be.
void append_csv(std::string& out, std::string_view field);

}  // namespace clavier
