/* The C guest of the metering benchmarks and tests: every export does a fixed
   amount of one kind of work and returns a checksum. It needs no libc but
   memcpy and memset, which the compiler may call. native.c makes a native
   program of it. */

#ifdef __wasm__
#define EXPORT(name) __attribute__((export_name(#name)))
#else
#define EXPORT(name)
#endif
typedef unsigned int u32;
typedef unsigned char u8;

#ifdef __wasm__
void *memcpy(void *restrict to, const void *restrict from, unsigned long n) {
	u8 *t = to;
	const u8 *f = from;
	while (n--) *t++ = *f++;
	return to;
}
void *memset(void *to, int c, unsigned long n) {
	u8 *t = to;
	while (n--) *t++ = (u8)c;
	return to;
}
#endif

static int fibonacci(int n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }
EXPORT(fib) int fib(int n) { return fibonacci(n); }

#define MAX 256
static double A[MAX * MAX], B[MAX * MAX], C[MAX * MAX];
EXPORT(matmul) int matmul(int n) {
	for (int i = 0; i < n * n; i++) A[i] = i % 7, B[i] = i % 5;
	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++) {
			double sum = 0;
			for (int k = 0; k < n; k++) sum += A[i * n + k] * B[k * n + j];
			C[i * n + j] = sum;
		}
	return (int)C[n * n - 1];
}

static const u32 K[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};
#define ROR(x, n) ((x) >> (n) | (x) << (32 - (n)))
static void block(u32 s[8], const u8 *p) {
	u32 w[64], v[8];
	for (int i = 0; i < 16; i++) w[i] = p[4 * i] << 24 | p[4 * i + 1] << 16 | p[4 * i + 2] << 8 | p[4 * i + 3];
	for (int i = 16; i < 64; i++) {
		u32 a = w[i - 15], b = w[i - 2];
		w[i] = w[i - 16] + w[i - 7] + (ROR(a, 7) ^ ROR(a, 18) ^ a >> 3) + (ROR(b, 17) ^ ROR(b, 19) ^ b >> 10);
	}
	for (int i = 0; i < 8; i++) v[i] = s[i];
	for (int i = 0; i < 64; i++) {
		u32 e = v[4], a = v[0];
		u32 t1 = v[7] + (ROR(e, 6) ^ ROR(e, 11) ^ ROR(e, 25)) + ((e & v[5]) ^ (~e & v[6])) + K[i] + w[i];
		u32 t2 = (ROR(a, 2) ^ ROR(a, 13) ^ ROR(a, 22)) + ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));
		for (int j = 7; j > 0; j--) v[j] = v[j - 1];
		v[4] += t1;
		v[0] = t1 + t2;
	}
	for (int i = 0; i < 8; i++) s[i] += v[i];
}
static u8 buffer[1 << 16];
EXPORT(sha) int sha(int kib) {
	u32 s[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
	for (int i = 0; i < 1024; i++) buffer[i] = (u8)i;
	for (int k = 0; k < kib; k++)
		for (int i = 0; i < 1024; i += 64) block(s, buffer + i);
	return (int)s[0];
}

static u32 numbers[1 << 16];
static int less(const void *a, const void *b) { return *(const u32 *)a < *(const u32 *)b; }
typedef int (*order)(const void *, const void *);
static void quick(u32 *v, int n, order before) {
	while (n > 1) {
		u32 pivot = v[n / 2];
		int i = 0, j = n - 1;
		for (;;) {
			while (before(&v[i], &pivot)) i++;
			while (before(&pivot, &v[j])) j--;
			if (i >= j) break;
			u32 t = v[i];
			v[i++] = v[j];
			v[j--] = t;
		}
		quick(v, i, before);
		v += i;
		n -= i;
	}
}
volatile order chosen = less;
EXPORT(sorting) int sorting(int n) {
	u32 x = 1;
	for (int i = 0; i < n; i++) numbers[i] = (x = x * 1664525u + 1013904223u) >> 8;
	quick(numbers, n, chosen);
	return (int)numbers[n / 2];
}

typedef struct { double x[3], v[3], m; } body;
static body bodies[5];
EXPORT(nbody) int nbody(int steps) {
	for (int i = 0; i < 5; i++) {
		bodies[i] = (body){{i * 3.1, i * 1.7 + 1, i * 0.3}, {i * 0.01, -i * 0.02, 0.005}, 1.0 / (i + 1)};
	}
	for (int s = 0; s < steps; s++) {
		for (int i = 0; i < 5; i++)
			for (int j = i + 1; j < 5; j++) {
				double d[3], d2 = 0;
				for (int k = 0; k < 3; k++) d[k] = bodies[i].x[k] - bodies[j].x[k], d2 += d[k] * d[k];
				double mag = 0.001 / (d2 * __builtin_sqrt(d2));
				for (int k = 0; k < 3; k++) {
					bodies[i].v[k] -= d[k] * bodies[j].m * mag;
					bodies[j].v[k] += d[k] * bodies[i].m * mag;
				}
			}
		for (int i = 0; i < 5; i++)
			for (int k = 0; k < 3; k++) bodies[i].x[k] += 0.001 * bodies[i].v[k];
	}
	return (int)(bodies[0].x[0] * 1e6);
}

static double a_ij(int i, int j) { return 1.0 / ((i + j) * (i + j + 1) / 2 + i + 1); }
static void times(const double *v, double *out, int n, int t) {
	for (int i = 0; i < n; i++) {
		double sum = 0;
		for (int j = 0; j < n; j++) sum += (t ? a_ij(j, i) : a_ij(i, j)) * v[j];
		out[i] = sum;
	}
}
EXPORT(spectral) int spectral(int n) {
	static double u[512], v[512], w[512];
	for (int i = 0; i < n; i++) u[i] = 1;
	for (int i = 0; i < 3; i++) {
		times(u, w, n, 0), times(w, v, n, 1);
		times(v, w, n, 0), times(w, u, n, 1);
	}
	return (int)(u[0] * 1e3);
}

EXPORT(copying) int copying(int n) {
	static u8 to[1 << 16];
	for (int i = 0; i < n; i++) {
		buffer[i & 0xffff] = (u8)i;
		__builtin_memcpy(to, buffer, sizeof to);
	}
	return to[7];
}

static u32 keys[1 << 12], values[1 << 12];
EXPORT(hashmap) int hashmap(int n) {
	u32 x = 7;
	for (int i = 0; i < 1 << 12; i++) keys[i] = values[i] = 0;
	for (int i = 0; i < n; i++) {
		x = x * 1664525u + 1013904223u;
		u32 key = (x >> 8 & 1023) + 1, h = key * 2654435761u >> 20;
		while (keys[h] && keys[h] != key) h = (h + 1) & 4095;
		keys[h] = key;
		values[h] += x & 15;
	}
	u32 sum = 0;
	for (int i = 0; i < 1 << 12; i++) sum += values[i] * (u32)i;
	return (int)sum;
}

static u8 text[1 << 16];
static u8 *put(u8 *to, const char *s) {
	while (*s) *to++ = (u8)*s++;
	return to;
}
static u8 *put_number(u8 *to, int n) {
	if (n >= 10) to = put_number(to, n / 10);
	*to++ = (u8)('0' + n % 10);
	return to;
}

/* A parser of JSON that returns a checksum of what it reads. */
static const u8 *at;
static void space(void) {
	while (*at == ' ' || *at == '\n' || *at == '\t') at++;
}
static u32 string(void) {
	u32 sum = 0;
	for (at++; *at != '"'; at++) {
		if (*at == '\\') at++;
		sum = sum * 31 + *at;
	}
	at++;
	return sum;
}
static u32 value(void);
static u32 list(u8 end) {
	u32 sum = 1;
	at++;
	for (space(); *at != end; space()) {
		if (*at == ',' || *at == ':') at++;
		sum = sum * 17 + value();
	}
	at++;
	return sum;
}
static u32 value(void) {
	space();
	switch (*at) {
	case '{':
		return list('}');
	case '[':
		return list(']');
	case '"':
		return string();
	case 't':
	case 'n':
		at += 4;
		return 2;
	case 'f':
		at += 5;
		return 3;
	}
	double number = 0, scale = 1;
	int negative = *at == '-';
	if (negative) at++;
	for (; *at >= '0' && *at <= '9'; at++) number = number * 10 + (*at - '0');
	if (*at == '.')
		for (at++; *at >= '0' && *at <= '9'; at++) number += (*at - '0') * (scale /= 10);
	return (u32)(int)(negative ? -number : number);
}
EXPORT(jsons) int jsons(int n) {
	u8 *to = put(text, "[");
	for (int i = 0; i < 200; i++) {
		if (i) to = put(to, ", ");
		to = put_number(put(to, "{\"id\": "), i);
		to = put(to, ", \"name\": \"a \\\"record\\\"\", \"tags\": [\"a\", \"b\", true, null], \"x\": -");
		to = put(put_number(put(put_number(to, i * 7), "."), i), "}");
	}
	*put(to, "]") = 0;
	u32 sum = 0;
	for (int i = 0; i < n; i++) {
		at = text;
		sum += value();
	}
	return (int)sum;
}

/* A backtracking matcher of regular expressions: literals, ".", "*", classes
   as \a (letter) and \d (digit). */
static int is(const char **p, u8 c) {
	char k = *(*p)++;
	if (k == '.') return c != 0;
	if (k != '\\') return k == (char)c;
	k = *(*p)++;
	return k == 'a' ? c >= 'a' && c <= 'z' : c >= '0' && c <= '9';
}
static const u8 *match(const char *p, const u8 *s) {
	if (!*p) return s;
	const char *next = p;
	int one = is(&next, *s);
	if (*next != '*') return one ? match(next, s + 1) : 0;
	const u8 *end = s;
	for (; *end && (next = p, is(&next, *end)); end++) {}
	next = p;
	is(&next, 0);
	for (; end >= s; end--) {
		const u8 *m = match(next + 1, end);
		if (m) return m;
	}
	return 0;
}
EXPORT(regexps) int regexps(int n) {
	u8 *to = text;
	for (int i = 0; i < 40; i++) to = put(put_number(put(to, "some text with jane"), i), "@example.org in it, none here; ");
	*to = 0;
	int found = 0;
	for (int i = 0; i < n; i++)
		for (const u8 *s = text; *s;) {
			const u8 *m = match("\\a\\a*\\d*@\\a*.org", s);
			found += m != 0;
			s = m ? m : s + 1;
		}
	return found;
}
