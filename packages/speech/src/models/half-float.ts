/**
 * IEEE 754 half precision. Node 22 has no Float16Array yet, and a table is as fast.
 */

/** Value of each of the 65,536 half-precision bit patterns. */
export const FLOAT_OF_HALF: Float32Array = (() => {
  const table = new Float32Array(65_536);
  for (let bits = 0; bits < table.length; bits++) {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 0x1f;
    const fraction = bits & 0x3ff;
    if (exponent === 0) table[bits] = sign * fraction * 2 ** -24;
    else if (exponent === 0x1f) table[bits] = fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
    else table[bits] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }
  return table;
})();

const float = new Float32Array(1);
const word = new Uint32Array(float.buffer);

/** Bits of the half-precision number nearest to a single-precision one; ties go to even, as processors round. */
export function halfOfFloat(value: number): number {
  float[0] = value;
  const bits = word[0] ?? 0;
  const sign = (bits >>> 16) & 0x8000;
  const exponent = (bits >>> 23) & 0xff;
  const fraction = bits & 0x7fffff;
  if (exponent === 0xff) return sign | 0x7c00 | (fraction === 0 ? 0 : 0x200);
  const half = exponent - 127 + 15;
  if (half >= 0x1f) return sign | 0x7c00;
  if (half <= 0) {
    // Subnormal: the implicit one becomes visible and moves right.
    if (half < -10) return sign;
    return sign | roundToEven(fraction | 0x800000, 14 - half);
  }
  // A carry out of the fraction moves into the exponent, which is what rounding up to the next power of two means.
  return sign | ((half << 10) + roundToEven(fraction, 13));
}

function roundToEven(value: number, shift: number): number {
  const kept = value >>> shift;
  const rest = value & ((1 << shift) - 1);
  const tie = 1 << (shift - 1);
  return rest > tie || (rest === tie && (kept & 1) === 1) ? kept + 1 : kept;
}
