// A GPU on the CPU, for the sources of the kernels as they are: what device.cu asks of a GPU.
//
// Every CUDA thread is a fiber, and all blocks are alive; emulation.cpp lets them take turns.

#include <math.h>
#include <stdint.h>
#include <string.h>

#include <utility>

#define DEVICE inline
#define UNROLL
#define UNROLL_CLASSES
#define __global__
#define __launch_bounds__(...)
#define SHARED_MEMORY(name) float* const name = emulation::shared_memory()
#define threadIdx (emulation::thread_index())
#define blockIdx (emulation::block_index())

struct uint4 {
  uint32_t x, y, z, w;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
static inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
static inline uint32_t __float_as_uint(float v) {
  uint32_t w;
  memcpy(&w, &v, 4);
  return w;
}
static inline float __uint_as_float(uint32_t w) {
  float v;
  memcpy(&v, &w, 4);
  return v;
}
static inline void memory_fence() {}
#define __expf expf
#define __logf logf
static inline float __fdividef(float a, float b) { return a / b; }
template <class T> static inline T __ldg(const T* p) { return *p; }

namespace emulation {
struct Index {
  int x;
};
Index thread_index();
Index block_index();
float* shared_memory();
}  // namespace emulation

uint4 load_words(const uint32_t* from);
uint32_t load_word(const uint32_t* from);
void store_words(uint32_t* to, uint4 v);
void store_word(uint32_t* to, uint32_t v);
void block_barrier();
void warp_barrier();
float from_lane(float v, int mask);
long long clock_now();
void between_looks();

// Calls a kernel with arguments that are given by their addresses, as at a launch.
template <class... A, size_t... I>
static void call(void (*kernel)(A...), void** arguments, std::index_sequence<I...>) {
  kernel(*(A*)arguments[I]...);
}
template <class... A> static void call(void (*kernel)(A...), void** arguments) {
  call(kernel, arguments, std::index_sequence_for<A...>());
}
#define EMULATED(kernel) \
  extern "C" void emulated_kernel(void** arguments) { call(kernel, arguments); }
