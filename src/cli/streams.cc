#include "cli/streams.h"

#include <ostream>

namespace clavier::cli {

int fail(Streams& streams, const Error& error) {
  streams.out.flush();
  streams.err << "clavier: " << error.message << '\n';
  return kFailure;
}

void print(Streams& streams, const report::Table& table) {
  for (const std::string& line : table.lines(streams.width, streams.colour))
    streams.out << line << '\n';
}

}  // namespace clavier::cli
