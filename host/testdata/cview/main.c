// The C guest of the tests that reads objects where they lie and makes them there.

#include <string.h>

#include "../../../guest-sdk/c/raywasm.h"

// {1: 1, 3: [{1: "sum"}, {1: "make"}]}
static const char description[] = "\xa2\x01\x01\x03\x82\xa1\x01\x63sum\xa1\x01\x64make";

RAY_EXPORT("ray_describe") int32_t describe(void) { return ray_ret(description, sizeof description - 1, 0, 0) < 0; }

// The head of a byte string whose length takes 32 bits.
enum { HEAD = 5 };

// sum adds the bytes of its argument up, and then writes over them.
static int32_t sum(void) {
	void *at;
	int64_t n = ray_view((uint32_t)ray_arg(0), -1, &at);
	if (n < HEAD) return 1;
	unsigned char *p = at;
	uint32_t total = 0;
	for (int64_t i = HEAD; i < n; i++) total += p[i];
	memset(at, 0xff, (size_t)n);
	if (ray_unview(at) < 0 || ray_unview(at) >= 0) return 1;
	for (int64_t i = 0; i < n; i++) {
		if (p[i] != 0) return 1; // zeros, when it is over
	}
	unsigned char form[] = {0x1a, total >> 24, total >> 16, total >> 8, total};
	return ray_ret(form, sizeof form, 0, 0) < 0;
}

// make makes an object of 300,000 sevens, alters what it sees of it afterwards, and returns a ref of it.
static int32_t make(void) {
	enum { SIZE = 300000 };
	void *at;
	if (ray_draft(HEAD + SIZE, &at) < 0) return 1;
	unsigned char *p = at;
	memcpy(p, (unsigned char[]){0x5a, SIZE >> 24, SIZE >> 16 & 0xff, SIZE >> 8 & 0xff, SIZE & 0xff}, HEAD);
	memset(p + HEAD, 7, SIZE);
	int32_t handle = ray_seal(at);
	if (handle < 0 || p[HEAD] != 7) return 1;
	memset(p, 8, HEAD + SIZE);
	uint32_t handles[] = {(uint32_t)handle};
	return ray_ret("\x81\xd9\xd9\xf9\x00", 5, handles, 1) < 0; // a list of one ref
}

RAY_EXPORT("ray_call") int32_t call(int32_t kind, int32_t nargs) {
	char name[16] = "";
	(void)kind, (void)nargs;
	ray_name(name, sizeof name - 1);
	int32_t failed = strcmp(name, "sum") == 0 ? sum() : make();
	if (failed) ray_fail("\xa1\x02\x69TaskError", 12); // {2: "TaskError"}
	return failed;
}
