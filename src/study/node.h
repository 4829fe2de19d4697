#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "study/ids.h"
#include "study/report.h"

namespace clavier {

/// What a trial asks for. GPUs may be a fraction of one device.
struct Resources {
  double cpus = 1;
  double gpus = 0;
  std::int64_t memory_mb = 0;                 ///< 0: no limit set.
  std::map<std::string, double> custom = {};  ///< Whatever else a node has so much of, by name.
  friend bool operator==(const Resources&, const Resources&) = default;
};

/// A fixed share of a node that runs one launch at a time.
struct Slot {
  SlotId id;
  NodeId node;
  std::vector<int> cpu_ids = {};  ///< Cores to pin to; empty: not pinned.
  std::vector<int> gpu_ids = {};  ///< Devices that the slot may see.
  Resources resources = {};
  double speed = 1;  ///< Declared relative speed, emulated where `emulated`.
  bool emulated = false;
  double price_per_hour = 0;  ///< In the study's currency.
  friend bool operator==(const Slot&, const Slot&) = default;
};

/// One machine as its executor describes it when it joins.
struct Node {
  NodeId id;
  std::string host;
  int cpus = 0;
  std::int64_t memory_mb = 0;
  std::vector<std::string> gpus = {};  ///< Product names, by device index.
  /// Facts for the record: processor, driver and library versions, in order of name.
  std::vector<std::pair<std::string, std::string>> facts = {};
  std::vector<Slot> slots = {};
  friend bool operator==(const Node&, const Node&) = default;
};

}  // namespace clavier
