// raywasm_fail.h: errors of C and C++ guests with type, message, stack and causes, as every other language finds them.
//
//	return ray_failed("no_user", "user 7 is unknown");
//
//	const struct ray_cause chain[] = {{"load_error", "cannot load user 7", 0}, {"io_error", "disk on fire", 0}};
//	return ray_failed_because(chain, 2);
//
// Both end a ray_call: they hand the error over and return the status to return. guest-sdk/abi.md has the form.

#ifndef RAYWASM_FAIL_H
#define RAYWASM_FAIL_H

#include "raywasm.h"

#ifdef __cplusplus
extern "C" {
#endif

// ray_cause is one error of a chain. Texts are UTF-8 and may be null.
struct ray_cause {
	const char *type;
	const char *message;
	const char *stack; // innermost frame first, in whatever form
};

enum {
	RAY_CAUSES = 16, // the longest chain that crosses
	RAY_CAUSE_TEXT = 1024, // bytes of a text that cross
};

// The form is made here. A guest has one thread.
static struct {
	uint32_t size;
	uint8_t bytes[RAY_CAUSES * (3 * (RAY_CAUSE_TEXT + 4) + 8) + 64];
} ray_form_;

static inline void ray_byte_(int b) { ray_form_.bytes[ray_form_.size++] = (uint8_t)b; }

// ray_text_ writes a key and a text, cut at the beginning of a character.
static inline void ray_text_(int key, const char *text) {
	uint32_t n = 0;
	while (n < RAY_CAUSE_TEXT && text[n]) n++;
	if (text[n]) {
		while (n > 0 && (text[n] & 0xc0) == 0x80) n--;
	}
	ray_byte_(key);
	ray_byte_(0x79); // a text whose length has 16 bits
	ray_byte_(n >> 8);
	ray_byte_(n);
	for (uint32_t i = 0; i < n; i++) ray_byte_(text[i]);
}

static inline int ray_said_(const char *text) { return text && text[0]; }

// ray_failed_because fails the call with the first error of the chain, which the second caused, and so on.
static inline int32_t ray_failed_because(const struct ray_cause *chain, uint32_t n) {
	if (n > RAY_CAUSES) n = RAY_CAUSES;
	ray_form_.size = 0;
	ray_byte_(n ? 0xa2 : 0xa1); // {2: "TaskError", 4: the fault}
	ray_text_(2, "TaskError");
	for (uint32_t i = 0; i < n; i++) {
		const struct ray_cause *c = &chain[i];
		ray_byte_(i ? 5 : 4);
		ray_byte_(0xa0 + ray_said_(c->type) + ray_said_(c->message) + ray_said_(c->stack) + (i + 1 < n));
		if (ray_said_(c->type)) ray_text_(1, c->type);
		if (ray_said_(c->message)) ray_text_(2, c->message);
		if (ray_said_(c->stack)) ray_text_(3, c->stack);
	}
	ray_fail(ray_form_.bytes, ray_form_.size);
	return 1;
}

// ray_failed fails the call with an error of a type and a message.
static inline int32_t ray_failed(const char *type, const char *message) {
	const struct ray_cause c = {type, message, 0};
	return ray_failed_because(&c, 1);
}

#ifdef __cplusplus
}
#endif

#endif
