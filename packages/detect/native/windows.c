// SPDX-License-Identifier: Apache-2.0
// The logit of the worst window of a text, as logitOf reckons it (../src/request/model/model.ts), bit by bit: that is the
// definition; this is asked of every value of every request. Of a text that is suspicious it says, too, what weighed in that window.
// It is compiled for WebAssembly, where it can touch nothing but its own memory: texts are hostile. Numbers and words of the
// comments are those of symbols.ts and ngrams.ts.

#include <stdbool.h>
#include <stdint.h>
#include <wasm_simd128.h>

enum { HEAD = 4096, TAIL = 2048, SEGMENT = 32, SYMBOLS = HEAD + TAIL + 1 };
enum { KINDS = 6, THREE = 0, FIVE, SHAPE, WORD, PAIR, TWIN };
enum { REASONS = 5, WINDOW = 2 * SEGMENT * KINDS, TABLE_BITS = 10, TABLE = 1 << TABLE_BITS };
enum { SLOT_BITS = 17, SLOTS = 1 << SLOT_BITS, WIDTH = 8, HIDDEN = 16 };
#define LEAK 0.0625
enum { FOREIGN = 1, EDGE = 2, NUL = 3, AGAIN = 4, SPACE = 32, PERCENT = 37, ZERO = 48, UNDERSCORE = 95, WORD_MAX = 16 };

// As graph.ts has them. Whoever opens a model writes them once, one behind the other.
static struct {
  int32_t ngrams[SLOTS];
  int8_t embeddings[SLOTS][WIDTH];
  float scale, w1[WIDTH][HIDDEN], b1[HIDDEN], w2[HIDDEN], b2;
} model;

static uint8_t text[HEAD + TAIL];
static uint8_t symbols[SYMBOLS];

// What was read, where it is asked for: each n-gram, and the place of its last symbol, times 8, and its kind.
typedef struct { uint32_t ngram, place; } reading;
static reading readings[SYMBOLS * KINDS];
static uint32_t read_count, worst_from, worst_to;

static struct { double weight; uint32_t place; } reasons[REASONS];

static inline bool is_letter(uint32_t symbol) { return symbol - 'a' < 26; }
static inline bool is_digit(uint32_t symbol) { return symbol - ZERO < 10; }

static inline uint32_t symbol_of(uint32_t byte) {
  if (is_letter(byte | 0x20)) return byte | 0x20;
  if (is_digit(byte)) return ZERO;
  if (byte == 0) return NUL;
  if (byte - 9 < 5 || byte == SPACE || byte == 0xa0) return SPACE;
  if (byte < SPACE || byte == 127) return EDGE;
  return byte > 127 ? FOREIGN : byte;
}

static uint8_t symbol_table[256];

#define EXPORTED(name) __attribute__((export_name(#name))) name

uint32_t EXPORTED(text_at)(void) { return (uint32_t)(uintptr_t)text; }
uint32_t EXPORTED(symbols_at)(void) { return (uint32_t)(uintptr_t)symbols; }
uint32_t EXPORTED(reasons_at)(void) { return (uint32_t)(uintptr_t)reasons; }
// To be called before any text is read.
uint32_t EXPORTED(model_at)(void) {
  for (uint32_t byte = 0; byte < 256; byte += 1) symbol_table[byte] = (uint8_t)symbol_of(byte);
  return (uint32_t)(uintptr_t)&model;
}

static void mark_again(uint32_t count) {
  if (count > 0 && symbols[count - 1] == ZERO) symbols[count - 1] = AGAIN;
}

// Appends the symbols of text[from] to text[to] to the first `count` ones.
static uint32_t append(uint32_t from, uint32_t to, uint32_t count) {
  uint32_t previous = EDGE, letters = 0, exact = 0, number = 0, before = 0;
  bool is_compared = false;
  for (uint32_t at = from; at < to; at += 1) {
    uint32_t unit = text[at], symbol = symbol_table[unit];
    if (exact > 0) {
      exact -= 1;
      if (symbol == ZERO) symbol = unit;
    }
    if (symbol == ZERO) number = number * 31 + unit;
    else if (number != 0) {
      if (is_compared && number == before) mark_again(count);
      before = number;
      number = 0;
      is_compared = false;
    }
    if (symbol - '<' < 3) is_compared = true;
    else if (is_letter(symbol)) is_compared = false;
    if (symbol == PERCENT) exact = 2;
    letters = is_letter(symbol) ? letters + 1 : symbol == UNDERSCORE || is_digit(symbol) ? letters : 0;
    if (symbol == previous && (symbol == ZERO || symbol <= SPACE)) continue;
    if (letters > WORD_MAX) continue;
    if (count > 2 && symbol == symbols[count - 1] && symbol == symbols[count - 2] && symbol == symbols[count - 3])
      continue;
    symbols[count] = (uint8_t)symbol;
    count += 1;
    previous = symbol;
  }
  if (is_compared && number != 0 && number == before) mark_again(count);
  return count;
}

// N-grams of a segment: how many, and the sum of the embeddings of those that are known. 32 symbols have 192, and so 16 bits are enough.
typedef struct { uint32_t count; v128_t sum; } segment;
static segment worst_windows[2];

// Of an n-gram wherever it stands in a window, the place where it stands first.
typedef struct { double weight; uint32_t ngram, place; bool is_taken; } entry;

static inline uint32_t mixed_of(uint32_t value) {
  uint32_t mixed = (value ^ (value >> 15)) * 0x2c1b3c6du;
  return mixed ^ (mixed >> 13);
}

static inline uint32_t slot_of(uint32_t ngram) { return ngram >> (32 - SLOT_BITS); }
static inline bool is_known(uint32_t ngram) { return (uint32_t)model.ngrams[slot_of(ngram)] == ngram; }

static inline void put(segment *into, uint32_t value, uint32_t place, bool is_kept) {
  uint32_t ngram = mixed_of(value);
  into->count += 1;
  if (is_kept) {
    readings[read_count] = (reading){ngram, place};
    read_count += 1;
  }
  if (is_known(ngram)) into->sum = wasm_i16x8_add(into->sum, wasm_i16x8_load8x8(model.embeddings[slot_of(ngram)]));
}

// Of two neighbouring segments. In the order of model.ts, each cell by itself: sums of numbers that are not whole depend on it.
static void fill_cells(const segment *one, const segment *other, double cells[HIDDEN], double root) {
  int16_t sums[WIDTH], more[WIDTH];
  wasm_v128_store(sums, one->sum);
  wasm_v128_store(more, other->sum);
  for (int cell = 0; cell < HIDDEN; cell += 1) cells[cell] = (double)model.b1[cell];
  for (int part = 0; part < WIDTH; part += 1) {
    float sum = (float)((double)(sums[part] + more[part]) * (double)model.scale);
    double pooled = (double)(float)((double)sum / root);
    for (int cell = 0; cell < HIDDEN; cell += 1) cells[cell] += pooled * (double)model.w1[part][cell];
  }
}

static double root_of(uint32_t count) { return __builtin_sqrt((double)(count > 1 ? count : 1)); }

static double logit_of(const segment *one, const segment *other) {
  double cells[HIDDEN];
  fill_cells(one, other, cells, (double)(float)root_of(one->count + other->count));
  double logit = (double)model.b2;
  for (int cell = 0; cell < HIDDEN; cell += 1) {
    float active = (float)(cells[cell] < 0 ? cells[cell] * LEAK : cells[cell]);
    logit += (double)active * (double)model.w2[cell];
  }
  return logit;
}

// Of the first `head` bytes of the text, and of those behind them up to `end`, which are read as another beginning.
static inline __attribute__((always_inline)) double read_windows(uint32_t head, uint32_t end, bool is_kept) {
  if (head > HEAD || end < head || end > HEAD + TAIL) __builtin_trap();
  uint32_t count = append(head, end, append(0, head, 0));
  symbols[count] = EDGE;

  segment before = {0, wasm_i16x8_splat(0)}, own = before;
  double worst = -__builtin_inf();
  uint32_t last = EDGE, earlier = 0, shapes = 0, shaped = 0;
  uint32_t in_word = 0, word = 0, word_before = 0, between = 0, own_from = 0, before_from = 0;
  read_count = 0;
  for (uint32_t at = 0; at <= count; at += 1) {
    uint32_t symbol = symbols[at], place = at * 8;
    earlier = ((earlier << 7) | (last >> 14)) & 0x3fff;
    last = ((last << 7) | symbol) & 0x1fffff;
    if (at > 0) put(&own, last * 0x9e3779b1u, place + THREE, is_kept);
    if (at > 2) put(&own, last * 0x27d4eb2fu + (earlier + 1) * 0x165667b1u, place + FIVE, is_kept);
    uint32_t sign = is_letter(symbol) ? 'a' : symbol;
    if (sign != shaped || sign != 'a') {
      shapes = ((shapes << 7) | sign) & 0xfffffff;
      shaped = sign;
      if (at > 0) put(&own, shapes * 0x1b873593u + 0x5bd1e995u, place + SHAPE, is_kept);
    }
    if (is_letter(symbol) || symbol == UNDERSCORE || is_digit(symbol)) {
      word = (word ^ symbol) * 0x01000193u + 1;
      in_word += 1;
    } else {
      if (in_word > 1) {
        uint32_t mixed = word * 0xcc9e2d51u;
        put(&own, mixed + 1, place + WORD, is_kept);
        put(&own, mixed + (word_before + between) * 0x38b34ae5u + 2, place + PAIR, is_kept);
      }
      if (in_word > 0) {
        if (word == word_before) put(&own, between * 0x2545f491u + 3, place + TWIN, is_kept);
        word_before = word;
        between = 0;
      }
      if (symbol > SPACE) between = between * 31 + symbol;
      in_word = 0;
      word = 0;
    }
    if ((at + 1) % SEGMENT == 0 || at == count) {
      if (at >= SEGMENT || at == count) {
        double logit = logit_of(&before, &own);
        if (logit > worst) {
          worst = logit;
          worst_from = before_from;
          worst_to = read_count;
          if (is_kept) worst_windows[0] = before, worst_windows[1] = own;
        }
      }
      before = own;
      before_from = own_from;
      own_from = read_count;
      own = (segment){0, wasm_i16x8_splat(0)};
    }
  }
  return worst;
}

double EXPORTED(worst_logit)(uint32_t head, uint32_t end) { return read_windows(head, end, false); }

// Of the logit, by each part of what is pooled, where the worst window is, and for one n-gram.
static void fill_slopes(double slopes[WIDTH]) {
  double cells[HIDDEN];
  uint32_t count = worst_windows[0].count + worst_windows[1].count;
  fill_cells(&worst_windows[0], &worst_windows[1], cells, (double)(float)root_of(count));
  double factor = (double)model.scale / root_of(count);
  for (int part = 0; part < WIDTH; part += 1) {
    slopes[part] = 0;
    for (int cell = 0; cell < HIDDEN; cell += 1)
      slopes[part] += (double)model.w1[part][cell] * (double)model.w2[cell] * (cells[cell] < 0 ? LEAK : 1);
    slopes[part] *= factor;
  }
}

// The place in `entries` of the one of this n-gram, which may be free still.
static uint32_t entry_of(const entry *entries, uint32_t ngram) {
  uint32_t at = ngram >> (32 - TABLE_BITS);
  while (entries[at].is_taken && entries[at].ngram != ngram) at = (at + 1) % TABLE;
  return at;
}

// To the first order: what the logit loses where an n-gram is taken out of the worst window of a text. Returns how many weigh for an
// attack, REASONS at most, which are in `reasons`, heaviest first; what stands first where two weigh as much.
uint32_t EXPORTED(weigh)(uint32_t head, uint32_t end) {
  static entry entries[TABLE];
  static uint16_t order[WINDOW];
  read_windows(head, end, true);
  double slopes[WIDTH];
  fill_slopes(slopes);
  for (uint32_t at = 0; at < TABLE; at += 1) entries[at].is_taken = false;
  uint32_t known = 0, told = 0;
  for (uint32_t at = worst_from; at < worst_to; at += 1) {
    uint32_t ngram = readings[at].ngram;
    if (!is_known(ngram)) continue;
    uint32_t own = entry_of(entries, ngram);
    if (!entries[own].is_taken) {
      entries[own] = (entry){0, ngram, readings[at].place, true};
      order[known] = (uint16_t)own;
      known += 1;
    }
    for (int part = 0; part < WIDTH; part += 1)
      entries[own].weight += slopes[part] * (double)model.embeddings[slot_of(ngram)][part];
  }
  for (uint32_t at = 0; at < known; at += 1) {
    double weight = entries[order[at]].weight;
    if (!(weight > 0)) continue;
    uint32_t to = told;
    while (to > 0 && reasons[to - 1].weight < weight) to -= 1;
    if (to == REASONS) continue;
    if (told < REASONS) told += 1;
    for (uint32_t behind = told - 1; behind > to; behind -= 1) reasons[behind] = reasons[behind - 1];
    reasons[to].weight = weight;
    reasons[to].place = entries[order[at]].place;
  }
  return told;
}
