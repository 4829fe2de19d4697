#include <ostream>

#include "app/study_check.h"
#include "cli/commands.h"
#include "cli/studies.h"

namespace clavier::cli {

int run_verify(const StudyChoice& options, Streams& streams) {
  const auto folder = folder_of(options);
  if (!folder) return fail(streams, folder.error());
  const auto verified = app::verify_study(folder->root);
  if (!verified) return fail(streams, verified.error());
  streams.out << *verified << '\n';
  return kSuccess;
}

}  // namespace clavier::cli
