// Training steps written by hand in C, as an expert would in an afternoon: the yardstick for programs in C.
//
// A network of ReLU layers on a batch, with the hinge loss or cross-entropy, and Adam; sizes are constants, so that the
// compiler unrolls and vectorises: -DBATCH=100 -DINPUTS=2 -DHIDDEN=16 -DLAYERS=2 -DOUTPUTS=1. Examples are innermost:
// each unit has an array of BATCH numbers. Sums over examples are kept in eight parts, as one alone can't be
// vectorised without another result.

#include <math.h>
#include <string.h>

enum {
    FIRST = HIDDEN * INPUTS + HIDDEN,
    MIDDLE = HIDDEN * HIDDEN + HIDDEN,
    LAST = OUTPUTS * HIDDEN + OUTPUTS,
    PARAMETERS = FIRST + (LAYERS - 1) * MIDDLE + LAST
};

static inline double sum(const double *x) {
    double parts[8] = {0};
    int n = 0;
    for (; n + 8 <= BATCH; n += 8)
        for (int i = 0; i < 8; i++) parts[i] += x[n + i];
    double all = ((parts[0] + parts[1]) + (parts[2] + parts[3])) + ((parts[4] + parts[5]) + (parts[6] + parts[7]));
    for (; n < BATCH; n++) all += x[n];
    return all;
}

static inline double dot(const double *x, const double *y) {
    double parts[8] = {0};
    int n = 0;
    for (; n + 8 <= BATCH; n += 8)
        for (int i = 0; i < 8; i++) parts[i] += x[n + i] * y[n + i];
    double all = ((parts[0] + parts[1]) + (parts[2] + parts[3])) + ((parts[4] + parts[5]) + (parts[6] + parts[7]));
    for (; n < BATCH; n++) all += x[n] * y[n];
    return all;
}

// out = w x + b, where w has a row for each unit of the layer, and the biases come behind it
static inline void layer(int units, int inputs, const double *restrict w, const double *restrict x, double *restrict out) {
    for (int u = 0; u < units; u++) {
        double *restrict o = out + u * BATCH;
        for (int n = 0; n < BATCH; n++) o[n] = w[units * inputs + u];
        for (int i = 0; i < inputs; i++)
            for (int n = 0; n < BATCH; n++) o[n] += w[u * inputs + i] * x[i * BATCH + n];
    }
}

static inline void weights_gradient(int units, int inputs, const double *restrict d, const double *restrict x,
                                    double *restrict g) {
    for (int u = 0; u < units; u++) {
        for (int i = 0; i < inputs; i++) g[u * inputs + i] = dot(d + u * BATCH, x + i * BATCH);
        g[units * inputs + u] = sum(d + u * BATCH);
    }
}

// what comes to the units below, which were rectified
static inline void below(int units, int inputs, const double *restrict w, const double *restrict d,
                         const double *restrict x, double *restrict out) {
    for (int i = 0; i < inputs; i++) {
        double *restrict o = out + i * BATCH;
        for (int n = 0; n < BATCH; n++) o[n] = 0;
        for (int u = 0; u < units; u++)
            for (int n = 0; n < BATCH; n++) o[n] += w[u * inputs + i] * d[u * BATCH + n];
        for (int n = 0; n < BATCH; n++) o[n] = x[i * BATCH + n] > 0 ? o[n] : 0;
    }
}

static inline void relu(double *restrict x) {
    for (int n = 0; n < HIDDEN * BATCH; n++) x[n] = x[n] < 0 ? 0 : x[n];
}

static void adam(double *restrict w, const double *restrict g, double *restrict m, double *restrict v, int t) {
    double first = 1e-3 / (1 - pow(0.9, t)), second = 1 / (1 - pow(0.999, t));
    for (int i = 0; i < PARAMETERS; i++) {
        m[i] = 0.9 * m[i] + 0.1 * g[i];
        v[i] = 0.999 * v[i] + 0.001 * g[i] * g[i];
        w[i] -= first * m[i] / (sqrt(second * v[i]) + 1e-8);
    }
}

// The mean loss of a batch; d becomes its gradient by the outputs.
static double loss_of(const double *restrict out, const double *restrict y, double *restrict d) {
    double loss = 0;
#if OUTPUTS == 1
    for (int n = 0; n < BATCH; n++) {
        double margin = 1 - y[n] * out[n];
        loss += margin > 0 ? margin : 0;
        d[n] = margin > 0 ? -y[n] / BATCH : 0;
    }
#else
    for (int n = 0; n < BATCH; n++) {
        double most = out[n], total = 0;
        for (int k = 1; k < OUTPUTS; k++) most = out[k * BATCH + n] > most ? out[k * BATCH + n] : most;
        for (int k = 0; k < OUTPUTS; k++) total += d[k * BATCH + n] = exp(out[k * BATCH + n] - most);
        int right = (int)y[n];
        loss += log(total) + most - out[right * BATCH + n];
        for (int k = 0; k < OUTPUTS; k++) d[k * BATCH + n] *= 1 / (total * BATCH);
        d[right * BATCH + n] -= 1.0 / BATCH;
    }
#endif
    return loss / BATCH;
}

// `count` steps of Adam on batches of x (a row an example) and y; returns the loss of the last.
__attribute__((visibility("default"))) double steps(int count, int t, const double *x, const double *y, double *w,
                                                    double *m, double *v) {
    double in[INPUTS * BATCH], h[LAYERS][HIDDEN * BATCH], out[OUTPUTS * BATCH], d[OUTPUTS * BATCH];
    double dh[LAYERS][HIDDEN * BATCH], g[PARAMETERS], loss = 0;
    for (int s = 0; s < count; s++) {
        for (int n = 0; n < BATCH; n++)
            for (int i = 0; i < INPUTS; i++) in[i * BATCH + n] = x[n * INPUTS + i];
        double *last = w + FIRST + (LAYERS - 1) * MIDDLE, *g_last = g + FIRST + (LAYERS - 1) * MIDDLE;
        layer(HIDDEN, INPUTS, w, in, h[0]);
        relu(h[0]);
        for (int l = 1; l < LAYERS; l++) {
            layer(HIDDEN, HIDDEN, w + FIRST + (l - 1) * MIDDLE, h[l - 1], h[l]);
            relu(h[l]);
        }
        layer(OUTPUTS, HIDDEN, last, h[LAYERS - 1], out);
        loss = loss_of(out, y, d);
        weights_gradient(OUTPUTS, HIDDEN, d, h[LAYERS - 1], g_last);
        below(OUTPUTS, HIDDEN, last, d, h[LAYERS - 1], dh[LAYERS - 1]);
        for (int l = LAYERS - 1; l > 0; l--) {
            weights_gradient(HIDDEN, HIDDEN, dh[l], h[l - 1], g + FIRST + (l - 1) * MIDDLE);
            below(HIDDEN, HIDDEN, w + FIRST + (l - 1) * MIDDLE, dh[l], h[l - 1], dh[l - 1]);
        }
        weights_gradient(HIDDEN, INPUTS, dh[0], in, g);
        adam(w, g, m, v, t + s);
    }
    return loss;
}
