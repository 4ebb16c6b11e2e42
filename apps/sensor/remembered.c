/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What files were when they were looked at last, by object, and which object had which path. Where there is no room, what was looked
 * at longest ago gives way: it is not known before its next change.
 */
#include <string.h>
#include <sys/random.h>

#include "changes.h"

enum { REMEMBERED = 8192, WAYS = 8 };

static uint64_t seed;
static struct memory { uint64_t object, looked; struct file_look look; bool is_found; } remembered[REMEMBERED];
static struct { uint64_t path, object; } names[REMEMBERED];

bool memory_begin(void)
{
	return getrandom(&seed, sizeof(seed), 0) == sizeof(seed);
}

uint64_t digest(const void *bytes, size_t length, uint64_t from)
{
	for (size_t i = 0; i < length; i++)
		from = (from ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3;
	return from ^ from >> 29;
}

static uint64_t key_of_path(const struct told_path *path)
{
	return digest(path->text, strlen(path->text), seed);
}

uint64_t key_of(const struct fan_handle *object)
{
	return digest(object, sizeof(*object), seed);
}

static struct memory *memory_of(uint64_t object)
{
	struct memory *row = &remembered[object % (REMEMBERED / WAYS) * WAYS];

	for (int way = 0; way < WAYS; way++)
		if (row[way].object == object)
			return &row[way];
	return NULL;
}

bool is_remembered(const struct fan_handle *object)
{
	return memory_of(key_of(object));
}

const struct file_look *recall(uint64_t object, struct file_look *look)
{
	const struct memory *memory = memory_of(object);

	if (!memory)
		return NULL;
	*look = memory->look;
	return look;
}

const struct file_look *recall_path(const struct told_path *path, struct file_look *look)
{
	uint64_t key = key_of_path(path);

	return names[key % REMEMBERED].path == key ? recall(names[key % REMEMBERED].object, look) : NULL;
}

void remember(const struct told_path *path, const struct fan_handle *object, const struct file_look *look, bool is_found)
{
	static uint64_t looks;
	uint64_t name = key_of_path(path), key = key_of(object);
	struct memory *known = memory_of(key), *oldest = &remembered[key % (REMEMBERED / WAYS) * WAYS];

	for (struct memory *row = oldest + 1, *end = oldest + WAYS; row < end; row++)
		if (row->looked < oldest->looked)
			oldest = row;
	known = known ? known : oldest;
	*known = (struct memory){ .object = key, .looked = ++looks, .look = *look, .is_found = is_found };
	names[name % REMEMBERED].path = name;
	names[name % REMEMBERED].object = key;
}

/* It was told when its directory was looked through: the event of its making comes after that. */
bool was_found(const struct fan_handle *object)
{
	struct memory *memory = memory_of(key_of(object));
	bool was = memory && memory->is_found;

	if (memory)
		memory->is_found = false;
	return was;
}

void forget(const struct told_path *path)
{
	uint64_t key = key_of_path(path);

	if (names[key % REMEMBERED].path == key)
		names[key % REMEMBERED].path = 0;
}

uint64_t object_named(const struct told_path *path)
{
	uint64_t key = key_of_path(path);

	return names[key % REMEMBERED].path == key ? names[key % REMEMBERED].object : 0;
}
