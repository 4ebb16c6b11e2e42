/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "sensor.h"

#define SITE_NAME(name) #name,
const char *const site_names[SITE_COUNT] = { FRAME_SITES(SITE_NAME) };
const char *const mode_names[MODE_COUNT] = { FRAME_MODES(SITE_NAME) };

size_t put_body(uint8_t *to, const void *body, size_t length)
{
	uint32_t prefix = (uint32_t)length;

	memcpy(to, &prefix, PREFIX_BYTES);
	memcpy(to + PREFIX_BYTES, body, length);
	return PREFIX_BYTES + length;
}

size_t put_report(uint8_t *to, const struct frame_state *state)
{
	struct frame_report report = { .kind = FRAME_REPORT, .sites = SITE_COUNT, .harms = state->harms,
				       .table = state->table, .time_ns = state->time_ns, .blind = state->blind,
				       .file_table = state->file_table, .unguarded = state->unguarded };

	memcpy(report.era, state->counters->era, sizeof(report.era));
	for (int site = 0; site < SITE_COUNT; site++)
		report.counts[site] = counters_read(state->counters, site);
	return put_body(to, &report, sizeof(report));
}

static uint8_t put_text(uint8_t *to, size_t *at, const char *text)
{
	size_t length = strnlen(text, 255);

	memcpy(to + *at, text, length);
	*at += length;
	return (uint8_t)length;
}

size_t put_hello(uint8_t *to, const struct frame_state *state)
{
	uint8_t body[HELLO_BYTES_MAX];
	size_t length = sizeof(struct frame_hello);
	struct frame_hello hello = {
		.kind = FRAME_HELLO,
		.sites = SITE_COUNT,
		.start = (__u8)state->start,
		.version = FRAME_VERSION,
		.attached = state->attached->sites,
		.time_ns = state->time_ns,
	};

	for (int domain = 0; domain < DOMAIN_COUNT; domain++)
		hello.mode[domain] = (__u8)state->attached->mode[domain];
	memcpy(hello.magic, FRAME_MAGIC, sizeof(hello.magic));
	memcpy(hello.era, state->counters->era, sizeof(hello.era));
	hello.sensor_version_len = put_text(body, &length, SENSOR_VERSION);
	hello.kernel_len = put_text(body, &length, state->kernel);
	for (int site = 0; site < SITE_COUNT; site++) {
		hello.counts[site] = counters_read(state->counters, site);
		hello.reason_len[site] = put_text(body, &length, state->attached->reason[site]);
	}
	memcpy(body, &hello, sizeof(hello));
	return put_body(to, body, length);
}
