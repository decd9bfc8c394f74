// What the kernels ask of the GPU. emulation.h of the tests says the same for a CPU.
//
// Words in flight between blocks are stored and loaded with `relaxed` order at the scope of the
// GPU: exchange.cu says why no fence is needed.

typedef unsigned int Word;
typedef unsigned long long Bits;

#ifndef SDAE_EMULATION
#define DEVICE __device__ __forceinline__
#define UNROLL _Pragma("unroll")
#define UNROLL_CLASSES _Pragma("unroll (CLASSES_AT_ONCE)")
#define SHARED_MEMORY(name) extern __shared__ __align__(16) float name[]

DEVICE uint4 load_words(const Word* from) {
  uint4 v;
  asm volatile("ld.relaxed.gpu.global.v4.u32 {%0,%1,%2,%3},[%4];"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "l"(from) : "memory");
  return v;
}
DEVICE void store_words(Word* to, uint4 v) {
  asm volatile("st.relaxed.gpu.global.v4.u32 [%0],{%1,%2,%3,%4};"
               :: "l"(to), "r"(v.x), "r"(v.y), "r"(v.z), "r"(v.w) : "memory");
}
DEVICE Word load_word(const Word* from) {
  Word v;
  asm volatile("ld.relaxed.gpu.global.u32 %0,[%1];" : "=r"(v) : "l"(from) : "memory");
  return v;
}
DEVICE void store_word(Word* to, Word v) {
  asm volatile("st.relaxed.gpu.global.u32 [%0],%1;" :: "l"(to), "r"(v) : "memory");
}
DEVICE void block_barrier() { __syncthreads(); }
DEVICE void warp_barrier() { __syncwarp(); }
DEVICE void memory_fence() { __threadfence(); }
DEVICE float from_lane(float v, int mask) { return __shfl_xor_sync(0xffffffffu, v, mask); }
DEVICE long long clock_now() { return clock64(); }
DEVICE void between_looks() {}
#endif

#define THREADS SDAE_THREADS
#define BLOCKS SDAE_BLOCKS
#define WARPS (THREADS / 32)

DEVICE Word word_of(float v) { return __float_as_uint(v); }
DEVICE float float_of(Word w) { return __uint_as_float(w); }

// Which of the threads this is.
struct Place {
  int thread, lane, warp, block;
};
DEVICE Place this_place() {
  const int thread = (int)threadIdx.x;
  return {thread, thread & 31, thread >> 5, (int)blockIdx.x};
}

DEVICE constexpr int ceil_of(int n, int part) { return (n + part - 1) / part; }
DEVICE constexpr int padded(int n) { return ceil_of(n, 4) * 4; }
DEVICE constexpr int larger(int a, int b) { return a > b ? a : b; }
// The smallest power of two that is not below n, at most 32.
DEVICE constexpr int power_of_two(int n) {
  int p = 1;
  while (p < n && p < 32) p *= 2;
  return p;
}

DEVICE float4 zeros() { return make_float4(0.f, 0.f, 0.f, 0.f); }
// sum + a · b
DEVICE float dot(float4 a, float4 b, float sum) {
  return fmaf(a.w, b.w, fmaf(a.z, b.z, fmaf(a.y, b.y, fmaf(a.x, b.x, sum))));
}
// v + factor · w
DEVICE float4 plus(float4 v, float factor, float4 w) {
  return make_float4(fmaf(factor, w.x, v.x), fmaf(factor, w.y, v.y), fmaf(factor, w.z, v.z),
                     fmaf(factor, w.w, v.w));
}
constexpr Word MINUS_INFINITY = 0xff800000u;
// False for NaN and infinity.
DEVICE bool is_finite(float v) { return (word_of(v) & 0x7f800000u) != 0x7f800000u; }
DEVICE bool are_finite(float4 v) {
  return is_finite(v.x) && is_finite(v.y) && is_finite(v.z) && is_finite(v.w);
}
