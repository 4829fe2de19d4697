#include "train/data/gzip.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>

namespace clavier::train::data {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 30;  ///< zlib counts in 32 bits.
constexpr std::size_t kGrowth = 1 << 20;
constexpr int kGzipOnly = 16 + MAX_WBITS;

struct Stream {
  z_stream zlib{};
  bool ready = inflateInit2(&zlib, kGzipOnly) == Z_OK;
  Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() { inflateEnd(&zlib); }
};

}  // namespace

Result<Bytes> gunzip(std::span<const std::byte> file, std::string_view origin,
                     std::uint64_t limit) {
  Stream stream;
  if (!stream.ready) return unavailable(fmt::format("{}: no memory to unpack it", origin));
  z_stream& zlib = stream.zlib;
  Bytes out;
  std::size_t read = 0, written = 0;
  for (;;) {
    if (out.size() - written < kGrowth) out.resize(std::max(2 * out.size(), kGrowth));
    const std::size_t in_piece = std::min(kPiece, file.size() - read);
    const std::size_t out_piece = std::min(kPiece, out.size() - written);
    zlib.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(file.data() + read));
    zlib.avail_in = static_cast<uInt>(in_piece);
    zlib.next_out = reinterpret_cast<Bytef*>(out.data() + written);
    zlib.avail_out = static_cast<uInt>(out_piece);
    const int code = inflate(&zlib, Z_NO_FLUSH);
    read += in_piece - zlib.avail_in;
    written += out_piece - zlib.avail_out;
    if (written > limit)
      return invalid(
          fmt::format("{}: more than the {} bytes allowed when unpacked", origin, limit));
    if (code == Z_STREAM_END) {
      if (read == file.size() || file[read] != std::byte{0x1f}) break;
      inflateReset(&zlib);
    } else if (code != Z_OK) {
      return corrupt_at(origin, read,
                        read == file.size() ? "the file ends too early" : "damaged gzip file");
    }
  }
  out.resize(written);
  return out;
}

Result<Bytes> read_unpacked(const std::filesystem::path& path) {
  auto bytes = TRY(read_file(path));
  if (!as_text(bytes).starts_with("\x1f\x8b")) return bytes;
  return gunzip(bytes, path.string());
}

}  // namespace clavier::train::data
