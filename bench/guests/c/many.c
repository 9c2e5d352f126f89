// The guest with many arguments and many results.

#include <string.h>

#include "../../../guest-sdk/c/raywasm.h"

// {1: 1, 3: [{1: "args"}, {1: "results"}]}
static const char description[] = "\xa2\x01\x01\x03\x82\xa1\x01\x64" "args\xa1\x01\x67results";

RAY_EXPORT("ray_describe") int32_t describe(void) { return ray_ret(description, sizeof description - 1, 0, 0) < 0; }

// args returns how many arguments it has; results gives as many results as its argument, a number of 16 bits, says.
RAY_EXPORT("ray_call") int32_t call(int32_t kind, int32_t nargs) {
	char name[16] = "";
	unsigned char n[3] = {0x19, (unsigned char)(nargs >> 8), (unsigned char)nargs};
	(void)kind;
	ray_name(name, sizeof name - 1);
	if (strcmp(name, "args") == 0) return ray_ret(n, sizeof n, 0, 0) < 0;
	if (ray_read((uint32_t)ray_arg(0), 0, n, sizeof n) != sizeof n) return 1;
	for (int i = n[1] << 8 | n[2]; i > 0; i--) {
		if (ray_ret("\x07", 1, 0, 0) < 0) return 1;
	}
	return 0;
}
