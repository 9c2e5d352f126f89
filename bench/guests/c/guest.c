// The C guest of the benchmarks that call sandboxes directly. The tiny guest and the Go guest have the same exports.

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define EXPORT(name) __attribute__((export_name(#name)))

// table makes the image about as large as that of a program with some data in memory.
static uint32_t *table;
static const uint32_t table_length = 700 * 1024;

// libc is used as programs do: it allocates, formats and prints.
__attribute__((constructor)) static void initialise(void) {
	table = malloc(table_length * sizeof *table);
	if (table == NULL) {
		fprintf(stderr, "no room for a table of %u words\n", table_length);
		abort();
	}
	for (uint32_t i = 0; i < table_length; i++) {
		table[i] = i;
	}
}

static int64_t calls;

EXPORT(count) int64_t count(void) { return ++calls; }

EXPORT(touch) void touch(int32_t pages) {
	for (int32_t i = 0; i < pages << 10; i++) {
		table[i]++;
	}
}

EXPORT(spin) void spin(void) {
	for (volatile int forever = 1; forever;) {
	}
}

EXPORT(work) int32_t work(int32_t rounds) {
	uint32_t x = 1;
	for (int32_t i = 0; i < rounds; i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
	}
	return (int32_t)x;
}
