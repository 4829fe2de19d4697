#include "study/fusion.h"

#include <gtest/gtest.h>

namespace clavier {
namespace {

TEST(Fusion, ThoseAreAlikeThatAgreeInWhatIsSharedAndGoOnFromTheSameStep) {
  const Fusion fusion{.members = 4, .shared = {"batch_size", "kind"}};
  Config one;
  one.set("batch_size", 32);
  one.set("lr", 0.1);
  Config other = one;
  other.set("lr", 0.2);
  EXPECT_EQ(fusion.alike(one, 3, 1), fusion.alike(other, 3, 1));
  EXPECT_NE(fusion.alike(one, 3, 1), fusion.alike(other, 4, 1));
  EXPECT_NE(fusion.alike(one, 3, 1), fusion.alike(other, 3, 0.5));
  other.set("batch_size", 64);
  EXPECT_NE(fusion.alike(one, 3, 1), fusion.alike(other, 3, 1));
  other = one;
  other.set("kind", "-");
  EXPECT_NE(fusion.alike(one, 3, 1), fusion.alike(other, 3, 1)) << "only one has the parameter";
}

TEST(Fusion, AnArrayOfOneIsNone) {
  EXPECT_FALSE(Fusion{}.on());
  EXPECT_TRUE((Fusion{.members = 2}).on());
}

}  // namespace
}  // namespace clavier
