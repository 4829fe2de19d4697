#pragma once

#include <cstdint>
#include <cstring>

/// One body, compiled for several instruction sets, chosen once per process. The body is a template
/// over the vector's size in bytes that the compiler must inline.

#if defined(__x86_64__)
#define CLAVIER_TARGET_512 \
  __attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,fma,prefer-vector-width=512")))
#define CLAVIER_TARGET_256 __attribute__((target("avx2,fma")))
#endif

#define CLAVIER_INLINE inline __attribute__((always_inline))

namespace clavier::train::kernels {

enum class Vectors { k128, k256, k512 };

/// What this processor has.
Vectors vectors();

template <typename T, int Bytes>
struct Vector {
  typedef T Type __attribute__((vector_size(Bytes)));
  static constexpr std::int64_t kLanes = Bytes / sizeof(T);
};

template <typename V, typename T>
CLAVIER_INLINE void load(V& to, const T* from) {
  std::memcpy(&to, from, sizeof(V));
}

}  // namespace clavier::train::kernels

/// Defines `void name(PARAMETERS)` that calls `body<BYTES>(ARGUMENTS)` for the machine at hand.
#if defined(__x86_64__)
#define CLAVIER_DISPATCH(name, body, parameters, arguments)                    \
  CLAVIER_TARGET_512 static void name##_512 parameters { body<64> arguments; } \
  CLAVIER_TARGET_256 static void name##_256 parameters { body<32> arguments; } \
  static void name##_128 parameters { body<16> arguments; }                    \
  void name parameters {                                                       \
    switch (vectors()) {                                                       \
      case Vectors::k512: return name##_512 arguments;                         \
      case Vectors::k256: return name##_256 arguments;                         \
      case Vectors::k128: return name##_128 arguments;                         \
    }                                                                          \
  }
#else
#define CLAVIER_DISPATCH(name, body, parameters, arguments) \
  void name parameters { body<16> arguments; }
#endif
