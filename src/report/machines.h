#pragma once

#include <map>
#include <string>

#include "study/state.h"
#include "study/step.h"

namespace clavier::report {

/// The hosts of a run as its steps tell of them, and how much of them is in use.
class Machines {
 public:
  void apply(const Step& step);

  struct Amount {
    double used = 0;
    double total = 0;
  };
  struct Use {
    Amount cpus;
    Amount gpus;
    std::int64_t memory_mb = 0;  ///< Of all nodes.
    std::size_t nodes = 0;
  };
  /// By running trials, of the nodes that are here.
  Use use(const State& state) const;
  /// Empty if unknown.
  std::string host(SlotId slot) const;

 private:
  struct Place {
    NodeId node;
    Resources resources;
  };
  std::map<NodeId, Node> nodes_;
  std::map<SlotId, Place> slots_;
  std::map<LaunchId, std::vector<SlotId>> further_;  ///< Of launches over several slots.
};

}  // namespace clavier::report
