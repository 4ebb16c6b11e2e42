// SPDX-License-Identifier: Apache-2.0
// Many SHA-256 hashes in one call (RFC 9162, 2.1.1). The hash is OpenSSL's, as Node.js carries and exports it; here is only
// the loop around it. What it may touch was checked before (../src/hashes.ts).

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { HASH = 32 };

// An SHA256_CTX, of 112 bytes, with room to spare.
typedef struct {
  _Alignas(16) unsigned char room[256];
} context;

int SHA256_Init(context *c);
int SHA256_Update(context *c, const void *data, size_t length);
int SHA256_Final(unsigned char *hash, context *c);

// SHA-256(0x00 || bytes[from, to)) for each of `count` pairs of places.
void leaf_hashes(const uint8_t *bytes, const uint32_t *places, uint32_t count, uint8_t *hashes) {
  static const uint8_t prefix = 0;
  for (uint32_t i = 0; i < count; i += 1) {
    const uint32_t from = places[2 * i], to = places[2 * i + 1];
    context c;
    SHA256_Init(&c);
    SHA256_Update(&c, &prefix, 1);
    SHA256_Update(&c, bytes + from, to - from);
    SHA256_Final(hashes + (size_t)HASH * i, &c);
  }
}

// SHA-256(0x01 || left || right) for each of `count` pairs of hashes that stand side by side.
void node_hashes(const uint8_t *pairs, uint32_t count, uint8_t *hashes) {
  uint8_t node[1 + 2 * HASH] = {1};
  for (uint32_t i = 0; i < count; i += 1) {
    memcpy(node + 1, pairs + (size_t)2 * HASH * i, 2 * HASH);
    context c;
    SHA256_Init(&c);
    SHA256_Update(&c, node, sizeof node);
    SHA256_Final(hashes + (size_t)HASH * i, &c);
  }
}

// Lines of one chain, each naming the one before it. Three places a line: where it begins, where it ends, and where the 64
// digits of the hash before it stand. `tip` holds that of the line before the first, and of the last at the end.
void chain_hashes(uint8_t *bytes, const uint32_t *places, uint32_t count, uint8_t *tip) {
  static const uint8_t prefix = 0;
  static const char digits[] = "0123456789abcdef";
  for (uint32_t i = 0; i < count; i += 1) {
    const uint32_t from = places[3 * i], to = places[3 * i + 1];
    uint8_t *prev = bytes + places[3 * i + 2];
    for (int k = 0; k < HASH; k += 1) {
      prev[2 * k] = (uint8_t)digits[tip[k] >> 4];
      prev[2 * k + 1] = (uint8_t)digits[tip[k] & 15];
    }
    context c;
    SHA256_Init(&c);
    SHA256_Update(&c, &prefix, 1);
    SHA256_Update(&c, bytes + from, to - from);
    SHA256_Final(tip, &c);
  }
}
