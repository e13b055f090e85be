//! Whole instructions over rows of bytes in one pass, for fp32 and bf16: each element is read, computed in fp32, rounded
//! once and written, without blocks of fp32 in between. The results are those of the same steps done block by block.

use crate::Dtype;
use crate::alu::{lanes, max, min};
use crate::convert::{from_bf16, to_bf16};
use crate::op::AluOp;
use crate::wide::wide;

/// `rows` rows of `len` bytes, `pitch` bytes apart.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub rows: usize,
    pub len: usize,
    pub pitch: usize,
}

impl Shape {
    #[inline(always)]
    fn of(self, bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
        bytes.chunks(self.pitch).take(self.rows).map(move |r| &r[..self.len])
    }

    #[inline(always)]
    fn of_mut(self, bytes: &mut [u8]) -> impl Iterator<Item = &mut [u8]> {
        bytes.chunks_mut(self.pitch).take(self.rows).map(move |r| &mut r[..self.len])
    }
}

/// An element type that these loops are compiled for.
trait Elem {
    type Raw: Copy;
    fn chunks(bytes: &[u8]) -> &[Self::Raw];
    fn chunks_mut(bytes: &mut [u8]) -> &mut [Self::Raw];
    fn get(raw: Self::Raw) -> f32;
    fn put(x: f32) -> Self::Raw;
}

struct F32;
struct Bf16;

impl Elem for F32 {
    type Raw = [u8; 4];
    #[inline(always)]
    fn chunks(bytes: &[u8]) -> &[[u8; 4]] {
        bytes.as_chunks().0
    }
    #[inline(always)]
    fn chunks_mut(bytes: &mut [u8]) -> &mut [[u8; 4]] {
        bytes.as_chunks_mut().0
    }
    #[inline(always)]
    fn get(raw: [u8; 4]) -> f32 {
        f32::from_le_bytes(raw)
    }
    #[inline(always)]
    fn put(x: f32) -> [u8; 4] {
        x.to_le_bytes()
    }
}

impl Elem for Bf16 {
    type Raw = [u8; 2];
    #[inline(always)]
    fn chunks(bytes: &[u8]) -> &[[u8; 2]] {
        bytes.as_chunks().0
    }
    #[inline(always)]
    fn chunks_mut(bytes: &mut [u8]) -> &mut [[u8; 2]] {
        bytes.as_chunks_mut().0
    }
    #[inline(always)]
    fn get(raw: [u8; 2]) -> f32 {
        from_bf16(u16::from_le_bytes(raw))
    }
    #[inline(always)]
    fn put(x: f32) -> [u8; 2] {
        to_bf16(x).to_le_bytes()
    }
}

/// The types that these loops know.
pub(crate) const fn known(dtype: Dtype) -> bool {
    matches!(dtype, Dtype::Fp32 | Dtype::Bf16)
}

/// The operators of [`binary`].
pub(crate) const fn joins(op: AluOp) -> bool {
    matches!(op, AluOp::Add | AluOp::Subtract | AluOp::Multiply | AluOp::Max | AluOp::Min)
}

/// Rows that are read, and rows that are written.
pub(crate) type Source<'a> = (Dtype, &'a [u8], Shape);
pub(crate) type Target<'a> = (Dtype, &'a mut [u8], Shape);

/// `out = a op b`; without `a`, `out = out op b`.
pub(crate) fn binary(op: AluOp, a: Option<Source<'_>>, b: Source<'_>, out: Target<'_>) {
    use Dtype::Fp32;
    match (a.map(|a| a.0), b.0, out.0) {
        (None, Fp32, Fp32) => onto::<F32, F32>(op, b, out),
        (None, Fp32, _) => onto::<F32, Bf16>(op, b, out),
        (None, _, Fp32) => onto::<Bf16, F32>(op, b, out),
        (None, _, _) => onto::<Bf16, Bf16>(op, b, out),
        (Some(Fp32), Fp32, Fp32) => zip::<F32, F32, F32>(op, a, b, out),
        (Some(Fp32), Fp32, _) => zip::<F32, F32, Bf16>(op, a, b, out),
        (Some(Fp32), _, Fp32) => zip::<F32, Bf16, F32>(op, a, b, out),
        (Some(Fp32), _, _) => zip::<F32, Bf16, Bf16>(op, a, b, out),
        (Some(_), Fp32, Fp32) => zip::<Bf16, F32, F32>(op, a, b, out),
        (Some(_), Fp32, _) => zip::<Bf16, F32, Bf16>(op, a, b, out),
        (Some(_), _, Fp32) => zip::<Bf16, Bf16, F32>(op, a, b, out),
        (Some(_), _, _) => zip::<Bf16, Bf16, Bf16>(op, a, b, out),
    }
}

fn zip<A: Elem, B: Elem, O: Elem>(op: AluOp, a: Option<Source<'_>>, b: Source<'_>, out: Target<'_>) {
    #[inline(always)]
    fn run<A: Elem, B: Elem, O: Elem>(a: Source<'_>, b: Source<'_>, out: Target<'_>, f: impl Fn(f32, f32) -> f32) {
        for ((a, b), out) in a.2.of(a.1).zip(b.2.of(b.1)).zip(out.2.of_mut(out.1)) {
            for ((x, y), o) in A::chunks(a).iter().zip(B::chunks(b)).zip(O::chunks_mut(out)) {
                *o = O::put(f(A::get(*x), B::get(*y)));
            }
        }
    }
    let Some(a) = a else { return };
    match op {
        AluOp::Add => wide!(run::<A, B, O>(a, b, out, |x, y| x + y)),
        AluOp::Subtract => wide!(run::<A, B, O>(a, b, out, |x, y| x - y)),
        AluOp::Multiply => wide!(run::<A, B, O>(a, b, out, |x, y| x * y)),
        AluOp::Max => wide!(run::<A, B, O>(a, b, out, max)),
        _ => wide!(run::<A, B, O>(a, b, out, min)),
    }
}

fn onto<B: Elem, O: Elem>(op: AluOp, b: Source<'_>, out: Target<'_>) {
    #[inline(always)]
    fn run<B: Elem, O: Elem>(b: Source<'_>, out: Target<'_>, f: impl Fn(f32, f32) -> f32) {
        for (b, out) in b.2.of(b.1).zip(out.2.of_mut(out.1)) {
            for (y, o) in B::chunks(b).iter().zip(O::chunks_mut(out)) {
                *o = O::put(f(O::get(*o), B::get(*y)));
            }
        }
    }
    match op {
        AluOp::Add => wide!(run::<B, O>(b, out, |x, y| x + y)),
        AluOp::Subtract => wide!(run::<B, O>(b, out, |x, y| x - y)),
        AluOp::Multiply => wide!(run::<B, O>(b, out, |x, y| x * y)),
        AluOp::Max => wide!(run::<B, O>(b, out, max)),
        _ => wide!(run::<B, O>(b, out, min)),
    }
}

/// A step of [`scale`]: `x op s`, with one `s` for each row.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    Add,
    Subtract,
    Multiply,
    Max,
    Min,
}

/// `out = step1(step0(a))`; without `a`, `out` in place (its type read and written).
pub(crate) fn scale(a: Option<Source<'_>>, out: Target<'_>, step0: (Step, &[f32]), step1: Option<(Step, &[f32])>) {
    match (a.map_or(out.0, |a| a.0), out.0) {
        (Dtype::Fp32, Dtype::Fp32) => scaled::<F32, F32>(a, out, step0, step1),
        (Dtype::Fp32, _) => scaled::<F32, Bf16>(a, out, step0, step1),
        (_, Dtype::Fp32) => scaled::<Bf16, F32>(a, out, step0, step1),
        _ => scaled::<Bf16, Bf16>(a, out, step0, step1),
    }
}

fn scaled<A: Elem, O: Elem>(a: Option<Source<'_>>, out: Target<'_>, (step0, s0): (Step, &[f32]), step1: Option<(Step, &[f32])>) {
    match step0 {
        Step::Add => then::<A, O>(a, out, s0, step1, |x, s| x + s),
        Step::Subtract => then::<A, O>(a, out, s0, step1, |x, s| x - s),
        Step::Multiply => then::<A, O>(a, out, s0, step1, |x, s| x * s),
        Step::Max => then::<A, O>(a, out, s0, step1, max),
        Step::Min => then::<A, O>(a, out, s0, step1, min),
    }
}

#[inline(always)]
fn then<A: Elem, O: Elem>(
    a: Option<Source<'_>>,
    out: Target<'_>,
    s0: &[f32],
    step1: Option<(Step, &[f32])>,
    f: impl Fn(f32, f32) -> f32 + Copy,
) {
    #[inline(always)]
    fn run<A: Elem, O: Elem>(a: Option<Source<'_>>, out: Target<'_>, s0: &[f32], s1: &[f32], f: impl Fn(f32, f32, f32) -> f32) {
        let rows = out.2.of_mut(out.1).zip(s0.iter().zip(s1));
        match a {
            Some(a) => {
                for (a, (out, (s0, s1))) in a.2.of(a.1).zip(rows) {
                    for (x, o) in A::chunks(a).iter().zip(O::chunks_mut(out)) {
                        *o = O::put(f(A::get(*x), *s0, *s1));
                    }
                }
            }
            None => {
                for (out, (s0, s1)) in rows {
                    for o in O::chunks_mut(out) {
                        *o = O::put(f(O::get(*o), *s0, *s1));
                    }
                }
            }
        }
    }
    match step1 {
        None => wide!(run::<A, O>(a, out, s0, s0, |x, s, _| f(x, s))),
        Some((Step::Add, s1)) => wide!(run::<A, O>(a, out, s0, s1, |x, s, t| f(x, s) + t)),
        Some((Step::Subtract, s1)) => wide!(run::<A, O>(a, out, s0, s1, |x, s, t| f(x, s) - t)),
        Some((Step::Multiply, s1)) => wide!(run::<A, O>(a, out, s0, s1, |x, s, t| f(x, s) * t)),
        Some((Step::Max, s1)) => wide!(run::<A, O>(a, out, s0, s1, |x, s, t| max(f(x, s), t))),
        Some((Step::Min, s1)) => wide!(run::<A, O>(a, out, s0, s1, |x, s, t| min(f(x, s), t))),
    }
}

/// `out = a` in the type of `out`.
pub(crate) fn convert(a: Source<'_>, out: Target<'_>) {
    #[inline(always)]
    fn run<A: Elem, O: Elem>(a: Source<'_>, out: Target<'_>) {
        for (a, out) in a.2.of(a.1).zip(out.2.of_mut(out.1)) {
            for (x, o) in A::chunks(a).iter().zip(O::chunks_mut(out)) {
                *o = O::put(A::get(*x));
            }
        }
    }
    match (a.0, out.0) {
        (Dtype::Fp32, Dtype::Bf16) => wide!(run::<F32, Bf16>(a, out)),
        (Dtype::Bf16, Dtype::Fp32) => wide!(run::<Bf16, F32>(a, out)),
        _ => a.2.of(a.1).zip(out.2.of_mut(out.1)).for_each(|(a, out)| out.copy_from_slice(a)),
    }
}

/// Sets every element to a bit pattern (its low bytes).
pub(crate) fn fill(pattern: u32, size: usize, out: &mut [u8], shape: Shape) {
    let one = pattern.to_le_bytes();
    for row in shape.of_mut(out) {
        match size {
            1 => row.fill(one[0]),
            2 => row.as_chunks_mut().0.fill([one[0], one[1]]),
            _ => row.as_chunks_mut().0.fill(one),
        }
    }
}

/// Reduces each group of `each` elements, in the order of [`crate::alu::reduce`]; the operator is one of [`joins`].
pub(crate) fn reduce(op: AluOp, a: Source<'_>, each: usize, out: &mut Vec<f32>) {
    match a.0 {
        Dtype::Fp32 => groups::<F32>(op, a, each, out),
        _ => groups::<Bf16>(op, a, each, out),
    }
}

fn groups<A: Elem>(op: AluOp, a: Source<'_>, each: usize, out: &mut Vec<f32>) {
    #[inline(always)]
    fn run<A: Elem>(a: Source<'_>, each: usize, out: &mut Vec<f32>, start: f32, f: impl Fn(f32, f32) -> f32 + Copy) {
        for row in a.2.of(a.1) {
            out.extend(A::chunks(row).chunks(each).map(|group| lanes(group, start, A::get, f)));
        }
    }
    match op {
        AluOp::Add => wide!(run::<A>(a, each, out, 0.0, |x, y| x + y)),
        AluOp::Multiply => wide!(run::<A>(a, each, out, 1.0, |x, y| x * y)),
        AluOp::Max => wide!(run::<A>(a, each, out, f32::NEG_INFINITY, max)),
        _ => wide!(run::<A>(a, each, out, f32::INFINITY, min)),
    }
}
