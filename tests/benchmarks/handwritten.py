"""Training steps written by hand in NumPy, as an expert would: the yardstick for compiled programs.

Each class does one step of Adam on one model: forward, backward, update, with the chain rule worked out on paper. They
work on 64-bit floats, reuse memory where that is natural, and have no generality at all.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["GPT", "Classifier", "MaxMargin"]

Array = Any


class Adam:
    """Adam on one flat vector of all parameters, in place."""

    def __init__(self, size: int, lr: float = 1e-3) -> None:
        self.lr, self.t = lr, 0
        self.m, self.v, self.a, self.b = np.zeros(size), np.zeros(size), np.empty(size), np.empty(size)

    def step(self, w: Array, g: Array) -> None:
        """Updates w."""
        self.t += 1
        a, b, m, v = self.a, self.b, self.m, self.v
        np.multiply(m, 0.9, out=m)
        np.multiply(g, 0.1, out=a)
        np.add(m, a, out=m)
        np.multiply(v, 0.999, out=v)
        np.multiply(g, 1 - 0.999, out=a)
        np.multiply(a, g, out=a)
        np.add(v, a, out=v)
        np.multiply(m, self.lr / (1 - 0.9**self.t), out=a)
        np.divide(v, 1 - 0.999**self.t, out=b)
        np.sqrt(b, out=b)
        np.add(b, 1e-8, out=b)
        np.divide(a, b, out=a)
        np.subtract(w, a, out=w)


def split(vector: Array, shapes: list[tuple[int, ...]]) -> list[Array]:
    """Views of one flat vector."""
    views, start = [], 0
    for shape in shapes:
        size = int(np.prod(shape))
        views.append(vector[start : start + size].reshape(shape))
        start += size
    return views


class MaxMargin:
    """A ReLU network with two hidden layers and a single output, trained with the hinge loss."""

    def __init__(self, weights: list[Array]) -> None:
        shapes = [each.shape for each in weights]
        self.w = np.concatenate([each.ravel() for each in weights])
        self.g = np.empty_like(self.w)
        self.parts, self.grads = split(self.w, shapes), split(self.g, shapes)
        self.adam = Adam(len(self.w))

    def step(self, x: Array, y: Array) -> float:
        """Returns the mean loss of a batch (rows of x) before the update."""
        w1, b1, w2, b2, w3, b3 = self.parts
        g1, c1, g2, c2, g3, c3 = self.grads
        h1 = x @ w1
        h1 += b1
        np.maximum(h1, 0, out=h1)
        h2 = h1 @ w2
        h2 += b2
        np.maximum(h2, 0, out=h2)
        score = h2 @ w3
        score += b3
        margin = np.maximum(1 - y * score, 0)
        d = np.where(margin > 0, y, 0)
        d *= -1 / len(x)
        np.matmul(h2.T, d, out=g3)
        np.sum(d, axis=0, out=c3)
        d = d @ w3.T
        d *= h2 > 0
        np.matmul(h1.T, d, out=g2)
        np.sum(d, axis=0, out=c2)
        d = d @ w2.T
        d *= h1 > 0
        np.matmul(x.T, d, out=g1)
        np.sum(d, axis=0, out=c1)
        self.adam.step(self.w, self.g)
        return float(margin.mean())


class Classifier:
    """A ReLU network with one hidden layer, trained with cross-entropy."""

    def __init__(self, weights: list[Array]) -> None:
        shapes = [each.shape for each in weights]
        self.w = np.concatenate([each.ravel() for each in weights])
        self.g = np.empty_like(self.w)
        self.parts, self.grads = split(self.w, shapes), split(self.g, shapes)
        self.adam = Adam(len(self.w))

    def step(self, x: Array, y: Array) -> float:
        """Returns the mean loss of a batch (rows of x, class numbers y) before the update."""
        w1, b1, w2, b2 = self.parts
        g1, c1, g2, c2 = self.grads
        rows = np.arange(len(x))
        h = x @ w1
        h += b1
        np.maximum(h, 0, out=h)
        z = h @ w2
        z += b2
        z -= z.max(axis=1, keepdims=True)
        p = np.exp(z)
        total = p.sum(axis=1, keepdims=True)
        loss = (np.log(total[:, 0]) - z[rows, y]).mean()
        p /= total
        p[rows, y] -= 1
        p *= 1 / len(x)
        np.matmul(h.T, p, out=g2)
        np.sum(p, axis=0, out=c2)
        d = p @ w2.T
        d *= h > 0
        np.matmul(x.T, d, out=g1)
        np.sum(d, axis=0, out=c1)
        self.adam.step(self.w, self.g)
        return float(loss)


class GPT:
    """The language model of `demos/09_microgpt.py` with one block, for tokens of one length.

    `weights` are the tables of characters, positions and scores, and the six matrices of the block, each with a row
    for an output.
    """

    names = ("characters", "positions", "query", "key", "value", "out", "up", "down", "scores")

    def __init__(self, weights: dict[str, Array], heads: int = 4) -> None:
        shapes = [weights[name].shape for name in self.names]
        self.heads = heads
        self.w = np.concatenate([weights[name].ravel() for name in self.names])
        self.g = np.empty_like(self.w)
        self.parts, self.grads = split(self.w, shapes), split(self.g, shapes)
        self.adam = Adam(len(self.w))
        start = sum(int(np.prod(shape)) for shape in shapes[:2])
        size = 3 * shapes[2][0] * shapes[2][1]
        self.qkv = self.w[start : start + size].reshape(-1, shapes[2][1])  # three matrices as one
        self.d_qkv = self.g[start : start + size].reshape(-1, shapes[2][1])

    def loss(self, tokens: Array) -> float:
        """Returns the mean loss of a batch (a row of tokens each), and keeps what `gradient` needs."""
        characters, positions, _, _, _, out, up, down, scores = self.parts
        batch, length = tokens.shape[0], tokens.shape[1] - 1
        rows, heads, width = batch * length, self.heads, characters.shape[1]
        size = width // heads
        self.inputs, self.targets = tokens[:, :-1].ravel(), tokens[:, 1:].ravel()
        self.x0 = (characters[self.inputs].reshape(batch, length, width) + positions[:length]).reshape(rows, width)
        self.x1, self.s1 = rms_norm(self.x0)
        self.n1, self.s2 = rms_norm(self.x1)
        qkv = (self.n1 @ self.qkv.T).reshape(batch, length, 3, heads, size).transpose(2, 0, 3, 1, 4)
        self.q, self.k, self.v = np.ascontiguousarray(qkv)
        att = self.q @ self.k.transpose(0, 1, 3, 2)
        att *= 1 / np.sqrt(size)
        att += np.triu(np.full((length, length), -np.inf), 1)
        att -= att.max(axis=-1, keepdims=True)
        np.exp(att, out=att)
        att /= att.sum(axis=-1, keepdims=True)
        self.att = att
        self.o = np.ascontiguousarray((att @ self.v).transpose(0, 2, 1, 3)).reshape(rows, width)
        self.x2 = self.o @ out.T
        self.x2 += self.x1
        self.n2, self.s3 = rms_norm(self.x2)
        self.h = np.maximum(self.n2 @ up.T, 0)
        self.hh = self.h * self.h
        self.x3 = self.hh @ down.T
        self.x3 += self.x2
        z = self.x3 @ scores.T
        z -= z.max(axis=1, keepdims=True)
        self.p = np.exp(z)
        total = self.p.sum(axis=1, keepdims=True)
        self.p /= total
        return float((np.log(total[:, 0]) - z[np.arange(rows), self.targets]).mean())

    def gradient(self) -> None:
        """Fills `g`."""
        _, _, _, _, _, out, up, down, scores = self.parts
        d_characters, d_positions, _, _, _, d_out, d_up, d_down, d_scores = self.grads
        batch, heads, length, size = self.q.shape
        rows, width = self.x0.shape
        d = self.p
        d[np.arange(rows), self.targets] -= 1
        d *= 1 / rows
        np.matmul(d.T, self.x3, out=d_scores)
        dx = d @ scores
        np.matmul(dx.T, self.hh, out=d_down)
        dh = dx @ down
        dh *= self.h
        dh *= 2
        np.matmul(dh.T, self.n2, out=d_up)
        dx += rms_norm_gradient(dh @ up, self.x2, self.s3)
        np.matmul(dx.T, self.o, out=d_out)
        do = (dx @ out).reshape(batch, length, heads, size).transpose(0, 2, 1, 3)
        da = do @ self.v.transpose(0, 1, 3, 2)
        d_qkv = np.empty((3, batch, heads, length, size))
        np.matmul(self.att.transpose(0, 1, 3, 2), do, out=d_qkv[2])
        da -= (da * self.att).sum(axis=-1, keepdims=True)
        da *= self.att
        da *= 1 / np.sqrt(size)
        np.matmul(da, self.k, out=d_qkv[0])
        np.matmul(da.transpose(0, 1, 3, 2), self.q, out=d_qkv[1])
        flat = np.ascontiguousarray(d_qkv.transpose(1, 3, 0, 2, 4)).reshape(rows, 3 * width)
        np.matmul(flat.T, self.n1, out=self.d_qkv)
        dx += rms_norm_gradient(flat @ self.qkv, self.x1, self.s2)
        dx = rms_norm_gradient(dx, self.x0, self.s1)
        d_positions[...] = 0
        np.sum(dx.reshape(batch, length, width), axis=0, out=d_positions[:length])
        d_characters[...] = 0
        np.add.at(d_characters, self.inputs, dx)

    def step(self, tokens: Array) -> float:
        """Returns the mean loss of a batch before the update."""
        loss = self.loss(tokens)
        self.gradient()
        self.adam.step(self.w, self.g)
        return loss


def rms_norm(x: Array) -> tuple[Array, Array]:
    """Rows divided by the root of their mean square, and the factors."""
    scale = (np.einsum("ij,ij->i", x, x) / x.shape[1] + 1e-5) ** -0.5
    return x * scale[:, None], scale


def rms_norm_gradient(d: Array, x: Array, scale: Array) -> Array:
    """The gradient by the rows that came in."""
    dot = np.einsum("ij,ij->i", d, x) * scale**3 / x.shape[1]
    return d * scale[:, None] - x * dot[:, None]
