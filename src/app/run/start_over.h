#pragma once

#include <string>

#include "app/file/study_folder.h"
#include "base/result.h"

namespace clavier::app {

/// What becomes of an earlier study of the same name.
enum class Earlier { kGoesOn, kIsKept, kIsDeleted };

/// Frees the folder's name: it is renamed to "digits.old-1", or the next number that is free, or
/// deleted if it is a study by its log; the new name, empty if there is none. Nothing happens where
/// no study has been begun. kConflict if it is running.
Result<std::string> start_over(const StudyFolder& folder, Earlier earlier);

/// kConflict if the study is running, kInvalid if its folder is a link.
Status may_go(const StudyFolder& folder);
/// With its lock: nobody begins to run it meanwhile. REQUIRES: `may_go`.
Status delete_study(const StudyFolder& folder);

}  // namespace clavier::app
