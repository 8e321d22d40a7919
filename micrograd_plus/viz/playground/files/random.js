// Python's own random numbers: the Mersenne Twister of Matsumoto and Nishimura (1998), seeded and drawn from as CPython's
// `random.Random` does it, so that a seed means the same here and there.

const WORD = 0xffffffffn, LONG = 0xffffffffffffffffn;

// SHA-512 (FIPS 180-4), by which Python makes a seed of a text. Its constants are roots of the first primes.
const PRIMES = [];
for (let n = 2; PRIMES.length < 80; n++) if (PRIMES.every(p => n % p)) PRIMES.push(n);

/** The first 64 binary places of the k-th root of n. */
function rootPlaces(n, k) {
  const whole = BigInt(n) << BigInt(64 * k);
  let low = 0n, high = 1n << 72n;
  while (high - low > 1n) {
    const middle = (low + high) >> 1n;
    if (middle ** BigInt(k) <= whole) low = middle;
    else high = middle;
  }
  return low & LONG;
}

const SHA_START = PRIMES.slice(0, 8).map(p => rootPlaces(p, 2));
const SHA_ROUNDS = PRIMES.map(p => rootPlaces(p, 3));

const turned = (x, by) => (x >> by | x << 64n - by) & LONG;

/** The digest of bytes, as bytes. */
function sha512(bytes) {
  const padded = new Uint8Array(Math.ceil((bytes.length + 17) / 128) * 128);
  padded.set(bytes);
  padded[bytes.length] = 128;
  new DataView(padded.buffer).setUint32(padded.length - 4, bytes.length * 8);
  const hash = SHA_START.slice(), view = new DataView(padded.buffer);
  for (let start = 0; start < padded.length; start += 128) {
    const w = Array.from({length: 16}, (_, i) => view.getBigUint64(start + 8 * i));
    for (let i = 16; i < 80; i++) {
      const x = w[i - 15], y = w[i - 2];
      const s0 = turned(x, 1n) ^ turned(x, 8n) ^ x >> 7n, s1 = turned(y, 19n) ^ turned(y, 61n) ^ y >> 6n;
      w.push(w[i - 16] + s0 + w[i - 7] + s1 & LONG);
    }
    let [a, b, c, d, e, f, g, h] = hash;
    for (let i = 0; i < 80; i++) {
      const s1 = turned(e, 14n) ^ turned(e, 18n) ^ turned(e, 41n), s0 = turned(a, 28n) ^ turned(a, 34n) ^ turned(a, 39n);
      const first = h + s1 + (e & f ^ (e ^ LONG) & g) + SHA_ROUNDS[i] + w[i], second = s0 + (a & b ^ a & c ^ b & c);
      [a, b, c, d, e, f, g, h] = [first + second & LONG, a, b, c, d + first & LONG, e, f, g];
    }
    [a, b, c, d, e, f, g, h].forEach((each, i) => { hash[i] = hash[i] + each & LONG; });
  }
  const digest = new Uint8Array(64);
  hash.forEach((each, i) => new DataView(digest.buffer).setBigUint64(8 * i, each));
  return digest;
}

/** The whole number that Python takes as the seed that it is given: of a text, its bytes and their digest. */
function wholeSeed(seed) {
  if (typeof seed !== "string") return seed < 0 ? -BigInt(seed) : BigInt(seed);
  const bytes = new TextEncoder().encode(seed);
  return [...bytes, ...sha512(bytes)].reduce((whole, byte) => whole << 8n | BigInt(byte), 0n);
}

/** A generator as `random.Random(seed)`: the same draws, one after the other. */
class Random {
  constructor(seed) {
    this.words = new Uint32Array(624);
    this.place = 624;
    this.gaussNext = null;
    this.seed(seed);
  }

  seed(seed) {
    const key = [];
    for (let left = wholeSeed(seed); left > 0n || !key.length; left >>= 32n) key.push(Number(left & WORD));
    const mt = this.words;
    mt[0] = 19650218;
    for (let i = 1; i < 624; i++) mt[i] = Math.imul(1812433253, mt[i - 1] ^ mt[i - 1] >>> 30) + i;
    let i = 1, j = 0;
    const mix = (factor, more) => {
      mt[i] = (mt[i] ^ Math.imul(mt[i - 1] ^ mt[i - 1] >>> 30, factor)) + more;
      if (++i >= 624) { mt[0] = mt[623]; i = 1; }
    };
    for (let k = Math.max(624, key.length); k; k--) {
      mix(1664525, key[j] + j);
      if (++j >= key.length) j = 0;
    }
    for (let k = 623; k; k--) mix(1566083941, -i);
    mt[0] = 0x80000000;
    this.place = 624;
    this.gaussNext = null;
  }

  /** The next 32 bits. */
  bits() {
    const mt = this.words;
    if (this.place >= 624) {
      for (let i = 0; i < 624; i++) {
        const y = mt[i] & 0x80000000 | mt[(i + 1) % 624] & 0x7fffffff;
        mt[i] = mt[(i + 397) % 624] ^ y >>> 1 ^ (y & 1 ? 0x9908b0df : 0);
      }
      this.place = 0;
    }
    let y = mt[this.place++];
    y ^= y >>> 11;
    y ^= y << 7 & 0x9d2c5680;
    y ^= y << 15 & 0xefc60000;
    return (y ^ y >>> 18) >>> 0;
  }

  /** From 0 to below 1. */
  random() {
    const high = this.bits() >>> 5, low = this.bits() >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
  }

  /** So many bits: a number up to 32 of them, a BigInt beyond. */
  getrandbits(count) {
    if (count <= 32) return this.bits() >>> 32 - count;
    let whole = 0n;
    for (let done = 0; done < count; done += 32)
      whole |= BigInt(this.bits() >>> Math.max(0, 32 - (count - done))) << BigInt(done);
    return whole;
  }

  /** A whole number from 0 to below n. */
  below(n) {
    const count = 32 - Math.clz32(n);
    let found = this.getrandbits(count);
    while (found >= n) found = this.getrandbits(count);
    return found;
  }

  shuffle(list) {
    for (let i = list.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [list[i], list[j]] = [list[j], list[i]];
    }
  }

  uniform(low, high) {
    return low + (high - low) * this.random();
  }

  /** A normal draw; every second one is kept from the one before. */
  gauss(mean = 0, deviation = 1) {
    let found = this.gaussNext;
    this.gaussNext = null;
    if (found === null) {
      const angle = this.random() * (2 * Math.PI), radius = Math.sqrt(-2 * Math.log(1 - this.random()));
      found = Math.cos(angle) * radius;
      this.gaussNext = Math.sin(angle) * radius;
    }
    return mean + found * deviation;
  }

  /** All that the next draws hang on; `restore` brings it back. */
  state() {
    return {words: this.words.slice(), place: this.place, gaussNext: this.gaussNext};
  }

  restore({words, place, gaussNext}) {
    this.words.set(words);
    this.place = place;
    this.gaussNext = gaussNext;
  }
}

/** The generator of an epoch, from 1, as `checks.rng(seed, epoch)`: all epochs of a seed share nothing. */
const epochRandom = (seed, epoch) => new Random(`seed ${seed}, epoch ${epoch}`);
