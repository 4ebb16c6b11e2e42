// SPDX-License-Identifier: Apache-2.0
// Reads the lines of events that stand one behind the other, as readEvent does (../src/verify/event-row.ts), which says what
// the numbers are: what this takes for an event, that does, with the same row. What this refuses is for that to judge.
// It is compiled for WebAssembly, where it can touch nothing but its own memory: lines are hostile. The last byte it gets is a
// newline, which no line holds: what goes from byte to byte ends there at the latest.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CHAIN = 32, HASH = 64, TIME = 30, LINE_MAX_BYTES = 65535, DEPTH_MAX = 32, EXACT_DIGITS = 15 };
enum { FROM, TO, CHAIN_FROM, PREV_FROM, SEQ, EPOCH, TIME_MS, CLASS_UID, ACTIVITY_ID, SEVERITY_ID, NUMBERS };

static const double not_a_number = __builtin_nan("");

// Where a piece of text ends; NULL where it does not stand there, or what is looked for does not.
typedef const uint8_t *place;

// 0: stands for itself in a string; 1: the rest of ASCII; 2: part of a longer character.
static const uint8_t byte_class[256] = {
    [0 ... 0x1f] = 1, ['"'] = 1, ['\\'] = 1, [0x80 ... 0xff] = 2,
};

static inline bool is_digit(uint8_t byte) { return byte >= '0' && byte <= '9'; }
static inline bool is_hex(uint8_t byte) { return is_digit(byte) || (byte >= 'a' && byte <= 'f'); }
static inline bool is_trail(uint8_t byte) { return byte >= 0x80 && byte <= 0xbf; }

static inline bool is_same(const void *one, const void *other, size_t length) {
  for (size_t i = 0; i < length; i += 1)
    if (((const uint8_t *)one)[i] != ((const uint8_t *)other)[i]) return false;
  return true;
}

#define LITERAL(at, end, text) \
  ((size_t)((end) - (at)) >= sizeof(text) - 1 && is_same((at), (text), sizeof(text) - 1) ? (at) + sizeof(text) - 1 : NULL)

static place hex(place at, place end, int digits) {
  if (end - at < digits) return NULL;
  bool all = true;
  for (int i = 0; i < digits; i += 1) all &= is_hex(at[i]);
  return all ? at + digits : NULL;
}

// A whole number in its one form that a double holds exactly.
static place count(place at, double *into) {
  place from = at;
  uint64_t value = 0;
  for (; is_digit(*at); at += 1) {
    if (at - from == EXACT_DIGITS) return NULL;
    value = 10 * value + (uint64_t)(*at - '0');
  }
  if (at == from || (*from == '0' && at > from + 1)) return NULL;
  *into = (double)value;
  return at;
}

// RFC 8785, 3.2.2.2, from the byte after the backslash.
static place escape(place at) {
  switch (*at) {
    case '"': case '\\': case 'b': case 'f': case 'n': case 'r': case 't':
      return at + 1;
    case 'u':
      if (at[1] != '0' || at[2] != '0') return NULL;
      if (at[3] == '1') return is_hex(at[4]) ? at + 5 : NULL;
      if (at[3] != '0' || !is_hex(at[4])) return NULL;
      // The others have a short form.
      return at[4] == '8' || at[4] == '9' || at[4] == 'a' || at[4] == 'c' || at[4] == 'd' ? NULL : at + 5;
    default:
      return NULL;
  }
}

// One character of two to four bytes: the well-formed ones of Unicode 16, table 3-7, hence no surrogate.
static place character(place at) {
  const uint8_t first = at[0];
  if (first < 0xc2 || first > 0xf4) return NULL;
  const uint8_t second = at[1];
  if (first <= 0xdf) return is_trail(second) ? at + 2 : NULL;
  if (first <= 0xef) {
    const bool fits = second >= (first == 0xe0 ? 0xa0 : 0x80) && second <= (first == 0xed ? 0x9f : 0xbf);
    return fits && is_trail(at[2]) ? at + 3 : NULL;
  }
  const bool fits = second >= (first == 0xf0 ? 0x90 : 0x80) && second <= (first == 0xf4 ? 0x8f : 0xbf);
  return fits && is_trail(at[2]) && is_trail(at[3]) ? at + 4 : NULL;
}

// From the byte after the opening quote to the byte after the closing one.
static place string(place at) {
  for (;;) {
    while (byte_class[*at] == 0) at += 1;
    if (*at == '"') return at + 1;
    at = *at == '\\' ? escape(at + 1) : character(at);
    if (at == NULL) return NULL;
  }
}

// From a key's quote to the byte after its colon; of plain ASCII alone.
static place key(place at) {
  if (*at != '"') return NULL;
  at += 1;
  while (byte_class[*at] == 0) at += 1;
  return *at == '"' && at[1] == ':' ? at + 2 : NULL;
}

// Does the first key sort after the second? Each from its quote to the byte after its colon.
static bool is_after(place from, place to, place before, place before_to) {
  for (; from < to - 2 && before < before_to - 2; from += 1, before += 1)
    if (*from != *before) return *from > *before;
  return to - from > before_to - before;
}

// Whole, and of so many digits as are exact whatever they are; all others are for the other reader.
static place number(place at) {
  place digits = *at == '-' ? at + 1 : at, to = digits;
  while (is_digit(*to)) to += 1;
  if (to == digits || to - digits > EXACT_DIGITS || *to == '.' || *to == 'e' || *to == 'E') return NULL;
  return *digits == '0' && (to > digits + 1 || digits > at) ? NULL : to;
}

static place word(place at, place end) {
  place to = LITERAL(at, end, "true");
  if (to == NULL) to = LITERAL(at, end, "false");
  return to != NULL ? to : LITERAL(at, end, "null");
}

static place scalar(place at, place end) {
  if (*at == '"') return string(at + 1);
  return *at == '-' || is_digit(*at) ? number(at) : word(at, end);
}

// A member of the event, from its key's quote, into its row where an index wants it.
static void note(double *row, place from, place to, place value, place value_to) {
  int number;
  if (LITERAL(from, to, "\"class_uid\":") == to) number = CLASS_UID;
  else if (LITERAL(from, to, "\"activity_id\":") == to) number = ACTIVITY_ID;
  else if (LITERAL(from, to, "\"severity_id\":") == to) number = SEVERITY_ID;
  else return;
  double known;
  row[number] = count(value, &known) == value_to ? known : not_a_number;
}

typedef struct { place key, key_to; bool is_object; } level;

// From the event's brace to the byte after it; its members that an index wants into its row. The envelope is the first of
// the levels that a line may have.
static place event(place at, place end, double *row) {
  level levels[DEPTH_MAX - 1];
  int depth = 0;
  place value = NULL;
  for (;;) {
    // Here a value begins.
    if (*at == '{' || *at == '[') {
      const bool is_object = *at == '{';
      if (depth == DEPTH_MAX - 1) return NULL;
      at += 1;
      if (*at == (is_object ? '}' : ']')) at += 1;
      else {
        level *new = &levels[depth++];
        new->is_object = is_object;
        if (!is_object) continue;
        new->key = at;
        at = new->key_to = key(at);
        if (at == NULL) return NULL;
        if (depth == 1) value = at;
        continue;
      }
    } else {
      at = scalar(at, end);
      if (at == NULL) return NULL;
    }
    // It has ended: so do the objects and arrays it was the last of.
    for (;;) {
      if (depth == 0) return at;
      level *open = &levels[depth - 1];
      if (depth == 1) note(row, open->key, open->key_to, value, at);
      const uint8_t next = *at++;
      if (next == ',') {
        if (!open->is_object) break;
        place to = key(at);
        if (to == NULL || !is_after(at, to, open->key, open->key_to)) return NULL;
        open->key = at;
        at = open->key_to = to;
        if (depth == 1) value = at;
        break;
      }
      if (next != (open->is_object ? '}' : ']')) return NULL;
      depth -= 1;
    }
  }
}

static int pair(place at) { return 10 * (at[0] - '0') + (at[1] - '0'); }

// Unix milliseconds, rounded down.
static place time_at(place at, place end, double *into) {
  static const char form[] = "dddd-dd-ddTdd:dd:dd.dddddddddZ";
  static const int month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (end - at < TIME) return NULL;
  for (int i = 0; i < TIME; i += 1)
    if (form[i] == 'd' ? !is_digit(at[i]) : at[i] != form[i]) return NULL;
  const int year = 100 * pair(at) + pair(at + 2), month = pair(at + 5), day = pair(at + 8);
  const int hour = pair(at + 11), minute = pair(at + 14), second = pair(at + 17);
  if (year < 1970 || month < 1 || month > 12 || hour > 23 || minute > 59 || second > 59) return NULL;
  const bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  if (day < 1 || day > month_days[month - 1] + (month == 2 && is_leap ? 1 : 0)) return NULL;
  int64_t days = 365 * (int64_t)(year - 1970) + (year - 1969) / 4 - (year - 1901) / 100 + (year - 1601) / 400 + day - 1;
  for (int i = 0; i < month - 1; i += 1) days += month_days[i];
  if (month > 2 && is_leap) days += 1;
  const int64_t seconds = 86400 * days + 3600 * hour + 60 * minute + second;
  *into = (double)(1000 * seconds + 10 * pair(at + 20) + (at[22] - '0'));
  return at + TIME;
}

// Where lines are handed in, and rows come out.
enum { BYTES_MAX = 1 << 18, ROWS_MAX = 1024 };
static uint8_t bytes[BYTES_MAX];
static double rows[ROWS_MAX][NUMBERS];

#define EXPORTED(name) __attribute__((export_name(#name))) name
uint8_t *EXPORTED(bytes_at)(void) { return bytes; }
uint32_t EXPORTED(bytes_max)(void) { return BYTES_MAX; }
double *EXPORTED(rows_at)(void) { return rows[0]; }
uint32_t EXPORTED(rows_max)(void) { return ROWS_MAX; }

// One line, up to its newline; `before`: the line of the event before it, NULL where there is none.
static place line(place from, place end, double *row, place before, double base) {
  static const char chain_form[] = "{\"chain\":\"";
  const ptrdiff_t chain_to = sizeof chain_form - 1 + CHAIN;
  place at;
  if (before != NULL && end - from > chain_to && is_same(from, before, (size_t)chain_to)) {
    row[CHAIN_FROM] = row[CHAIN_FROM - NUMBERS];
    at = from + chain_to;
  } else {
    at = LITERAL(from, end, "{\"chain\":\"");
    if (at == NULL) return NULL;
    row[CHAIN_FROM] = base + (double)(at - bytes);
    if ((at = hex(at, end, CHAIN)) == NULL) return NULL;
  }
  double epoch, seq;
  if ((at = LITERAL(at, end, "\",\"epoch\":")) == NULL || (at = count(at, &epoch)) == NULL) return NULL;
  if ((at = LITERAL(at, end, ",\"event\":")) == NULL || *at != '{') return NULL;
  row[CLASS_UID] = row[ACTIVITY_ID] = row[SEVERITY_ID] = not_a_number;
  if ((at = event(at, end, row)) == NULL || (at = LITERAL(at, end, ",\"prev\":\"")) == NULL) return NULL;
  row[PREV_FROM] = base + (double)(at - bytes);
  if ((at = hex(at, end, HASH)) == NULL || (at = LITERAL(at, end, "\",\"seq\":")) == NULL) return NULL;
  if ((at = count(at, &seq)) == NULL || (at = LITERAL(at, end, ",\"time\":\"")) == NULL) return NULL;
  if ((at = time_at(at, end, &row[TIME_MS])) == NULL || (at = LITERAL(at, end, "\",\"v\":")) == NULL) return NULL;
  const uint8_t version = *at;
  if ((version != '1' || epoch != 0) && version != '2') return NULL;
  if (at[1] != '}' || at[2] != '\n' || at + 2 - from > LINE_MAX_BYTES) return NULL;
  row[FROM] = base + (double)(from - bytes);
  row[TO] = base + (double)(at + 2 - bytes);
  row[SEQ] = seq;
  row[EPOCH] = version == '1' ? -1 : epoch;
  return at + 2;
}

// Rows of the events that stand one behind the other from byte `from` on, before `length`; at most `most`. Returns how many
// there are. `base`: the place of the first byte, among all that the caller has.
uint32_t EXPORTED(read_events)(uint32_t length, uint32_t from, uint32_t most, double base) {
  if (length > BYTES_MAX || from > length || most > ROWS_MAX || (length > 0 && bytes[length - 1] != '\n')) return 0;
  place end = bytes + length, before = NULL, at = bytes + from;
  uint32_t done = 0;
  while (done < most && at < end) {
    place to = line(at, end, rows[done], before, base);
    if (to == NULL) break;
    before = at;
    at = to + 1;
    done += 1;
  }
  return done;
}
