// An actor in C whose calls run at once, without an SDK: each call submits a task and waits for it, and a wait's token is
// the call's place in a table. DESCRIPTION is what ray_describe gives, made by the test.
#include "raywasm.h"

static const unsigned char description[] = {DESCRIPTION};

enum { CALLS = 4096 };
static struct { uint32_t call, ref; } waiting[CALLS];

RAY_EXPORT("ray_describe") int32_t describe(void) {
	return ray_ret(description, sizeof description, 0, 0) < 0;
}

// ray_call serves the function "seven" and the constructor, which has nothing to do.
RAY_EXPORT("ray_call") int32_t serve_one(int32_t kind, int32_t nargs) {
	(void)nargs;
	const unsigned char seven = 7; // in CBOR
	return kind == RAY_CALL_FUNCTION && ray_ret(&seven, 1, 0, 0) < 0;
}

// answer gives what the ref holds as the result of the call that the guest acts for.
static void answer(uint32_t ref) {
	unsigned char value[16];
	int64_t size;
	if (ray_get(&ref, 1, RAY_LOOK) == 0 && (size = ray_size(ref)) <= (int64_t)sizeof value && ray_read(ref, 0, value, (uint32_t)size) == size)
		ray_ret(value, (uint32_t)size, 0, 0);
	ray_release(ref);
	ray_done(0);
}

RAY_EXPORT("ray_start") int32_t start(int32_t call, int32_t nargs) {
	(void)nargs;
	uint32_t at = 0, ref = 0;
	while (at < CALLS && waiting[at].call != 0)
		at++;
	if (at == CALLS || ray_submit("seven", 5, 0, 0, &ref, 1) != 1) {
		ray_done(1);
		return 0;
	}
	if (ray_await(&ref, 1, 0, RAY_FOREVER, at) == 1) {
		answer(ref);
		return 0;
	}
	waiting[at].call = (uint32_t)call;
	waiting[at].ref = ref;
	return 0;
}

RAY_EXPORT("ray_resume") int32_t resume(int32_t events) {
	(void)events;
	uint32_t event[2];
	while (ray_events(event, sizeof event) == sizeof event) {
		if (event[0] != 1 || event[1] >= CALLS)
			continue;
		uint32_t call = waiting[event[1]].call;
		waiting[event[1]].call = 0;
		if (ray_serve(call) == 0)
			answer(waiting[event[1]].ref);
	}
	return 0;
}
