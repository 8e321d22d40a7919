// Python's own random numbers: the Mersenne Twister of Matsumoto and Nishimura (1998), seeded and drawn from as
// `random.Random` does it in CPython, so that a seed means the same here and there.

// SHA-512 (FIPS 180-4), by which Python makes a seed of a text: words of 64 bits as two of 32, the high one first. Its
// constants are the first binary places of roots of the first primes.
const PRIMES = [];
for (let n = 2; PRIMES.length < 80; n++) if (PRIMES.every(p => n % p)) PRIMES.push(n);

const WORD = 0xffffffffn, TWO32 = 4294967296;

/** The first 64 binary places of the k-th root of n, as two words. */
function rootPlaces(n, k) {
  const whole = BigInt(n) << BigInt(64 * k);
  let low = 0n, high = 1n << 72n;
  while (high - low > 1n) {
    const middle = (low + high) >> 1n;
    if (middle ** BigInt(k) <= whole) low = middle;
    else high = middle;
  }
  return [Number(low >> 32n & WORD), Number(low & WORD)];
}

const SHA_START = Uint32Array.from(PRIMES.slice(0, 8).flatMap(p => rootPlaces(p, 2)));
const SHA_ROUNDS = Uint32Array.from(PRIMES.flatMap(p => rootPlaces(p, 3)));

// The high half of a word turned right by n places; with the halves exchanged, the low one.
const turned = (high, low, n) => n < 32 ? high >>> n | low << 32 - n : low >>> n - 32 | high << 64 - n;
const mixed = (high, low, a, b, c) => (turned(high, low, a) ^ turned(high, low, b) ^ turned(high, low, c)) >>> 0;

/** The digest of bytes, as bytes. */
function sha512(bytes) {
  const padded = new Uint8Array(Math.ceil((bytes.length + 17) / 128) * 128), view = new DataView(padded.buffer);
  padded.set(bytes);
  padded[bytes.length] = 128;
  view.setUint32(padded.length - 4, bytes.length * 8);
  const hash = SHA_START.slice(), w = new Uint32Array(160), v = new Uint32Array(16);
  // what is put into a Uint32Array or through >>> 0 loses what is above 32 bits, and the fraction that a carry brings
  for (let start = 0; start < padded.length; start += 128) {
    for (let i = 0; i < 32; i++) w[i] = view.getUint32(start + 4 * i);
    for (let i = 32; i < 160; i += 2) {
      const xh = w[i - 30], xl = w[i - 29], yh = w[i - 4], yl = w[i - 3];
      const low = w[i - 31] + ((turned(xl, xh, 1) ^ turned(xl, xh, 8) ^ (xl >>> 7 | xh << 25)) >>> 0) + w[i - 13] +
        ((turned(yl, yh, 19) ^ turned(yl, yh, 61) ^ (yl >>> 6 | yh << 26)) >>> 0);
      w[i + 1] = low;
      w[i] = w[i - 32] + ((turned(xh, xl, 1) ^ turned(xh, xl, 8) ^ xh >>> 7) >>> 0) + w[i - 14] +
        ((turned(yh, yl, 19) ^ turned(yh, yl, 61) ^ yh >>> 6) >>> 0) + Math.floor(low / TWO32);
    }
    v.set(hash);
    for (let i = 0; i < 160; i += 2) {
      const ah = v[0], al = v[1], bh = v[2], bl = v[3], ch = v[4], cl = v[5], eh = v[8], el = v[9];
      const fh = v[10], fl = v[11], gh = v[12], gl = v[13], hh = v[14], hl = v[15];
      const low1 = hl + mixed(el, eh, 14, 18, 41) + ((el & fl ^ ~el & gl) >>> 0) + SHA_ROUNDS[i + 1] + w[i + 1];
      const high1 = hh + mixed(eh, el, 14, 18, 41) + ((eh & fh ^ ~eh & gh) >>> 0) + SHA_ROUNDS[i] + w[i] +
        Math.floor(low1 / TWO32);
      const low2 = mixed(al, ah, 28, 34, 39) + ((al & bl ^ al & cl ^ bl & cl) >>> 0) + (low1 >>> 0);
      const high2 = mixed(ah, al, 28, 34, 39) + ((ah & bh ^ ah & ch ^ bh & ch) >>> 0) + (high1 >>> 0);
      v.copyWithin(2, 0, 14);
      const low = v[9] + (low1 >>> 0);
      v[9] = low;
      v[8] = v[8] + (high1 >>> 0) + Math.floor(low / TWO32);
      v[1] = low2;
      v[0] = high2 + Math.floor(low2 / TWO32);
    }
    for (let i = 14; i >= 0; i -= 2) {
      const low = hash[i + 1] + v[i + 1];
      hash[i + 1] = low;
      hash[i] = hash[i] + v[i] + Math.floor(low / TWO32);
    }
  }
  const digest = new DataView(new ArrayBuffer(64));
  hash.forEach((each, i) => digest.setUint32(4 * i, each));
  return new Uint8Array(digest.buffer);
}

/** The words of the number that Python takes as the seed it is given, the lowest first: of a text, its bytes and their
 * digest. */
function seedWords(seed) {
  const words = [];
  if (typeof seed === "string") {
    const text = new TextEncoder().encode(seed), bytes = [...text, ...sha512(text)].reverse();
    for (let i = 0; i < bytes.length; i += 4)
      words.push((bytes[i] | bytes[i + 1] << 8 | bytes[i + 2] << 16 | bytes[i + 3] << 24) >>> 0);
    while (words.length > 1 && !words.at(-1)) words.pop();
    return words;
  }
  for (let left = BigInt(seed) < 0n ? -BigInt(seed) : BigInt(seed); left || !words.length; left >>= 32n)
    words.push(Number(left & WORD));
  return words;
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
    const key = seedWords(seed), mt = this.words;
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
