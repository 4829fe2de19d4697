#include "cli/streams.h"

#include <algorithm>
#include <ostream>
#include <string_view>

namespace clavier::cli {

int fail(Streams& streams, const Error& error) {
  streams.out.flush();
  for (std::string_view rest = error.message; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    streams.err << "clavier: " << rest.substr(0, end) << '\n';
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return kFailure;
}

void print(Streams& streams, const report::Table& table) {
  for (const std::string& line : table.lines(streams.width, streams.colour))
    streams.clean() << line << '\n';
}

}  // namespace clavier::cli
