#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "cluster/packing_model.h"
#include "study/node.h"
#include "study/time.h"

namespace clavier::cluster {

/// How many trials share a GPU: part of the fold of the log, so that a resumed study goes on as the
/// uninterrupted one and every decision can be computed again.
///
/// Slots of a node that hold the same whole devices are *places* of one device, of which only some
/// are open at a time. One more is opened on a device as soon as one of its trials was measured
/// among as many as there are, so that it can be compared; and it stays open if the device then
/// does more in total (`PackingModel`). Devices that are alike learn together: one of them tries,
/// the others follow. Nothing is tried beyond what ran out of memory.
///
/// A measurement counts where the same number of trials shared the device from one report to the
/// next, none of them still starting: a worker that imports its libraries is no load.
class Packing {
 public:
  /// A node is there, with whatever slots it has now.
  void join(const Node& node);
  /// For slots that are no places, and launches that did not begin on one, these do nothing.
  /// REQUIRES of a launch on a place that it has no other slot.
  void begin(LaunchId launch, SlotId slot, StudyTime time);
  void report(LaunchId launch, double steps, double seconds, StudyTime time);
  /// What runs there goes on with other weights, perhaps as another configuration.
  void exploit(LaunchId launch);
  void end(LaunchId launch, StudyTime time);
  void out_of_memory(LaunchId launch);

  /// Nothing is packed.
  bool empty() const { return devices_.empty(); }
  bool same_device(SlotId a, SlotId b) const;
  /// Launches on the slot's device just now; 0 for what is no place.
  int company(SlotId slot) const;
  /// Speed of a trial among `company` on the slot's device, relative to one alone.
  double part(SlotId slot, int company) const;

  struct Device {
    NodeId node;
    std::vector<int> gpu_ids = {};
    std::vector<SlotId> places = {};  ///< In order of id.
    int open = 1;                     ///< So many may be busy.
    int busy = 0;
  };
  /// In order of their nodes' joining; of each node in order of its slots.
  std::size_t size() const { return devices_.size(); }
  const Device& device(std::size_t index) const { return devices_[index].device; }
  /// A device that does more with fewer trials than it has.
  struct Crowd {
    std::vector<LaunchId> busy;  ///< The one that began last first.
    std::size_t open = 1;        ///< So many should stay.
    SlotId place;                ///< One of the device's.
  };
  std::vector<Crowd> crowds() const;
  /// Why the device of this place has no more open places than it has; empty if all are.
  std::string why_closed(SlotId slot) const;

 private:
  /// One launch on its place.
  struct Run {
    StudyTime last{};      ///< Of its last report, or its beginning.
    double busy_then = 0;  ///< `Shared::busy_time` then.
    double starting_then = 0;
    bool started = false;  ///< It has reported.
    bool fresh = true;     ///< Its next report holds more than steps.
    PackingModel::Times times = {};
  };
  struct Shared {
    Device device;
    std::string kind;                   ///< Devices of one kind learn together.
    std::map<LaunchId, Run> runs = {};  ///< In order of their beginning, as ids are.
    StudyTime seen{};                   ///< The integrals reach to here.
    double busy_time = 0;               ///< Seconds × launches on it.
    double starting_time = 0;           ///< Seconds in which one of them had not yet reported.
  };

  const Shared* shared(SlotId slot) const;
  Shared* shared(LaunchId launch);
  void advance(Shared& shared, StudyTime time);
  void measure(Shared& shared, Run& run, double log_seconds, StudyTime time);
  bool comparable(const Shared& shared, int level) const;
  void settle();

  std::vector<Shared> devices_;
  std::map<SlotId, std::size_t> device_of_;
  std::map<LaunchId, SlotId> place_of_;
  std::map<std::string, PackingModel> models_;  ///< By kind.
};

/// Places for so many trials on the slot's devices: its cores, memory and custom resources are
/// shared out, its devices are not. Their ids are still those of the slot.
std::vector<Slot> places_of(const Slot& slot, int places);

}  // namespace clavier::cluster
