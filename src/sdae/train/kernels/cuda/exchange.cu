// Words that blocks send each other through the L2 cache.
//
// A word is a float32 whose lowest bit is its flag: word by word it says whether it has come, so no
// fence and no counter goes with it, and words may come in any order. The value is the float
// without that bit: every block uses the same value, its sender too, and it does not depend on the
// flag.
//
// An array of words has two slots. Step s uses slot s % 2 with the flag ((s / 2) % 2) ^ 1; slots
// are zero before a launch. A block writes words of step s + 2 into the slot of step s after it got
// words of step s + 1 from every block that reads them, and these sent theirs after all of their
// threads got those of step s, since a block barrier lies between. So a reader of step s finds the
// word of step s - 2 or that of step s, never a later one.
//
// Only parameters are both read and written: a block reads some that another writes at the end of
// the launch. So a fence comes after they are read, before the first word is sent, and another one
// before they are written, after the last word has come: no read sees what is written later.
//
// All blocks are resident (a cooperative launch), so each wait ends. Should a word not come all the
// same, the thread that waits longer than `patience` clock ticks writes where it waited into
// status[0], and from then on no thread waits: the kernel ends with wrong numbers, which the host
// throws away.

struct Watch {
  Word* status;
  long long patience;
  bool in_vain;
};
enum { WAITED_FOR_SHARES = 1, WAITED_FOR_SUMS, WAITED_FOR_UNITS, WAITED_FOR_SLOPES = 32 };

struct Turn {
  int slot;
  Word flag;
};
DEVICE Turn turn_of(int step) { return {step & 1, (Word)(((step >> 1) & 1) ^ 1)}; }

DEVICE float sent_value(float v) { return float_of(word_of(v) & ~1u); }
DEVICE Word flagged(float v, Word flag) { return (word_of(v) & ~1u) | flag; }
DEVICE uint4 flagged(float4 v, Word flag) {
  uint4 w;
  w.x = flagged(v.x, flag), w.y = flagged(v.y, flag), w.z = flagged(v.z, flag);
  w.w = flagged(v.w, flag);
  return w;
}
DEVICE float4 values_of(uint4 w) {
  return make_float4(float_of(w.x & ~1u), float_of(w.y & ~1u), float_of(w.z & ~1u),
                     float_of(w.w & ~1u));
}
// Whether the first n of four words have come.
DEVICE bool have_come(uint4 w, Word flag, int n) {
  Word other = w.x ^ flag;
  if (n > 1) other |= w.y ^ flag;
  if (n > 2) other |= w.z ^ flag;
  if (n > 3) other |= w.w ^ flag;
  return (other & 1u) == 0;
}

// Looks at the clock once in a while; returns true if there is nothing more to wait for.
DEVICE bool waits_in_vain(Watch& watch, Word where, int& looks, long long& since) {
  between_looks();
  if ((++looks & 1023) == 0) {
    const long long now = clock_now();
    if (looks == 1024) since = now;
    if (load_word(watch.status) != 0) {
      watch.in_vain = true;
    } else if (now - since > watch.patience) {
      store_word(watch.status, where);
      watch.in_vain = true;
    }
  }
  return watch.in_vain;
}

// Waits for a quad of an array of N numbers.
template <int N>
DEVICE float4 received(const Word* from, int quad, Word flag, Watch& watch, Word where) {
  const int n = N % 4 == 0 ? 4 : N - 4 * quad;  // the last quad may have fewer words
  uint4 words = load_words(from + 4 * quad);
  if (!have_come(words, flag, n) && !watch.in_vain) {
    int looks = 0;
    long long since = 0;
    do words = load_words(from + 4 * quad);
    while (!have_come(words, flag, n) && !waits_in_vain(watch, where, looks, since));
  }
  return values_of(words);
}

// Waits for all N numbers: thread t takes the quads t, t + THREADS, ...
template <int N, int OWN>
DEVICE void receive(float4 (&out)[OWN], const Word* from, Word flag, Watch& watch, Word where,
                    Place me) {
  UNROLL for (int k = 0; k < OWN; k++) {
    const int quad = me.thread + k * THREADS;
    out[k] = zeros();
    if (4 * quad < N) out[k] = received<N>(from, quad, flag, watch, where);
  }
  warp_barrier();
}
