#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "study/node.h"

namespace clavier::cluster {

/// What this process may use of the machine it runs on.
struct Machine {
  Node node;                 ///< Without slots.
  std::vector<int> cpu_ids;  ///< Cores to pin to, neighbours adjacent; empty where a control
                             ///< group shares out time instead of cores.
  std::vector<int> gpu_ids;  ///< Devices this process may use, as NVML numbers them.
};

struct DiscoveryOptions {
  std::string root = {};  ///< Stands for "/" in tests.
  std::string nvml = "libnvidia-ml.so.1";
  std::optional<std::string> visible_devices = {};  ///< CUDA_VISIBLE_DEVICES; none: all.
};
/// With this process's own CUDA_VISIBLE_DEVICES.
DiscoveryOptions discovery_options();

/// Cores by affinity and control group, memory by control group, GPUs by NVML, and facts for the
/// record. Never fails: what cannot be read is missing.
Machine discover_node(const DiscoveryOptions& options);

/// Cuts the machine into equal slots, at most `workers` (0: as many as it carries) and never more
/// than it carries, nor `max_per_gpu` (0: no limit) on one device. Whole cores are pinned and
/// disjoint; fractions of a GPU share a device, which are dealt out in turn. Fails, saying what is
/// short, if not even one fits.
Result<std::vector<Slot>> make_slots(const Machine& machine, const Resources& trial, int workers,
                                     int max_per_gpu = 0);

/// Cuts slots of any shapes out of a machine, one after the other, as `make_slots` does equal ones.
/// What a slot has besides cores, memory and GPUs is taken on trust.
class SlotCutter {
 public:
  explicit SlotCutter(Machine machine, int max_per_gpu = 0);

  /// Fails, saying what is short. Ids count from 0.
  Result<Slot> cut(const Resources& wanted);
  /// Cores and devices that no slot has.
  Machine rest() const;

 private:
  struct Device {
    int id = 0;
    double used = 0;
    int slots = 0;
  };
  bool cut_gpus(double wanted, Slot& slot);

  Machine machine_;
  int max_per_gpu_;
  double cpus_used_ = 0;
  std::size_t cores_used_ = 0;  ///< Of `Machine::cpu_ids`.
  std::int64_t memory_used_ = 0;
  std::vector<Device> devices_;
  std::int64_t slots_ = 0;
};

}  // namespace clavier::cluster
