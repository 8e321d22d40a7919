// What every program is given: products of matrices, sums, and the functions that the C library has too slow.
//
// Before it stand `real` (double or float) and B, how many examples a program works on at a time: 1, or a multiple
// of a vector. Sizes are constants wherever a program calls these, so that a compiler unrolls what it inlines.

#include <fenv.h>
#include <stdint.h>
#include <string.h>
#include <tgmath.h>

#if defined(__AVX512F__)
#define VECTOR_BYTES 64
enum { REGISTERS = 32 };
#elif defined(__AVX__)
#define VECTOR_BYTES 32
enum { REGISTERS = 16 };
#else
#define VECTOR_BYTES 16
enum { REGISTERS = 16 };
#endif
enum { ROWS_AT_ONCE = REGISTERS / 4 };  // of a product: three vectors of sums each, and a factor and three of the rest
enum { LANES = VECTOR_BYTES / sizeof(real) };
typedef real vector __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(real)), may_alias));
#if REAL_BITS == 64
typedef int64_t lanes __attribute__((vector_size(VECTOR_BYTES)));
#else
typedef int32_t lanes __attribute__((vector_size(VECTOR_BYTES)));
#endif

#define INLINE static inline __attribute__((always_inline, unused))
#define HELPER static inline __attribute__((unused))

// ---- what the processor notes of numbers that are not finite

#if defined(__x86_64__)
HELPER void forget(void) {
    __asm__ volatile("" ::: "memory");
    __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() & ~0x3Fu);
}
HELPER int noted(void) {  // a division by 0, an overflow, or what has no value
    __asm__ volatile("" ::: "memory");
    return (__builtin_ia32_stmxcsr() & 0x0D) != 0;
}
#else
HELPER void forget(void) { feclearexcept(FE_ALL_EXCEPT); }
HELPER int noted(void) { return fetestexcept(FE_DIVBYZERO | FE_OVERFLOW | FE_INVALID) != 0; }
#endif

// ---- functions of one number; nan stays nan, and what overflows says so to the processor

HELPER real max(real x, real y) { return (x < y) | (y != y) ? y : x; }
HELPER real min(real x, real y) { return (y < x) | (y != y) ? y : x; }
HELPER real square(real x) { return x * x; }
HELPER real cube(real x) { return x * x * x; }
HELPER real root(real x) { return sqrt(x == -INFINITY ? INFINITY : x + 0); }  // as pow has it, of -inf and -0 too

// 2 to the power of a whole number k that is known as k + MAGIC: its lowest bits are moved to the exponent's place.
// Where exp becomes 0 or infinite are variables, that nobody changes: of constants a compiler makes a branch of its own,
// in which it then computes with an infinite x, for nothing, and the processor notes it.
// exp(x) = 2^k exp(r), where r = x - k log 2 is at most half of log 2 in size, and log 2 is split into two numbers, so
// that k times the first is exact; exp(r) - 1 is a Taylor polynomial.
#if REAL_BITS == 64
static const real MAGIC = 0x1.8p52, LOG2E = 1.4426950408889634, LOG2_HIGH = 0x1.62e42fefa3800p-1,
                  LOG2_LOW = 0x1.ef35793c76730p-45;
static __attribute__((used)) real lowest = -746.0, highest = 710.0;

INLINE real power_of_two(real k_and_magic) {
    int64_t bits;
    memcpy(&bits, &k_and_magic, sizeof bits);
    bits = (int64_t)((uint64_t)(bits + 1023) << 52);
    real power;
    memcpy(&power, &bits, sizeof power);
    return power;
}

INLINE real expm1_of_small(real r) {
    real p = 1.0 / 6227020800.0;
    p = p * r + 1.0 / 479001600.0;
    p = p * r + 1.0 / 39916800.0;
    p = p * r + 1.0 / 3628800.0;
    p = p * r + 1.0 / 362880.0;
    p = p * r + 1.0 / 40320.0;
    p = p * r + 1.0 / 5040.0;
    p = p * r + 1.0 / 720.0;
    p = p * r + 1.0 / 120.0;
    p = p * r + 1.0 / 24.0;
    p = p * r + 1.0 / 6.0;
    p = p * r + 0.5;
    return r + r * r * p;
}
#else
static const real MAGIC = 0x1.8p23f, LOG2E = 1.44269504f, LOG2_HIGH = 0x1.62e400p-1f, LOG2_LOW = 0x1.7f7d1cp-20f;
static __attribute__((used)) real lowest = -104.0f, highest = 89.0f;

INLINE real power_of_two(real k_and_magic) {
    int32_t bits;
    memcpy(&bits, &k_and_magic, sizeof bits);
    bits = (int32_t)((uint32_t)(bits + 127) << 23);
    real power;
    memcpy(&power, &bits, sizeof power);
    return power;
}

INLINE real expm1_of_small(real r) {
    real p = 1.0f / 5040.0f;
    p = p * r + 1.0f / 720.0f;
    p = p * r + 1.0f / 120.0f;
    p = p * r + 1.0f / 24.0f;
    p = p * r + 1.0f / 6.0f;
    p = p * r + 0.5f;
    return r + r * r * p;
}
#endif

INLINE real clamped(real x, real low, real high) {
    x = x < low ? low : x;
    return x > high ? high : x;
}

INLINE real fast_exp(real x) {
    x = clamped(x, lowest, highest);
    real k = (x * LOG2E + MAGIC) - MAGIC, half = k * (real)0.5 + MAGIC;
    real r = (x - k * LOG2_HIGH) - k * LOG2_LOW;
    real first = power_of_two(half), second = power_of_two((k - (half - MAGIC)) + MAGIC);
    return (expm1_of_small(r) + 1) * first * second;
}

INLINE real fast_expm1(real x) {
    x = clamped(x, -40, highest);
    real k = (x * LOG2E + MAGIC) - MAGIC, r = (x - k * LOG2_HIGH) - k * LOG2_LOW;
    real half = power_of_two((k - 1) + MAGIC);  // of 2^k, which may be too large
    return 2 * (expm1_of_small(r) * half + (half - (real)0.5));
}

INLINE real fast_tanh(real x) {
    real size = fabs(x);
    size = size > 20 ? 20 : size;
    real e = fast_expm1(-2 * size);
    return copysign(-e / (2 + e), x);
}

// The place of an entry among n, from a number; what is no such place is noted as the processor notes 0 / 0.
INLINE int pick(real x, int n) {
    if (x >= 0 && x < n && x == (real)(int)x) return (int)x;
    feraiseexcept(FE_INVALID);
    return 0;
}

// ---- sums: in vectors, whose lanes are added in a fixed order

INLINE vector load(const real *x) { return *(const vector *)x; }
INLINE void store(real *x, vector v) { *(vector *)x = v; }

// The same vector: gcc, which is told that it may have changed, keeps it instead of loading it again for each use.
INLINE vector in_register(vector v) {
#if defined(__x86_64__)
    __asm__("" : "+x"(v));
#endif
    return v;
}

// Lane i of two vectors whose blocks of 2 x 2, `w` lanes wide, have exchanged corners, as a number of x's and y's lanes.
#define UPPER(i, w) ((i) & (w) ? LANES + (i) - (w) : (i))
#define LOWER(i, w) ((i) & (w) ? LANES + (i) : (i) + (w))
#define TWO(of, w, i) of(i, w), of(i + 1, w)
#define FOUR(of, w, i) TWO(of, w, i), TWO(of, w, i + 2)
#define EIGHT(of, w, i) FOUR(of, w, i), FOUR(of, w, i + 4)
#define SIXTEEN(of, w, i) EIGHT(of, w, i), EIGHT(of, w, i + 8)
#if VECTOR_BYTES * 8 / REAL_BITS == 2
#define EACH TWO
#elif VECTOR_BYTES * 8 / REAL_BITS == 4
#define EACH FOUR
#elif VECTOR_BYTES * 8 / REAL_BITS == 8
#define EACH EIGHT
#else
#define EACH SIXTEEN
#endif
#if defined(__clang__)
#define SHUFFLED(of, w) __builtin_shufflevector(x, y, EACH(of, (w) % LANES, 0))
#else
#define SHUFFLED(of, w) __builtin_shuffle(x, y, (lanes){EACH(of, (w) % LANES, 0)})
#endif

// Exchanges those corners: a step of a transposition.
INLINE void exchange(vector *a, vector *b, int width) {
    vector x = *a, y = *b;
#define EXCHANGED(w) \
    if (width == w) *a = SHUFFLED(UPPER, w), *b = SHUFFLED(LOWER, w)
    EXCHANGED(1);
    EXCHANGED(2);
    EXCHANGED(4);
    EXCHANGED(8);
#undef EXCHANGED
}

INLINE real added_lanes(vector v) {
    real sums[LANES];
#pragma GCC unroll 8
    for (int width = LANES / 2; width; width /= 2) {
        vector other = v;
        exchange(&v, &other, width);
        v += other;
    }
    store(sums, v);
    return sums[0];
}

// Turns LANES rows of as many numbers, each from where it is, into rows `out_row` apart.
INLINE void turn(const real *const *rows, real *out, int64_t out_row) {
    vector block[LANES];
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++) block[i] = load(rows[i]);
#pragma GCC unroll 8
    for (int width = LANES / 2; width; width /= 2)
#pragma GCC unroll 16
        for (int i = 0; i < LANES; i++)
            if (!(i & width)) exchange(&block[i], &block[i + width], width);
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++) store(out + i * out_row, block[i]);
}

// out[n][k] = x[k][n]
static __attribute__((noinline, unused)) void transpose(int rows, int columns, const real *x, int xk, real *out) {
    int k = 0;
    for (; k + LANES <= rows; k += LANES) {
        int n = 0;
        for (; n + LANES <= columns; n += LANES) {
            const real *from[LANES];
            for (int i = 0; i < LANES; i++) from[i] = x + (k + i) * xk + n;
            turn(from, out + n * rows + k, rows);
        }
        for (; n < columns; n++)
            for (int i = 0; i < LANES; i++) out[n * rows + k + i] = x[(k + i) * xk + n];
    }
    for (; k < rows; k++)
        for (int n = 0; n < columns; n++) out[n * rows + k] = x[k * xk + n];
}

INLINE real dot(const real *x, const real *y, int n) {
    vector sums[4] = {0};
    int i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES)
        for (int j = 0; j < 4; j++) sums[j] += load(x + i + j * LANES) * load(y + i + j * LANES);
    for (; i + LANES <= n; i += LANES) sums[0] += load(x + i) * load(y + i);
    real sum = added_lanes((sums[0] + sums[1]) + (sums[2] + sums[3]));
    for (; i < n; i++) sum += x[i] * y[i];
    return sum;
}

// The sums of the lanes of LANES vectors, as one vector.
INLINE vector summed(vector *v) {
#pragma GCC unroll 8
    for (int width = LANES / 2; width; width /= 2)
#pragma GCC unroll 16
        for (int i = 0; i < width; i++) {
            exchange(&v[i], &v[i + width], width);
            v[i] += v[i + width];
        }
    return v[0];
}

INLINE real sum_of(const real *x, int n) {
    vector sums = {0};
    int i = 0;
    for (; i + LANES <= n; i += LANES) sums += load(x + i);
    real sum = added_lanes(sums);
    for (; i < n; i++) sum += x[i];
    return sum;
}

// Adds to each of out the sum of a row of B numbers.
INLINE void add_sums(int rows, const real *x, real *out) {
    int r = 0;
    for (; B % LANES == 0 && r + LANES <= rows; r += LANES) {
        vector sums[LANES] = {0};
        for (int n = 0; n < B; n += LANES)
            for (int j = 0; j < LANES; j++) sums[j] += load(x + (r + j) * B + n);
        store(out + r, load(out + r) + summed(sums));
    }
    for (; r < rows; r++) out[r] += sum_of(x + r * B, B);
}

enum { TWO_ROWS = 3 * LANES <= REGISTERS };  // of sums, of factors and what they meet, one vector a lane

// As many sums over n of d[r][n] * x[k][n] at a time as there are lanes, of one row or two, are added to out[r][k].
INLINE void some_dots(int rows, int columns, const real *d, int dr, const real *x, int xk, real *out, int outr) {
    vector sums[2][LANES] = {0};
    int n = 0;
    for (; n + LANES <= columns; n += LANES) {
        vector factors[2];
#pragma GCC unroll 2
        for (int r = 0; r < rows; r++) factors[r] = in_register(load(d + r * dr + n));
#pragma GCC unroll 16
        for (int j = 0; j < LANES; j++) {
            vector xs = in_register(load(x + j * xk + n));
#pragma GCC unroll 2
            for (int r = 0; r < rows; r++) sums[r][j] += factors[r] * xs;
        }
    }
#pragma GCC unroll 2
    for (int r = 0; r < rows; r++) store(out + r * outr, load(out + r * outr) + summed(sums[r]));
    for (; n < columns; n++)
        for (int r = 0; r < rows; r++)
            for (int j = 0; j < LANES; j++) out[r * outr + j] += d[r * dr + n] * x[j * xk + n];
}

// Adds to out[r][k] the sum over n of d[r][n] * x[k][n].
INLINE void dots(int rows, int terms, int columns, const real *d, int dr, const real *x, int xk, real *out, int outr,
                 int outk) {
    int k = 0;
    for (; outk == 1 && columns >= LANES && k + LANES <= terms; k += LANES) {
        int r = 0;
        for (; TWO_ROWS && r + 2 <= rows; r += 2)
            some_dots(2, columns, d + r * dr, dr, x + k * xk, xk, out + r * outr + k, outr);
        for (; r < rows; r++) some_dots(1, columns, d + r * dr, dr, x + k * xk, xk, out + r * outr + k, outr);
    }
    for (; k < terms; k++)
        for (int r = 0; r < rows; r++) out[r * outr + k * outk] += dot(d + r * dr, x + k * xk, columns);
}

enum { PANEL = 256 };  // so many rows of a strip fit into the first cache with room to spare

// ---- products of matrices: out[r][n] = (or +=) the sum over k of a[r][k] * x[k][n], where n is innermost; bias[r], if
// there is one, is what a sum begins with

INLINE void tile(int rows, int vectors, int terms, const real *a, int ar, int ak, const real *x, int xk, real *out,
                 int outr, int add, const real *bias, int biasr) {
    vector sums[8][4];
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) {
            sums[r][v] = (vector){0};
            if (add) sums[r][v] = load(out + r * outr + v * LANES);
            if (bias) sums[r][v] += bias[r * biasr];
        }
    for (int k = 0; k < terms; k++) {
        vector xs[4];
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) xs[v] = in_register(load(x + k * xk + v * LANES));
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) {
            real factor = a[r * ar + k * ak];
#pragma GCC unroll 4
            for (int v = 0; v < vectors; v++) sums[r][v] += factor * xs[v];
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) store(out + r * outr + v * LANES, sums[r][v]);
}

// All rows of a strip that is some vectors wide; as many rows at a time as there are registers for.
INLINE void strip(int rows, int vectors, int terms, const real *a, int ar, int ak, const real *x, int xk, real *out,
                  int outr, int add, const real *bias, int biasr) {
    int r = 0;
#define ROWS(n) \
    tile(n, vectors, terms, a + r * ar, ar, ak, x, xk, out + r * outr, outr, add, bias ? bias + r * biasr : 0, biasr)
    for (; ROWS_AT_ONCE == 8 && r + 8 <= rows; r += 8) ROWS(8);
    for (; r + 4 <= rows; r += 4) ROWS(4);
    if (rows - r >= 2) {
        ROWS(2);
        r += 2;
    }
    if (rows - r >= 1) ROWS(1);
#undef ROWS
}

// Where a strip is long, its rows are put side by side first, as many as the cache holds: rows that are far apart push
// one another out of it.
INLINE void long_strip(int rows, int vectors, int terms, const real *a, int ar, int ak, const real *x, int xk,
                       real *out, int outr, int add, const real *bias, int biasr) {
    if (rows < 4 * ROWS_AT_ONCE || terms * xk < PANEL * 4 * LANES) {
        strip(rows, vectors, terms, a, ar, ak, x, xk, out, outr, add, bias, biasr);
        return;
    }
    real panel[PANEL * 4 * LANES];
    for (int k = 0; k < terms; k += PANEL) {
        int some = terms - k < PANEL ? terms - k : PANEL;
        for (int i = 0; i < some; i++)
            for (int v = 0; v < vectors; v++)
                store(panel + (i * vectors + v) * LANES, load(x + (k + i) * xk + v * LANES));
        const real *begin = k ? 0 : bias;
        strip(rows, vectors, some, a + k * ak, ar, ak, panel, vectors * LANES, out, outr, add || k, begin, biasr);
    }
}

// Strips of three vectors, or of two, so that none of one is left over; of four where there are hardly any rows.
INLINE void strips(int rows, int columns, int terms, const real *a, int ar, int ak, const real *x, int xk, real *out,
                   int outr, int add, const real *bias, int biasr) {
    int n = 0, whole = columns / LANES * LANES;
    if (rows < 3)
        for (; n + 4 * LANES <= whole; n += 4 * LANES)
            strip(rows, 4, terms, a, ar, ak, x + n, xk, out + n, outr, add, bias, biasr);
    for (; whole - n == 3 * LANES || whole - n > 4 * LANES; n += 3 * LANES)
        long_strip(rows, 3, terms, a, ar, ak, x + n, xk, out + n, outr, add, bias, biasr);
    for (; n + 2 * LANES <= whole; n += 2 * LANES)
        long_strip(rows, 2, terms, a, ar, ak, x + n, xk, out + n, outr, add, bias, biasr);
    if (n < whole) {
        strip(rows, 1, terms, a, ar, ak, x + n, xk, out + n, outr, add, bias, biasr);
        n += LANES;
    }
    for (; n < columns; n++)
        for (int r = 0; r < rows; r++) {
            real sum = add ? out[r * outr + n] : bias ? bias[r * biasr] : 0;
            for (int k = 0; k < terms; k++) sum += a[r * ar + k * ak] * x[k * xk + n];
            out[r * outr + n] = sum;
        }
}

INLINE void product(int rows, int columns, int terms, const real *a, int ar, int ak, const real *x, int xk, real *out,
                    int outr, int add, const real *bias, int biasr) {
    if (columns == 1 && ak == 1 && xk == 1) {
        if (!add)
            for (int r = 0; r < rows; r++) out[r * outr] = bias ? bias[r * biasr] : 0;
        dots(1, rows, terms, x, 0, a, ar, out, 0, outr);
    } else if (columns == 1 && ar == 1 && outr == 1 && !bias)
        strips(1, rows, terms, x, 0, xk, a, ak, out, 0, add, 0, 0);  // the other way round: rows are innermost
    else
        strips(rows, columns, terms, a, ar, ak, x, xk, out, outr, add, bias, biasr);
}

INLINE void multiply(int rows, int columns, int terms, const real *a, int ar, int ak, const real *x, int xk, real *out,
                     int outr) {
    product(rows, columns, terms, a, ar, ak, x, xk, out, outr, 0, 0, 0);
}

INLINE void multiply_add(int rows, int columns, int terms, const real *a, int ar, int ak, const real *x, int xk,
                         real *out, int outr) {
    product(rows, columns, terms, a, ar, ak, x, xk, out, outr, 1, 0, 0);
}

// With a number for each row from which its sums begin.
INLINE void multiply_affine(int rows, int columns, int terms, const real *a, int ar, int ak, const real *x, int xk,
                            real *out, int outr, const real *bias, int biasr) {
    product(rows, columns, terms, a, ar, ak, x, xk, out, outr, 0, bias, biasr);
}

// Adds to out[r][k] the sum over n of d[r][n] * x[k][n], where n is innermost; `turned` is room for x, transposed.
INLINE void outer_add(int rows, int terms, int columns, const real *d, int dr, const real *x, int xk, real *out,
                      int outr, int outk, real *turned) {
    if (columns == 1 && xk == 1 && outk == 1) {
        strips(rows, terms, 1, d, dr, 0, x, 0, out, outr, 1, 0, 0);
    } else if (columns == 1 || outk != 1 || terms < LANES || rows < 4 || (TWO_ROWS && columns >= 8 * LANES)) {
        dots(rows, terms, columns, d, dr, x, xk, out, outr, outk);  // sums over lanes cost less than to turn x
    } else {
        transpose(terms, columns, x, xk, turned);
        strips(rows, terms, columns, d, dr, 1, turned, terms, out, outr, 1, 0, 0);
    }
}

// Example by example: out[b] = (or +=) the sum over k of x[k][b] * y[k][b].
INLINE void inner(int terms, const real *x, int xk, const real *y, int yk, real *out, int add) {
    for (int b = 0; b + LANES <= B; b += LANES) {
        vector sum = add ? load(out + b) : (vector){0};
        for (int k = 0; k < terms; k++) sum += load(x + k * xk + b) * load(y + k * yk + b);
        store(out + b, sum);
    }
    for (int b = B / LANES * LANES; b < B; b++) {
        real sum = add ? out[b] : 0;
        for (int k = 0; k < terms; k++) sum += x[k * xk + b] * y[k * yk + b];
        out[b] = sum;
    }
}

INLINE void multiply_each(int terms, const real *x, int xk, const real *y, int yk, real *out) {
    inner(terms, x, xk, y, yk, out, 0);
}

INLINE void multiply_each_add(int terms, const real *x, int xk, const real *y, int yk, real *out) {
    inner(terms, x, xk, y, yk, out, 1);
}

// ---- what a program has: its way ahead and its way back may be compiled apart

void prepare(real *shared);
void forward(real *shared, real *rows);
void results(real *shared, real *rows, real *out);
void backward(real *shared, real *rows, real *d_shared, real *d_rows, real *upstream);
void finish(real *shared, real *d_shared, double scale);
