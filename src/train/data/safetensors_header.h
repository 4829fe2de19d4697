#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace clavier::train::data {

/// What the header of a safetensors file says about one tensor, not yet compared with the file.
struct HeaderEntry {
  std::string name;
  std::string dtype;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

struct Header {
  std::vector<HeaderEntry> entries;  ///< In the order of the text.
  std::map<std::string, std::string> metadata;
};

/// `offset` is the place of `json` in the file, for errors. Trailing spaces are allowed.
Result<Header> parse_header(std::string_view json, std::string_view origin, std::uint64_t offset);

}  // namespace clavier::train::data
