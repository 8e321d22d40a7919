// What stands behind every program: how batches of examples are taken through it, and how it is trained.
//
// Before it stand the program's functions, and its sizes: INPUTS, RANDOM and OUTPUTS of an example, PARAMETERS, STATES
// of a parameter, SHARED numbers that are the same for all examples.

#ifdef _WIN32
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif

// A run belongs to one caller; nothing else is written to.
struct run {
    int64_t examples, batch;    // rows to go through; rows to an iteration
    int64_t t;                  // steps done before
    const int64_t *order;       // which rows of the table, or null for all as they stand
    const real *table;          // a row an example, of its inputs
    const real *draws;          // a row for each example gone through, of its random numbers
    const double *rates;        // the learning rate of each iteration
    double scale;               // what the sum of the losses is multiplied by, where only gradients are taken
    double clip_norm, clip_value;  // the bounds of the gradient; infinite for none
    int64_t tame;               // whether the rule makes finite numbers of finite ones
    int64_t count;              // how many parameters the optimizer has, ...
    const int64_t *places;      // ... and which ones, or null for all
    real *shared, *rows, *d_shared, *d_rows;
    real *states;               // count for each state
    real *kept;                 // room for the parameters and states before a step, and for gathered ones
    real *outputs;              // a row an example
    real *d_inputs;             // a row an example
    double *losses;             // the mean loss of each iteration
};

// Puts examples side by side into `rows`; where there are less than B, the last one again.
static void fill(const struct run *run, int64_t start, int64_t count) {
    const real *examples[B];
    for (int b = 0; b < B; b++) {
        int64_t at = start + (b < count ? b : count - 1);
        examples[b] = run->table + (run->order ? run->order[at] : at) * INPUTS;
        for (int i = 0; i < RANDOM; i++) run->rows[(INPUTS + i) * B + b] = run->draws[at * RANDOM + i];
    }
    int whole = B % LANES ? 0 : INPUTS / LANES * LANES;
    for (int b = 0; whole && b < B; b += LANES)
        for (int i = 0; i < whole; i += LANES) {
            const real *from[LANES];
            for (int j = 0; j < LANES; j++) from[j] = examples[b + j] + i;
            turn(from, run->rows + i * B + b, B);
        }
    for (int i = whole; i < INPUTS; i++)
        for (int b = 0; b < B; b++) run->rows[i * B + b] = examples[b][i];
}

// Runs examples forward, and adds up their losses; puts all outputs into `outputs`, if there is room.
static double values(const struct run *run, int64_t start, int64_t count) {
    real out[OUTPUTS * B];
    fill(run, start, count);
    forward(run->shared, run->rows);
    results(run->shared, run->rows, out);
    double loss = 0;
    for (int b = 0; b < B && b < count; b++) {
        loss += out[b];
        if (run->outputs)
            for (int i = 0; i < OUTPUTS; i++) run->outputs[(start + b) * OUTPUTS + i] = out[i * B + b];
    }
    return loss;
}

// Puts `scale` times the gradient of the sum of the examples' losses into d_shared; returns that sum.
static double gradient(const struct run *run, int64_t start, int64_t count, double scale) {
    double loss = 0;
    memset(run->d_shared, 0, SHARED * sizeof(real));
    prepare(run->shared);
    for (int64_t at = start, end = start + count; at < end; at += B) {
        int64_t here = end - at < B ? end - at : B;
        real upstream[B];
        for (int b = 0; b < B; b++) upstream[b] = b < here ? scale : 0;
        loss += values(run, at, here);
        backward(run->shared, run->rows, run->d_shared, run->d_rows, upstream);
        if (run->d_inputs)
            for (int b = 0; b < here; b++)
                for (int i = 0; i < INPUTS; i++) run->d_inputs[(at + b) * INPUTS + i] = run->d_rows[i * B + b];
    }
    finish(run->shared, run->d_shared, scale * count);
    return loss;
}

// The outputs of all examples. Returns 1 if something on the way was not finite, or no index.
EXPORT int64_t run_forward(const struct run *run) {
    forget();
    prepare(run->shared);
    for (int64_t at = 0; at < run->examples; at += B)
        values(run, at, run->examples - at < B ? run->examples - at : B);
    return noted();
}

// The outputs, and the gradient in d_shared and d_inputs. Returns 1 if something on the way was not finite.
EXPORT int64_t run_gradients(const struct run *run) {
    forget();
    gradient(run, 0, run->examples, run->scale);
    return noted();
}

#if TRAINED
static int all_below(const real *x, int64_t count, double limit) {
    real most = (real)limit;
    vector zero = {0};
    __typeof__(zero < zero) good = zero == zero;
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES) good &= (load(x + i) < most) & (load(x + i) > -most);
    int below = 1;
    for (int j = 0; j < LANES; j++) below &= good[j] != 0;
    for (; i < count; i++) below &= x[i] < most && x[i] > -most;
    return below;
}

// Bounds the gradient: its length first, then each number. Returns the square of its length, as it then is at most.
static double clip(real *g, int64_t count, double clip_norm, double clip_value) {
    double squares = dot(g, g, count);
    if (clip_norm < INFINITY) {
        double by = clip_norm / (sqrt(squares) + 1e-6);
        if (!(by >= 1))
            for (int64_t i = 0; i < count; i++) g[i] *= (real)by;
    }
    if (clip_value < INFINITY)
        for (int64_t i = 0; i < count; i++) g[i] = min(max(g[i], (real)-clip_value), (real)clip_value);
    return squares;
}

// So many steps of moderate gradients and rates can't take moderate weights out of the numbers; then they are looked at.
enum { LOOK = 64 };

// One step on gathered or whole parameters. Returns 0, with all as it was, if a result is not finite.
static int step(const struct run *run, real *w, real *g, double t, double rate, int *tame) {
    int64_t count = run->count;
    double squares = clip(g, count, run->clip_norm, run->clip_value);
    if (*tame < 0) *tame = run->tame && all_below(w, count, LIMIT);
    int certain = *tame && rate < RATE_LIMIT && squares < LIMIT;
    if (!(squares < INFINITY)) return 0;
    if (!certain) {
        memcpy(run->kept, w, count * sizeof(real));
        memcpy(run->kept + count, run->states, STATES * count * sizeof(real));
    }
    update(w, g, run->states, count, t, rate);
    if (certain || (all_below(w, count, INFINITY) && all_below(run->states, STATES * count, INFINITY))) return 1;
    memcpy(w, run->kept, count * sizeof(real));
    memcpy(run->states, run->kept + count, STATES * count * sizeof(real));
    return 0;
}

// The optimizer's step on the parameters that are its own.
static int descend(const struct run *run, double t, double rate, int *tame) {
    if (!run->places) return step(run, run->shared, run->d_shared, t, rate, tame);
    int64_t count = run->count;
    real *w = run->kept + (1 + STATES) * count, *g = w + count;
    for (int64_t i = 0; i < count; i++) w[i] = run->shared[run->places[i]], g[i] = run->d_shared[run->places[i]];
    int done = step(run, w, g, t, rate, tame);
    for (int64_t i = 0; i < count; i++) run->shared[run->places[i]] = w[i], run->d_shared[run->places[i]] = g[i];
    return done;
}

// Trains: an iteration is a batch's gradient and a step. Returns how many were done; one that fails changes nothing.
EXPORT int64_t run_epoch(const struct run *run) {
    int64_t done = 0;
    int tame = 0;
    for (int64_t at = 0; at < run->examples; at += run->batch, done++) {
        int64_t count = run->examples - at < run->batch ? run->examples - at : run->batch;
        if (done % LOOK == 0) tame = -1;
        forget();
        double loss = gradient(run, at, count, 1.0 / count) / count;
        if (noted() || loss != loss || !descend(run, run->t + done + 1, run->rates[done], &tame)) break;
        run->losses[done] = loss;
    }
    return done;
}
#endif
