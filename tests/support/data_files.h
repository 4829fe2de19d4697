#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <span>
#include <string>

#include "tests/support/scratch_directory.h"
#include "train/data/bytes.h"

namespace clavier::train::data {

/// A folder of the running test, removed afterwards.
class TemporaryFolder : public ScratchDirectory {
 public:
  /// Writes a file, making its folders.
  std::filesystem::path write(std::string_view name, std::string_view content) const {
    auto file = path() / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << content;
    return file;
  }
};

inline std::string message(const auto& result) {
  return result.ok() ? std::string("no error") : result.error().message;
}

/// Gives `parse` the valid `file` with every byte replaced in several ways, and cut at every
/// length. Whatever it answers it must answer, without touching memory that is not its own
/// (sanitizers see that); each error must name the file. Every cut must be refused if `exact`.
template <typename Parse>
void mutate_everywhere(const std::string& file, bool exact, Parse parse) {
  ASSERT_TRUE(parse(as_bytes(file)).ok()) << message(parse(as_bytes(file)));
  auto check = [&](const std::string& changed) {
    auto result = parse(as_bytes(changed));
    if (!result.ok()) {
      EXPECT_NE(result.error().message.find("FILE"), std::string::npos) << message(result);
    }
    return result.ok();
  };
  for (std::size_t i = 0; i < file.size(); ++i) {
    for (int change : {0x01, 0x80, 0xff, -1, -2}) {
      std::string changed = file;
      changed[i] = change == -1   ? '\0'
                   : change == -2 ? '9'
                                  : static_cast<char>(file[i] ^ static_cast<char>(change));
      check(changed);
    }
    // Through a heap block of exactly that size, so that reading on is seen.
    bool accepted = check(std::string(file.data(), i));
    if (exact) {
      EXPECT_FALSE(accepted) << "cut to " << i << " bytes";
    }
  }
  if (exact) {
    EXPECT_FALSE(check(file + '\0')) << "one byte too many";
  }
}

}  // namespace clavier::train::data
