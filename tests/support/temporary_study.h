#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>
#include <system_error>

#include "base/check.h"

namespace clavier::exec {

/// A study folder for one test, removed with everything in it at the end.
class TemporaryStudy {
 public:
  TemporaryStudy() {
    std::string pattern = (std::filesystem::temp_directory_path() / "clavier-test-XXXXXX").string();
    CHECK(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~TemporaryStudy() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryStudy(const TemporaryStudy&) = delete;
  TemporaryStudy& operator=(const TemporaryStudy&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace clavier::exec
