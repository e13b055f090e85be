//! Loops over slices, compiled for AVX-512, AVX2 and the baseline, the widest chosen at run time.
//!
//! None of them depends on the width: each element is computed on its own with the same operations (fused
//! multiply-add only where the text says `mul_add`, which is exact everywhere), so all give the same bytes.

use crate::Dtype;
use crate::convert::{
    E4M3, E4M3_VALUES, E4M3FN, E4M3FN_VALUES, E5M2, E5M2_VALUES, decode_one, encode_one, from_bf16, from_fp16, to_bf16, to_fp16, to_int,
    to_tf32,
};

/// Evaluates an expression with the widest vector instructions of this processor. What it calls must be
/// `#[inline(always)]`.
macro_rules! wide {
    ($body:expr) => {{
        #[cfg(target_arch = "x86_64")]
        {
            use fearless_simd::Simd as _;
            match fearless_simd::Level::new() {
                fearless_simd::Level::Avx512(s) => s.vectorize(
                    #[inline(always)]
                    || $body,
                ),
                fearless_simd::Level::Avx2(s) => s.vectorize(
                    #[inline(always)]
                    || $body,
                ),
                _ => $body,
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        {
            $body
        }
    }};
}
pub(crate) use wide;

#[inline(always)]
fn each<const N: usize>(bytes: &[u8], out: &mut [f32], f: impl Fn([u8; N]) -> f32) {
    for (o, b) in out.iter_mut().zip(bytes.as_chunks::<N>().0) {
        *o = f(*b);
    }
}

#[inline(always)]
fn each_back<const N: usize>(x: &[f32], out: &mut [u8], f: impl Fn(f32) -> [u8; N]) {
    for (o, v) in out.as_chunks_mut::<N>().0.iter_mut().zip(x) {
        *o = f(*v);
    }
}

/// Elements side by side to fp32.
pub(crate) fn decode(dtype: Dtype, bytes: &[u8], out: &mut [f32]) {
    match dtype {
        Dtype::Fp32 | Dtype::Tf32 => each(bytes, out, f32::from_le_bytes),
        Dtype::Bf16 => wide!(each(bytes, out, |b| from_bf16(u16::from_le_bytes(b)))),
        Dtype::Fp16 => wide!(each(bytes, out, |b| from_fp16(u16::from_le_bytes(b)))),
        Dtype::Fp8E4 => each(bytes, out, |[b]| E4M3_VALUES[usize::from(b)]),
        Dtype::Fp8E4Fn => each(bytes, out, |[b]| E4M3FN_VALUES[usize::from(b)]),
        Dtype::Fp8E5 => each(bytes, out, |[b]| E5M2_VALUES[usize::from(b)]),
        Dtype::I8 => wide!(each(bytes, out, |[b]| f32::from(b as i8))),
        Dtype::U8 | Dtype::Bool => wide!(each(bytes, out, |[b]| f32::from(b))),
        Dtype::I16 => wide!(each(bytes, out, |b| f32::from(i16::from_le_bytes(b)))),
        Dtype::U16 => wide!(each(bytes, out, |b| f32::from(u16::from_le_bytes(b)))),
        Dtype::I32 => wide!(each(bytes, out, |b| i32::from_le_bytes(b) as f32)),
        Dtype::U32 => wide!(each(bytes, out, |b| u32::from_le_bytes(b) as f32)),
        Dtype::E8M0 => each(bytes, out, |b: [u8; 1]| decode_one(Dtype::E8M0, &b)),
        Dtype::Fp8E4FnX4 | Dtype::Fp8E5X4 | Dtype::Fp4X4 => out.fill(f32::NAN),
    }
}

/// fp32 to elements side by side, rounding to nearest even.
pub(crate) fn encode(dtype: Dtype, x: &[f32], out: &mut [u8]) {
    match dtype {
        Dtype::Fp32 => each_back(x, out, f32::to_le_bytes),
        Dtype::Tf32 => wide!(each_back(x, out, |v| to_tf32(v).to_le_bytes())),
        Dtype::Bf16 => wide!(each_back(x, out, |v| to_bf16(v).to_le_bytes())),
        Dtype::Fp16 => wide!(each_back(x, out, |v| to_fp16(v).to_le_bytes())),
        Dtype::Fp8E4 => wide!(each_back(x, out, |v| [E4M3.encode(v)])),
        Dtype::Fp8E4Fn => wide!(each_back(x, out, |v| [E4M3FN.encode(v)])),
        Dtype::Fp8E5 => wide!(each_back(x, out, |v| [E5M2.encode(v)])),
        Dtype::I8 => wide!(each_back(x, out, |v| (to_int(v, -128.0, 127.0) as i8).to_le_bytes())),
        Dtype::U8 => wide!(each_back(x, out, |v| [to_int(v, 0.0, 255.0) as u8])),
        Dtype::I16 => wide!(each_back(x, out, |v| (to_int(v, -32_768.0, 32_767.0) as i16).to_le_bytes())),
        Dtype::U16 => wide!(each_back(x, out, |v| (to_int(v, 0.0, 65_535.0) as u16).to_le_bytes())),
        Dtype::I32 | Dtype::U32 => each_back(x, out, |v| encode_one(dtype, v).to_le_bytes()),
        Dtype::Bool => each_back(x, out, |v| [u8::from(v != 0.0)]),
        Dtype::E8M0 => each_back(x, out, |v| [encode_one(Dtype::E8M0, v) as u8]),
        Dtype::Fp8E4FnX4 | Dtype::Fp8E5X4 | Dtype::Fp4X4 => out.fill(0),
    }
}

/// Elements side by side to 32-bit patterns: sign-extended for signed integers, zero-extended otherwise.
pub(crate) fn decode_bits(dtype: Dtype, bytes: &[u8], out: &mut [u32]) {
    let put = |out: &mut [u32], n: usize, f: &dyn Fn(&[u8]) -> u32| {
        for (o, b) in out.iter_mut().zip(bytes.chunks_exact(n)) {
            *o = f(b);
        }
    };
    let half = |b: &[u8]| u16::from_le_bytes([b[0], b[1]]);
    match (dtype.size(), dtype) {
        (1, Dtype::I8) => put(out, 1, &|b| i32::from(b[0] as i8) as u32),
        (1, _) => put(out, 1, &|b| u32::from(b[0])),
        (2, Dtype::I16) => put(out, 2, &|b| i32::from(half(b) as i16) as u32),
        (2, _) => put(out, 2, &|b| u32::from(half(b))),
        _ => {
            for (o, b) in out.iter_mut().zip(bytes.as_chunks::<4>().0) {
                *o = u32::from_le_bytes(*b);
            }
        }
    }
}

/// The low bytes of 32-bit patterns.
pub(crate) fn encode_bits(dtype: Dtype, x: &[u32], out: &mut [u8]) {
    match dtype.size() {
        1 => out.iter_mut().zip(x).for_each(|(o, v)| *o = *v as u8),
        2 => out.as_chunks_mut::<2>().0.iter_mut().zip(x).for_each(|(o, v)| *o = (*v as u16).to_le_bytes()),
        _ => out.as_chunks_mut::<4>().0.iter_mut().zip(x).for_each(|(o, v)| *o = v.to_le_bytes()),
    }
}
