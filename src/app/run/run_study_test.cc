#include "app/run/run_study.h"
#include "app/run/this_node.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace clavier::app {
namespace {

TEST(ThisNode, NamesTheLibrariesThatAResultMayDependOn) {
  const StudySpec spec;
  const auto node = this_node(spec);
  ASSERT_TRUE(node.ok()) << node.error().message;
  EXPECT_TRUE(std::ranges::is_sorted(node->facts));
  for (const char* name : {"kernel", "libc", "sqlite"}) {
    const auto fact = std::ranges::find(node->facts, name, [](auto& each) { return each.first; });
    ASSERT_NE(fact, node->facts.end()) << name;
    EXPECT_FALSE(fact->second.empty()) << name;
  }
}

TEST(ThisNode, HasNoRoomForATrialOfMoreSlotsThanWhereDeclaredOnesTookAll) {
  StudySpec spec;
  const auto all = this_node(spec);
  ASSERT_TRUE(all.ok()) << all.error().message;
  spec.cluster.slots = {{.cpus = all->cpus}};
  spec.cluster.discover = true;
  ASSERT_TRUE(this_node(spec).ok());
  ASSERT_EQ(this_node(spec)->slots.size(), 1u);
  spec.trial.gang.number = 2;
  const auto refused = this_node(spec);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("none has more than 1"), std::string::npos)
      << refused.error().message;
}

}  // namespace
}  // namespace clavier::app
