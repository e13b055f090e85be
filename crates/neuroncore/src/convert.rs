//! One element from bits to fp32 and back: rounding to nearest even, or stochastic.
//!
//! Overflow goes where the format has a place for it: infinity (bf16, fp16, fp8 e4m3 and e5m2), NaN (e4m3fn), or the
//! nearest end for integers. Floats go to integers by rounding to nearest even (not published; assumed).

use crate::Dtype;

/// A float format below 16 bits: mantissa bits, exponent bias, largest finite code, code of overflow, code of NaN.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Small {
    pub mantissa: u32,
    pub bias: u32,
    pub largest: u32,
    pub overflow: u32,
    pub nan: u32,
}

pub(crate) const E4M3: Small = Small { mantissa: 3, bias: 7, largest: 0x77, overflow: 0x78, nan: 0x7c };
pub(crate) const E4M3FN: Small = Small { mantissa: 3, bias: 7, largest: 0x7e, overflow: 0x7f, nan: 0x7f };
pub(crate) const E5M2: Small = Small { mantissa: 2, bias: 15, largest: 0x7b, overflow: 0x7c, nan: 0x7e };
/// Saturates: there is neither infinity nor NaN.
pub(crate) const E2M1: Small = Small { mantissa: 1, bias: 1, largest: 0x7, overflow: 0x7, nan: 0x7 };

impl Small {
    const fn sign_bit(self) -> u32 {
        // The largest code has every bit below the sign set, or all but a few: the sign is the next power of two.
        (self.largest + 1).next_power_of_two()
    }

    /// Rounds to nearest even.
    #[inline(always)]
    pub const fn encode(self, x: f32) -> u8 {
        let (bits, m) = (x.to_bits(), self.mantissa);
        let magnitude = bits & 0x7fff_ffff;
        let sign = (bits >> 31) * self.sign_bit();
        // Below the smallest normal, adding this power of two leaves the code in the low bits.
        let magic = (127 + 1 - self.bias + 23 - m) << 23;
        let low = (f32::from_bits(magnitude) + f32::from_bits(magic)).to_bits().wrapping_sub(magic);
        let rounded = magnitude.wrapping_add((1 << (22 - m)) - 1).wrapping_add((magnitude >> (23 - m)) & 1);
        let high = (rounded >> (23 - m)).wrapping_sub((127 - self.bias) << m);
        let finite = if magnitude < ((128 - self.bias) << 23) { low } else { high };
        let code = if magnitude > 0x7f80_0000 {
            self.nan
        } else if finite > self.largest || magnitude == 0x7f80_0000 {
            self.overflow
        } else {
            finite
        };
        (sign | code) as u8
    }

    pub const fn decode(self, code: u8) -> f32 {
        let (m, code) = (self.mantissa, code as u32);
        let sign = if code & self.sign_bit() != 0 { -1.0 } else { 1.0 };
        let magnitude = code & (self.sign_bit() - 1);
        if magnitude > self.largest {
            let infinite = self.overflow != self.nan && magnitude == self.overflow;
            return if infinite { sign * f32::INFINITY } else { f32::NAN };
        }
        let (exponent, fraction) = (magnitude >> m, magnitude & ((1 << m) - 1));
        let unit = if exponent == 0 { exponent + 1 } else { exponent };
        // 2^(unit - bias - m), exactly.
        let scale = f32::from_bits((unit + 127 - self.bias - m) << 23);
        let whole = if exponent == 0 { fraction } else { fraction + (1 << m) };
        sign * whole as f32 * scale
    }
}

const fn table(small: Small) -> [f32; 256] {
    let mut out = [0.0; 256];
    let mut i = 0;
    while i < 256 {
        out[i] = small.decode(i as u8);
        i += 1;
    }
    out
}

pub(crate) static E4M3_VALUES: [f32; 256] = table(E4M3);
pub(crate) static E4M3FN_VALUES: [f32; 256] = table(E4M3FN);
pub(crate) static E5M2_VALUES: [f32; 256] = table(E5M2);

/// The value of a 4-bit e2m1 code.
pub const fn e2m1(code: u8) -> f32 {
    E2M1.decode(code & 0xf)
}

/// The nearest 4-bit e2m1 code; beyond 6 it saturates.
pub const fn to_e2m1(x: f32) -> u8 {
    E2M1.encode(x)
}

#[inline(always)]
pub const fn from_bf16(bits: u16) -> f32 {
    f32::from_bits((bits as u32) << 16)
}

#[inline(always)]
pub const fn to_bf16(x: f32) -> u16 {
    let b = x.to_bits();
    let rounded = b.wrapping_add(0x7fff + ((b >> 16) & 1)) >> 16;
    let nan = (b >> 16) | 0x40;
    (if b & 0x7fff_ffff > 0x7f80_0000 { nan } else { rounded }) as u16
}

#[inline(always)]
pub const fn from_fp16(bits: u16) -> f32 {
    let (sign, magnitude) = ((bits as u32 & 0x8000) << 16, bits as u32 & 0x7fff);
    // As a tiny fp32 with the same digits, scaled by 2^112: exact for normal and subnormal numbers.
    let finite = (f32::from_bits(magnitude << 13) * f32::from_bits(0x7780_0000)).to_bits();
    let quiet = if magnitude > 0x7c00 { 0x0040_0000 } else { 0 };
    let special = 0x7f80_0000 | (magnitude << 13) | quiet;
    f32::from_bits(sign | if magnitude >= 0x7c00 { special } else { finite })
}

#[inline(always)]
pub const fn to_fp16(x: f32) -> u16 {
    let bits = x.to_bits();
    let (sign, b) = ((bits >> 16) & 0x8000, bits & 0x7fff_ffff);
    let low = (f32::from_bits(b) + 0.5).to_bits().wrapping_sub(0x3f00_0000);
    let high = b.wrapping_add(0xc800_0fff).wrapping_add((b >> 13) & 1) >> 13;
    let special = if b > 0x7f80_0000 { 0x7e00 | ((b >> 13) & 0x3ff) } else { 0x7c00 };
    let magnitude = if b >= 0x4780_0000 {
        special
    } else if b < 0x3880_0000 {
        low
    } else {
        high
    };
    (sign | magnitude) as u16
}

/// 10 mantissa bits, kept in fp32.
#[inline(always)]
pub const fn to_tf32(x: f32) -> f32 {
    let b = x.to_bits();
    let rounded = b.wrapping_add(0xfff + ((b >> 13) & 1)) & !0x1fff;
    f32::from_bits(if b & 0x7fff_ffff > 0x7f80_0000 { b | 0x0040_0000 } else { rounded })
}

/// 2^(code - 127); 0xFF is NaN.
pub const fn from_e8m0(code: u8) -> f32 {
    match code {
        0 => f32::from_bits(0x0040_0000),
        255 => f32::NAN,
        e => f32::from_bits((e as u32) << 23),
    }
}

/// The nearest power of two, ties to the even exponent; zero becomes 2^-127, what is negative or too large NaN.
pub const fn to_e8m0(x: f32) -> u8 {
    if x.is_nan() || x < 0.0 || x == f32::INFINITY {
        return 255;
    }
    let bits = x.to_bits() & 0x7fff_ffff;
    let (exponent, fraction) = (bits >> 23, bits & 0x7f_ffff);
    if exponent == 0 {
        // Between 2^-127 and 2^-126 the middle is 0x600000.
        return (fraction > 0x60_0000) as u8;
    }
    let up = fraction > 0x40_0000 || (fraction == 0x40_0000 && exponent & 1 == 1);
    (exponent + up as u32) as u8
}

/// Rounds to an integer and saturates at the ends; NaN becomes 0.
#[inline(always)]
pub fn to_int(x: f32, low: f32, high: f32) -> f32 {
    let r = x.round_ties_even();
    // A comparison with NaN is false.
    if r >= low {
        if r <= high { r } else { high }
    } else if r < low {
        low
    } else {
        0.0
    }
}

/// Reads one element; packed types and what is not a number give NaN.
pub fn decode_one(dtype: Dtype, bytes: &[u8]) -> f32 {
    let byte = |i: usize| bytes.get(i).copied().unwrap_or(0);
    let half = u16::from_le_bytes([byte(0), byte(1)]);
    let word = u32::from_le_bytes([byte(0), byte(1), byte(2), byte(3)]);
    match dtype {
        Dtype::Fp32 | Dtype::Tf32 => f32::from_bits(word),
        Dtype::Bf16 => from_bf16(half),
        Dtype::Fp16 => from_fp16(half),
        Dtype::Fp8E4 => E4M3_VALUES[usize::from(byte(0))],
        Dtype::Fp8E4Fn => E4M3FN_VALUES[usize::from(byte(0))],
        Dtype::Fp8E5 => E5M2_VALUES[usize::from(byte(0))],
        Dtype::E8M0 => from_e8m0(byte(0)),
        Dtype::Fp8E4FnX4 | Dtype::Fp8E5X4 | Dtype::Fp4X4 => f32::NAN,
        Dtype::I8 => f32::from(byte(0) as i8),
        Dtype::U8 | Dtype::Bool => f32::from(byte(0)),
        Dtype::I16 => f32::from(half as i16),
        Dtype::U16 => f32::from(half),
        Dtype::I32 => word as i32 as f32,
        Dtype::U32 => word as f32,
    }
}

/// Rounds to nearest even and returns the bits, in the low bytes. Packed types give zero.
pub fn encode_one(dtype: Dtype, x: f32) -> u32 {
    match dtype {
        Dtype::Fp32 => x.to_bits(),
        Dtype::Tf32 => to_tf32(x).to_bits(),
        Dtype::Bf16 => u32::from(to_bf16(x)),
        Dtype::Fp16 => u32::from(to_fp16(x)),
        Dtype::Fp8E4 => u32::from(E4M3.encode(x)),
        Dtype::Fp8E4Fn => u32::from(E4M3FN.encode(x)),
        Dtype::Fp8E5 => u32::from(E5M2.encode(x)),
        Dtype::E8M0 => u32::from(to_e8m0(x)),
        Dtype::Fp8E4FnX4 | Dtype::Fp8E5X4 | Dtype::Fp4X4 => 0,
        Dtype::I8 => to_int(x, -128.0, 127.0) as i8 as u8 as u32,
        Dtype::U8 => to_int(x, 0.0, 255.0) as u32,
        Dtype::I16 => to_int(x, -32_768.0, 32_767.0) as i16 as u16 as u32,
        Dtype::U16 => to_int(x, 0.0, 65_535.0) as u32,
        // `as` saturates, which the fp32 ends 2^31 and 2^32 need.
        Dtype::I32 => x.round_ties_even() as i32 as u32,
        Dtype::U32 => x.round_ties_even() as u32,
        Dtype::Bool => u32::from(x != 0.0),
    }
}

/// The constant `value` as an element; integers exactly over their whole range.
pub fn encode_constant(dtype: Dtype, value: f64) -> u32 {
    match dtype {
        Dtype::I32 if value == libm::trunc(value) => value as i32 as u32,
        Dtype::U32 if value == libm::trunc(value) => value as u32,
        _ => encode_one(dtype, value as f32),
    }
}

/// Rounds up or down at random, in proportion to the distance, to a value that `dtype` holds exactly. `random` is
/// uniform over all 32 bits. Only float formats below fp32 round; every other value stays.
pub fn stochastic(dtype: Dtype, x: f32, random: u32) -> f32 {
    let (mantissa, least) = match dtype {
        Dtype::Bf16 => (7, -126),
        Dtype::Tf32 => (10, -126),
        Dtype::Fp16 => (10, -14),
        Dtype::Fp8E4 | Dtype::Fp8E4Fn => (3, -6),
        Dtype::Fp8E5 => (2, -14),
        _ => return x,
    };
    if !x.is_finite() || x == 0.0 {
        return x;
    }
    let wide = f64::from(x);
    let exponent = ((wide.to_bits() >> 52) & 0x7ff) as i32 - 1023;
    let quantum = libm::exp2(f64::from(exponent.max(least) - mantissa));
    let steps = wide / quantum;
    let floor = libm::floor(steps);
    let up = steps - floor > (f64::from(random) + 0.5) / 4_294_967_296.0;
    ((floor + f64::from(u8::from(up))) * quantum) as f32
}

/// What a fresh tensor holds: NaN, or 4 for integers (as the vendor's simulator does).
pub fn sentinel(dtype: Dtype) -> [u8; 4] {
    let one: u32 = match dtype {
        Dtype::Fp32 | Dtype::Tf32 => f32::NAN.to_bits(),
        Dtype::Bf16 => u32::from(to_bf16(f32::NAN)) * 0x1_0001,
        Dtype::Fp16 => u32::from(to_fp16(f32::NAN)) * 0x1_0001,
        Dtype::Fp8E4 => u32::from(E4M3.encode(f32::NAN)) * 0x0101_0101,
        Dtype::Fp8E5 | Dtype::Fp8E5X4 => u32::from(E5M2.encode(f32::NAN)) * 0x0101_0101,
        Dtype::Fp8E4Fn | Dtype::Fp8E4FnX4 => u32::from(E4M3FN.encode(f32::NAN)) * 0x0101_0101,
        Dtype::E8M0 => u32::MAX,
        Dtype::Fp4X4 => 0x7777_7777,
        Dtype::I8 | Dtype::U8 => 0x0404_0404,
        Dtype::Bool => 0x0101_0101,
        Dtype::I16 | Dtype::U16 => 0x0004_0004,
        Dtype::I32 | Dtype::U32 => 4,
    };
    one.to_le_bytes()
}
