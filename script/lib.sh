# Shared by the scripts beside it: where things are, and how they talk. Sourced by bash.

set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${CLAVIER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/clavier}
export CLAVIER_DATA=${CLAVIER_DATA:-$cache}
export CCACHE_DIR=${CCACHE_DIR:-$cache/ccache}
# Another clone of the same sources finds what this one has compiled.
export CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1
started=$SECONDS
mkdir -p "$cache" "$CCACHE_DIR"

# The heading of a part, with the time since the script started.
bold= plain=
if [ -t 1 ]; then bold=$'\033[1m' plain=$'\033[0m'; fi
say() { printf '\n%s[%3ds] %s%s\n' "$bold" $((SECONDS - started)) "$*" "$plain"; }
note() { printf '        %s\n' "$*"; }
fail() { printf '\nerror: %s\n' "$*" >&2; exit 1; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else fail "need root (or sudo) for: $*"; fi
}

# Installs the Debian or Ubuntu packages of the list that are missing.
need_packages() {
  local missing=()
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} = 0 ] && { note "system packages: all there"; return; }
  command -v apt-get >/dev/null ||
    fail "these packages are missing, and there is no apt-get to install them: ${missing[*]}"
  note "installing system packages: ${missing[*]}"
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >"$cache/apt.log" 2>&1 ||
    { tail -n 20 "$cache/apt.log" >&2; fail "apt-get could not install them (whole log: $cache/apt.log)"; }
}

build_packages=(build-essential cmake ninja-build ccache git ca-certificates python3 python3-venv python3-pip
  libfmt-dev nlohmann-json3-dev libsqlite3-dev libtomlplusplus-dev libcli11-dev libboost-dev libeigen3-dev libnlopt-dev libpng-dev libjpeg-dev libwebp-dev libgif-dev libtiff-dev zlib1g-dev libgtest-dev librapidcheck-dev)

# Parallel compilers: as many as there are processors and 1.5 GB of memory for each.
jobs=$(python3 - 2>/dev/null <<'PY' || echo 2
import os
memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
print(max(1, min(len(os.sched_getaffinity(0)), int(memory / 1.5e9))))
PY
)

# build PRESET TARGET...: configures once, then builds what is out of date, with progress.
build() {
  local preset=$1; shift
  { [ -f "$root/build/$preset/build.ninja" ] && [ -f "$root/build/$preset/CMakeCache.txt" ]; } ||
    (cd "$root" && cmake --preset "$preset" -DLIBTORCH_ROOT="${LIBTORCH_ROOT:-}" ${CLAVIER_WERROR:+-DCLAVIER_WERROR=$CLAVIER_WERROR} >"$cache/configure.log" 2>&1) ||
    { tail -n 30 "$cache/configure.log" >&2; fail "cmake could not configure preset $preset"; }
  (cd "$root" && NINJA_STATUS='        [%f/%t %es] ' cmake --build --preset "$preset" -j "$jobs" --target "$@")
}
