#include "app/run_study.h"

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

}  // namespace
}  // namespace clavier::app
