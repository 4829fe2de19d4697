#include "store/file_system.h"

#include <sys/vfs.h>

#include <algorithm>

namespace clavier::store {

bool is_network_type(unsigned long type) {
  // As named in statfs(2) and linux/magic.h; FUSE may be local (ntfs) but mostly is sshfs or an
  // object store.
  static constexpr unsigned long kTypes[] = {
      0x6969,      // NFS
      0x517B,      // SMB
      0xFF534D42,  // CIFS
      0xFE534D42,  // SMB2
      0x564C,      // NCP
      0x5346414F,  // AFS
      0x6B414653,  // kAFS
      0x00C36400,  // Ceph
      0x01021997,  // 9P
      0x01161970,  // GFS2
      0x0BD00BD0,  // Lustre
      0x19830326,  // BeeGFS
      0x47504653,  // GPFS
      0x65735546,  // FUSE
      0x7461636F,  // OCFS2
      0x73757245,  // Coda
      0x786F4256,  // VirtualBox shared folders
      0xAAD7AAEA,  // PanFS
  };
  return std::ranges::find(kTypes, type) != std::end(kTypes);
}

bool is_network_file_system(const std::filesystem::path& directory) {
  struct statfs info {};
  if (::statfs(directory.empty() ? "." : directory.c_str(), &info) != 0) return false;
  return is_network_type(static_cast<unsigned long>(info.f_type) & 0xFFFFFFFFUL);
}

}  // namespace clavier::store
