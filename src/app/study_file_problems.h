#pragma once

#include <string>
#include <utility>
#include <vector>

#include "app/study_file_source.h"

namespace clavier::app {

/// Everything wrong with one study file, so that the user sees it all at once.
class Problems {
 public:
  /// `source` must outlive this object.
  explicit Problems(const StudySource& source) : source_(source) {}

  void add(Place place, std::string message);
  bool empty() const { return found_.empty(); }
  /// One line per problem in the order of the file; at most kMostShown of them.
  Status status() const;

  static constexpr std::size_t kMostShown = 20;

 private:
  const StudySource& source_;
  std::vector<std::pair<Place, std::string>> found_;
};

}  // namespace clavier::app
