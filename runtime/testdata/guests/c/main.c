// A guest of the runtime's tests in C: generators, output that is buffered, memory that runs out.

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORT(name) __attribute__((export_name(name)))

// 2 MiB that the image has to hold, so that it is as large as those of usual programs.
static uint32_t table[512 * 1024];

static int64_t n = 1000;
static uint64_t constant = 42;

static void seed(void) {
	unsigned s;
	if (getentropy(&s, sizeof s) != 0) abort();
	srand(s);
}

__attribute__((constructor)) static void init(void) {
	seed();
	for (uint32_t i = 0; i < sizeof table / sizeof *table; i++) table[i] = i * 2654435761u;
}

EXPORT("ray_fresh") void fresh(void) { seed(); }

EXPORT("count") int64_t count(void) { return ++n; }

// libc draws from libc's generator, which was seeded from the host.
EXPORT("libc") int64_t libc(void) { return (int64_t)rand() << 31 | rand(); }

EXPORT("entropy") int64_t entropy(void) {
	int64_t v;
	if (getentropy(&v, sizeof v) != 0) abort();
	return v;
}

// repeat draws from a generator that was seeded with a constant.
EXPORT("repeat") int64_t repeat(void) {
	constant = constant * 6364136223846793005u + 1442695040888963407u;
	return (int64_t)(constant >> 1);
}

// mutter leaves something in the buffer of stdout; speak writes what is there and a line.
EXPORT("mutter") void mutter(void) {
	static char buffer[BUFSIZ];
	setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
	printf("a secret");
}

EXPORT("speak") void speak(void) {
	puts("spoken");
	fflush(stdout);
}

// hoard allocates and uses memory until there is none left, and returns how many MiB it got.
EXPORT("hoard") int32_t hoard(void) {
	static void *hoarded; // a list, so that the compiler does not see that nobody uses it
	for (int32_t mib = 0;; mib++) {
		void **p = malloc(1 << 20);
		if (!p) return mib;
		memset(p, 0xa5, 1 << 20);
		*p = hoarded;
		hoarded = p;
	}
}

// hoard_and_die does not look whether it got any.
EXPORT("hoard_and_die") void hoard_and_die(void) {
	hoard();
	abort();
}

EXPORT("scratch") int32_t scratch(void) { return (int32_t)(uintptr_t)table; }
EXPORT("nop") void nop(void) {}
EXPORT("trap") void trap(void) { __builtin_trap(); }
EXPORT("spin") void spin(void) {
	for (volatile int i = 0;; i++) {}
}
