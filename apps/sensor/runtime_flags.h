/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What NODE_OPTIONS may say of which nobody need be told: BPF programs and what reads /proc judge it alike. */
#ifndef RUNTIME_FLAGS_H
#define RUNTIME_FLAGS_H

/*
 * Flags of Node that neither load code, open a door, write a file nor loosen a check. One that is not here, and what Node comes to have, counts
 * as dangerous: so does a value of more than RUNTIME_FLAGS_BYTES, or one with a flag in quotes.
 */
#define HARMLESS_RUNTIME_FLAGS(X)                                                                                       \
	X("--disable-sigusr1") X("--disable-warning") X("--disable-wasm-trap-handler") X("--dns-result-order")          \
	X("--enable-source-maps") X("--experimental-strip-types") X("--force-fips") X("--frozen-intrinsics")            \
	X("--max-http-header-size") X("--max-old-space-size") X("--max-old-space-size-percentage")                      \
	X("--max-semi-space-size") X("--min-semi-space-size") X("--network-family-autoselection")                       \
	X("--network-family-autoselection-attempt-timeout") X("--no-addons") X("--no-deprecation")                      \
	X("--no-experimental-strip-types") X("--no-network-family-autoselection") X("--no-warnings")                    \
	X("--pending-deprecation") X("--secure-heap") X("--secure-heap-min") X("--stack-trace-limit") X("--strip-types") \
	X("--throw-deprecation") X("--title") X("--tls-min-v1.2") X("--tls-min-v1.3") X("--trace-deprecation")          \
	X("--trace-uncaught") X("--trace-warnings") X("--unhandled-rejections") X("--use-system-ca") X("--v8-pool-size")

#define RUNTIME_FLAGS_BYTES 512
#define RUNTIME_FLAG_BYTES_MAX 48
/* FNV-1a. Whoever makes up a flag of the same hash has one that Node ends at. */
#define FLAG_HASH 0xcbf29ce484222325ull
#define FLAG_PRIME 0x100000001b3ull
#define FLAG_NEXT(hash, byte) (((hash) ^ (__u64)(byte)) * FLAG_PRIME)
#define NO_FLAG 1ull /* a word that is no flag: the value of the flag before it */

/* Folded by the compiler. */
static inline __attribute__((always_inline)) __u64 flag_hash(const char *name, int length)
{
	__u64 hash = FLAG_HASH;

#pragma GCC unroll 48
	for (int i = 0; i < RUNTIME_FLAG_BYTES_MAX; i++)
		if (i < length)
			hash = FLAG_NEXT(hash, name[i]);
	return hash;
}

static inline __attribute__((always_inline)) bool is_harmless_flag(__u64 hash)
{
#define IS_FLAG(name)                                                                                                   \
	if (hash == flag_hash(name, sizeof(name) - 1))                                                                  \
		return true;
	HARMLESS_RUNTIME_FLAGS(IS_FLAG)
	return hash == NO_FLAG;
}

/*
 * Node parts its options at spaces outside quotes, and takes _ for -. Here every space parts: so each of its options begins a word here, too, and one
 * that begins in quotes, or has one in its name, is none of the list.
 */
static inline __attribute__((always_inline)) bool has_harmless_flags(const char *value)
{
	__u64 hash = 0; /* of the flag so far; 0: between words */
	bool in_name = false;

	for (int i = 0; i < RUNTIME_FLAGS_BYTES; i++) {
		char byte = value[i];

		if (!byte || byte == ' ') {
			if (hash && !is_harmless_flag(hash))
				return false;
			if (!byte)
				return true;
			hash = 0;
		} else if (!hash) {
			if (byte == '"')
				return false;
			in_name = byte == '-';
			hash = in_name ? FLAG_NEXT(FLAG_HASH, byte) : NO_FLAG;
		} else if (in_name) {
			in_name = byte != '=';
			if (in_name)
				hash = FLAG_NEXT(hash, byte == '_' ? '-' : byte);
		}
	}
	return false;
}

/* A variable that is set twice is as bad as the worse. */
static inline __attribute__((always_inline)) __u32 with_options(__u32 environment, bool is_harmless)
{
	__u32 set = 1u << ENVIRONMENT_NODE_OPTIONS;

	if (!is_harmless)
		return (environment | set) & ~ENVIRONMENT_OPTIONS_HARMLESS;
	return environment & set ? environment : environment | set | ENVIRONMENT_OPTIONS_HARMLESS;
}

#endif
