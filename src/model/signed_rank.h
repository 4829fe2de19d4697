#pragma once

#include <span>

namespace clavier::model {

/// Wilcoxon's signed-rank test: the chance that differences of pairs rank as high as these if each
/// were as likely to be positive as negative. Equal sizes share their ranks; zeros count half
/// ("zsplit"). Exact for at most kExact pairs, else by the normal distribution. 1 without pairs.
/// REQUIRES: all finite.
inline constexpr std::size_t kExact = 25;
double signed_rank_p(std::span<const double> differences);

}  // namespace clavier::model
