#pragma once

#include <vector>

#include "cluster/durations.h"
#include "cluster/planner.h"

namespace clavier::cluster {

/// One question's picture of the cluster, on which wants take their slots: several of one machine,
/// or none. A value; `durations` must outlive it.
class Seating {
 public:
  Seating(const Demand& demand, const ClusterState& cluster, const Durations& durations);

  std::size_t free() const;
  /// Slots of the largest machine that is here, and of any that is known.
  std::size_t largest_here() const;
  std::size_t largest_known() const;

  /// The slots it takes now, the slowest first: those whose slowest is fastest, ties to the machine
  /// that has the fewest free. None if it does not fit.
  std::vector<SlotId> take(const Want& want);

  struct Kept {
    NodeId node;
    std::size_t free = 0;  ///< Of what is kept, now.
    double free_in = 0;    ///< All of it, in seconds.
  };
  /// Keeps those slots of one machine for it that will be free soonest. Others may take them if
  /// they will have left by then; nobody if `to_itself`.
  /// REQUIRES: want.slots <= largest_here().
  Kept keep(const Want& want, bool to_itself);

 private:
  struct Seat {
    SlotId slot;
    double speed = 1;
    double free_in = 0;  ///< Seconds from now, as predicted; 0: it is free.
    bool kept = false;
  };
  struct Table {
    NodeId node;
    std::vector<Seat> seats = {};  ///< Fastest first, then by id.
    std::size_t free = 0;          ///< Of them.
    std::size_t known = 0;         ///< Also those that are away.
  };

  std::vector<Seat*> usable(Table& table, const Want& want) const;
  static std::vector<Seat*> soonest(Table& table, std::size_t wanted);

  const Durations* durations_;
  std::vector<Table> tables_ = {};  ///< In order of node.
  double lent_for_ = -1;            ///< Seconds; what is kept may be used for so long.
};

}  // namespace clavier::cluster
