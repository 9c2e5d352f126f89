// The C guest of the tests: functions that fail.

#include <string.h>

#include "../../../guest-sdk/c/raywasm_fail.h"

// {1: 1, 3: [{1: "one"}, {1: "chain"}, {1: "long"}]}
static const char description[] = "\xa2\x01\x01\x03\x83\xa1\x01\x63one\xa1\x01\x65" "chain\xa1\x01\x64long";

RAY_EXPORT("ray_describe") int32_t describe(void) { return ray_ret(description, sizeof description - 1, 0, 0) < 0; }

RAY_EXPORT("ray_call") int32_t call(int32_t kind, int32_t nargs) {
	char name[64] = "";
	(void)kind, (void)nargs;
	ray_name(name, sizeof name - 1);
	if (strcmp(name, "one") == 0) return ray_failed("no_user", "user 7 is unknown");
	if (strcmp(name, "chain") == 0) {
		const struct ray_cause chain[] = {{"load_error", "cannot load", "load\nmain"}, {"io_error", "größer", 0}, {0, "the deepest", 0}};
		return ray_failed_because(chain, 3);
	}
	static char text[5000];
	for (int i = 0; i + 1 < (int)sizeof text - 1; i += 2) memcpy(&text[i], "ö", 2);
	struct ray_cause chain[20];
	for (int i = 0; i < 20; i++) chain[i] = (struct ray_cause){text, text + (i & 1) * 2, text};
	return ray_failed_because(chain, 20);
}
