// The turns of the fibers, and what they send each other.
//
// Blocks and warps take turns in a random order. Words for other blocks arrive late, one by one, and
// out of order, except that those to one address keep theirs: nothing else is promised by relaxed
// stores. Shared memory begins as NaN. Found are: lanes that do not take part in a shuffle, or in
// another one; words outside the memory of the exchange; writes past the end of shared memory; a
// kernel that does not end.

#include "emulation.h"

#include <sys/mman.h>

#include <algorithm>
#include <random>
#include <string>
#include <unordered_set>
#include <vector>

extern "C" void emulated_kernel(void** arguments);

namespace emulation {
struct Warp {
  float sent[2][32];
  int arrived = 0, mask = 0;
  uint32_t round = 0;
};
struct Block {
  std::vector<char> memory;
  std::vector<Warp> warps;
  int arrived = 0;
  uint32_t round = 0;
};
struct Fiber {
  void* stack;
  int thread, block;
  bool done;
};
struct Late {
  uint32_t* to;
  uint32_t value;
};
struct Region {
  char* first;
  size_t bytes;
};

static std::vector<Block> blocks;
static std::vector<Fiber> fibers;
static std::vector<Late> late;
static std::vector<Region> regions;
static Fiber* current;
static void* scheduler;
static int n_threads;
static long long ticks;
static std::string fault;
static void** arguments_of_launch;
static std::mt19937 random_order;

extern "C" void emulation_switch(void** from, void* to);
asm(R"(
.text
.globl emulation_switch
emulation_switch:
 pushq %rbp
 pushq %rbx
 pushq %r12
 pushq %r13
 pushq %r14
 pushq %r15
 movq %rsp, (%rdi)
 movq %rsi, %rsp
 popq %r15
 popq %r14
 popq %r13
 popq %r12
 popq %rbx
 popq %rbp
 ret
)");
static __attribute__((noinline)) void give_way() {
  Fiber* const mine = current;
  emulation_switch(&mine->stack, scheduler);
}
static void fail(const char* what) {
  if (fault.empty()) fault = what;
}
static void begin() {
  emulated_kernel(arguments_of_launch);
  current->done = true;
  for (;;) give_way();
}
static inline Block& own_block() { return blocks[(size_t)current->block]; }
static inline uint32_t* shared_of(Block& block) {
  return (uint32_t*)(((uintptr_t)block.memory.data() + 15) / 16 * 16);
}
float* shared_memory() { return (float*)shared_of(own_block()); }
static float exchange_in_warp(float v, int source, int mask) {
  Warp& warp = own_block().warps[(size_t)current->thread / 32];
  const uint32_t round = warp.round;
  if (warp.arrived == 0) warp.mask = mask;
  if (warp.mask != mask) fail("the lanes of a warp do not do the same");
  warp.sent[round & 1][current->thread & 31] = v;
  if (++warp.arrived == 32) {
    warp.arrived = 0;
    warp.round++;
  } else {
    while (warp.round == round) give_way();
  }
  return warp.sent[round & 1][source];
}
static inline void check(const void* at, size_t bytes, size_t alignment) {
  const char* first = (const char*)at;
  bool inside = false;
  for (const Region& r : regions) inside |= first >= r.first && first + bytes <= r.first + r.bytes;
  if (!inside || (uintptr_t)at % alignment != 0) {
    fail("a word is outside the memory of the exchange");
    while (true) give_way();
  }
}
static void deliver(bool all) {
  std::vector<Late> left;
  std::unordered_set<uint32_t*> waiting;
  for (const Late& word : late) {
    if (!all && (waiting.count(word.to) || random_order() % 2)) {
      waiting.insert(word.to);
      left.push_back(word);
    } else {
      *word.to = word.value;
    }
  }
  late.swap(left);
}
Index thread_index() { return {current->thread}; }
Index block_index() { return {current->block}; }
}  // namespace emulation

uint4 load_words(const uint32_t* from) {
  emulation::check(from, 16, 16);
  uint4 v;
  memcpy(&v, from, 16);
  return v;
}
uint32_t load_word(const uint32_t* from) {
  emulation::check(from, 4, 4);
  return *from;
}
void store_word(uint32_t* to, uint32_t v) {
  emulation::check(to, 4, 4);
  emulation::late.push_back({to, v});
}
void store_words(uint32_t* to, uint4 v) {
  emulation::check(to, 16, 16);
  const uint32_t words[4] = {v.x, v.y, v.z, v.w};
  for (int i = 0; i < 4; i++) emulation::late.push_back({to + i, words[i]});
}
void block_barrier() {
  emulation::Block& block = emulation::own_block();
  const uint32_t round = block.round;
  if (++block.arrived == emulation::n_threads) {
    block.arrived = 0;
    block.round++;
  } else {
    while (block.round == round) emulation::give_way();
  }
}
float from_lane(float v, int mask) {
  return emulation::exchange_in_warp(v, (emulation::current->thread & 31) ^ mask, mask);
}
void warp_barrier() { emulation::exchange_in_warp(0.f, 0, -1); }
long long clock_now() { return emulation::ticks += 1000; }
void between_looks() { emulation::give_way(); }

namespace emulation {
constexpr size_t STACK = 1 << 16, GUARD = 256;
constexpr uint32_t POISON = 0x7fc12345;
constexpr int MOST_SWEEPS = 100000;

// Lets the lanes of a warp run some turns; returns whether some of them have not ended.
static bool take_turns(size_t first) {
  bool alive = true;
  for (int turns = 1 + (int)(random_order() % 30); alive && turns > 0; turns--) {
    alive = false;
    for (size_t i = first; i < first + 32 && fault.empty(); i++) {
      if (fibers[i].done) continue;
      current = &fibers[i];
      emulation_switch(&scheduler, current->stack);
      alive |= !fibers[i].done;
    }
  }
  return alive;
}

// Runs until all fibers have ended; returns what went wrong, or nothing.
static std::string run(int n_blocks, int threads, size_t shared_bytes, uint32_t seed,
                       void** arguments) {
  const size_t n = (size_t)n_blocks * (size_t)threads;
  char* stacks = (char*)mmap(nullptr, n * STACK, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (stacks == (char*)MAP_FAILED) return "no memory for the stacks";
  arguments_of_launch = arguments, n_threads = threads, ticks = 0, fault.clear(), late.clear();
  random_order.seed(seed);
  blocks.assign((size_t)n_blocks, Block());
  fibers.assign(n, Fiber());
  for (Block& block : blocks) {
    block.memory.resize(shared_bytes + GUARD + 16);
    block.warps.resize((size_t)threads / 32);
    std::fill(shared_of(block), shared_of(block) + (shared_bytes + GUARD) / 4, POISON);
  }
  for (size_t i = 0; i < n; i++) {
    Fiber& fiber = fibers[i];
    fiber.thread = (int)(i % (size_t)threads), fiber.block = (int)(i / (size_t)threads);
    void** top = (void**)(stacks + (i + 1) * STACK);
    *--top = nullptr;
    *--top = (void*)begin;
    for (int r = 0; r < 6; r++) *--top = nullptr;
    fiber.stack = top;
  }
  std::vector<int> order((size_t)n_blocks);
  for (int b = 0; b < n_blocks; b++) order[(size_t)b] = b;
  const int n_warps = threads / 32;
  for (int sweep = 0; !order.empty() && fault.empty(); sweep++) {
    if (sweep == MOST_SWEEPS) fail("the kernel does not end");
    std::shuffle(order.begin(), order.end(), random_order);
    std::vector<int> alive;
    for (int b : order) {
      const int first = (int)(random_order() % (uint32_t)n_warps);
      bool any = random_order() % 4 == 0;  // it misses this turn
      for (int w = 0; w < (any ? 0 : n_warps); w++)
        any |= take_turns((size_t)(b * threads + (first + w) % n_warps * 32));
      if (any) alive.push_back(b);
      deliver(false);
    }
    order.swap(alive);
  }
  deliver(true);
  for (Block& block : blocks) {
    const uint32_t* past = shared_of(block) + shared_bytes / 4;
    if (std::any_of(past, past + GUARD / 4, [](uint32_t word) { return word != POISON; }))
      fail("something was written past the end of shared memory");
  }
  munmap(stacks, n * STACK);
  return fault;
}
}  // namespace emulation

// Does a launch; returns what went wrong, or an empty text. Words are sent within two regions.
extern "C" const char* emulate(int n_blocks, int n_threads, size_t shared_bytes, uint32_t seed,
                               void** arguments, void* exchange, size_t exchange_bytes,
                               void* status, size_t status_bytes) {
  static std::string said;
  emulation::regions = {{(char*)exchange, exchange_bytes}, {(char*)status, status_bytes}};
  said = emulation::run(n_blocks, n_threads, shared_bytes, seed, arguments);
  return said.c_str();
}
