// A counter as an actor in C, without an SDK: the smallest actor that there is. Its constructor takes the number to begin
// at, its one method what to add, and returns the sum. DESCRIPTION is what ray_describe gives, made by the test.
#include "raywasm.h"

static const unsigned char description[] = {DESCRIPTION};

static uint32_t sum;

RAY_EXPORT("ray_describe") int32_t describe(void) {
	return ray_ret(description, sizeof description, 0, 0) < 0;
}

// argument reads the call's first argument, a number that is not negative, in CBOR.
static uint32_t argument(void) {
	unsigned char b[5];
	int64_t size = ray_size((uint32_t)ray_arg(0));
	if (size < 1 || size > 5 || ray_read((uint32_t)ray_arg(0), 0, b, (uint32_t)size) != size || b[0] >> 5 != 0)
		return 0;
	if (size == 1)
		return b[0];
	uint32_t n = 0;
	for (int i = 1; i < (int)size; i++)
		n = n << 8 | b[i];
	return n;
}

RAY_EXPORT("ray_call") int32_t call(int32_t kind, int32_t nargs) {
	(void)nargs;
	sum += argument();
	if (kind != RAY_CALL_METHOD)
		return 0;
	const unsigned char b[] = {0x1a, sum >> 24, sum >> 16, sum >> 8, sum}; // a number of 32 bits
	return ray_ret(b, sizeof b, 0, 0) < 0;
}
