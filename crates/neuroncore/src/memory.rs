//! The bytes of every storage, read and written in blocks of fp32 or of 32-bit patterns.

use std::sync::Mutex;

use crate::Dtype;
use crate::access::{Access, Cursor};
use crate::convert;
use crate::wide;

/// Elements worked on at a time: a few such buffers fit the first-level cache.
pub(crate) const BLOCK: usize = 1024;

/// The bytes of one storage.
#[derive(Debug, Clone, Default)]
pub(crate) struct Storage {
    pub bytes: Vec<u8>,
    /// Bytes from one partition to the next (all bytes in HBM).
    pub pitch: usize,
}

#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub storages: Vec<Storage>,
    /// Buffers given back by [`Memory::give`], so that large tiles do not ask the system for memory each time.
    spare: Mutex<Vec<Vec<f32>>>,
    spare_bits: Mutex<Vec<Vec<u32>>>,
}

/// Takes a buffer of `n` elements from a pool, or makes one; its contents are left over.
fn take<T: Copy + Default>(pool: &Mutex<Vec<Vec<T>>>, n: usize) -> Vec<T> {
    let mut v = pool.lock().ok().and_then(|mut p| p.pop()).unwrap_or_default();
    v.resize(n, T::default());
    v
}

fn give<T>(pool: &Mutex<Vec<Vec<T>>>, v: Vec<T>) {
    if let Ok(mut p) = pool.lock()
        && p.len() < SPARE
    {
        p.push(v);
    }
}

/// Buffers of one kind kept at most.
const SPARE: usize = 8;

/// Runs shorter than this are gathered before they are decoded.
const LONG_RUN: usize = 32;

impl Memory {
    pub fn bytes(&self, access: &Access) -> &[u8] {
        self.storages.get(access.storage as usize).map_or(&[], |s| &s.bytes)
    }

    fn bytes_mut(&mut self, access: &Access) -> &mut [u8] {
        self.storages.get_mut(access.storage as usize).map_or(&mut [], |s| &mut s.bytes)
    }

    /// The next `out.len()` elements as fp32.
    pub fn read(&self, access: &Access, cursor: &mut Cursor, out: &mut [f32]) {
        let (bytes, size) = (self.bytes(access), access.dtype.size());
        let inner = access.flat[usize::from(access.flat_len) - 1];
        let side_by_side = inner.step == size as isize || inner.count == 1;
        if inner.count >= LONG_RUN && (side_by_side || inner.step == 0) {
            let mut done = 0;
            while done < out.len() {
                let (at, n, step) = cursor.run(out.len() - done);
                let part = &mut out[done..done + n];
                if step == 0 {
                    part.fill(convert::decode_one(access.dtype, &bytes[at..at + size]));
                } else {
                    wide::decode(access.dtype, &bytes[at..at + n * size], part);
                }
                done += n;
            }
            return;
        }
        let mut raw = [0u8; 4 * BLOCK];
        for part in out.chunks_mut(BLOCK) {
            let raw = &mut raw[..part.len() * size];
            gather(bytes, size, cursor, raw);
            wide::decode(access.dtype, raw, part);
        }
    }

    /// Rounds and writes the next `x.len()` elements.
    pub fn write(&mut self, access: &Access, cursor: &mut Cursor, x: &[f32]) {
        let (dtype, size) = (access.dtype, access.dtype.size());
        let bytes = self.bytes_mut(access);
        let inner = access.flat[usize::from(access.flat_len) - 1];
        if inner.count >= LONG_RUN && inner.step == size as isize {
            let mut done = 0;
            while done < x.len() {
                let (at, n, _) = cursor.run(x.len() - done);
                wide::encode(dtype, &x[done..done + n], &mut bytes[at..at + n * size]);
                done += n;
            }
            return;
        }
        let mut raw = [0u8; 4 * BLOCK];
        for part in x.chunks(BLOCK) {
            let raw = &mut raw[..part.len() * size];
            wide::encode(dtype, part, raw);
            scatter(bytes, size, cursor, raw);
        }
    }

    /// The next elements as raw bytes, side by side.
    pub fn read_raw(&self, access: &Access, cursor: &mut Cursor, out: &mut [u8]) {
        gather(self.bytes(access), access.dtype.size(), cursor, out);
    }

    pub fn write_raw(&mut self, access: &Access, cursor: &mut Cursor, raw: &[u8]) {
        let size = access.dtype.size();
        scatter(self.bytes_mut(access), size, cursor, raw);
    }

    /// The next `out.len()` elements as 32-bit patterns.
    pub fn read_bits(&self, access: &Access, cursor: &mut Cursor, out: &mut [u32]) {
        let mut raw = [0u8; 4 * BLOCK];
        for part in out.chunks_mut(BLOCK) {
            let raw = &mut raw[..part.len() * access.dtype.size()];
            self.read_raw(access, cursor, raw);
            wide::decode_bits(access.dtype, raw, part);
        }
    }

    pub fn write_bits(&mut self, access: &Access, cursor: &mut Cursor, x: &[u32]) {
        let mut raw = [0u8; 4 * BLOCK];
        for part in x.chunks(BLOCK) {
            let raw = &mut raw[..part.len() * access.dtype.size()];
            wide::encode_bits(access.dtype, part, raw);
            self.write_raw(access, cursor, raw);
        }
    }

    /// All elements as fp32.
    pub fn all(&self, access: &Access) -> Vec<f32> {
        let mut out = take(&self.spare, access.elements());
        self.read(access, &mut Cursor::new(access, 0), &mut out);
        out
    }

    /// All elements as 32-bit patterns.
    pub fn all_bits(&self, access: &Access) -> Vec<u32> {
        let mut out = take(&self.spare_bits, access.elements());
        self.read_bits(access, &mut Cursor::new(access, 0), &mut out);
        out
    }

    /// Takes back a buffer of [`Memory::all`].
    pub fn give(&self, buffer: Vec<f32>) {
        give(&self.spare, buffer);
    }

    /// Takes back a buffer of [`Memory::all_bits`].
    pub fn give_bits(&self, buffer: Vec<u32>) {
        give(&self.spare_bits, buffer);
    }

    pub fn write_all(&mut self, access: &Access, x: &[f32]) {
        self.write(access, &mut Cursor::new(access, 0), x);
    }

    /// Copies bits of elements of equal size, all of `src` before any of `dst` when they may share bytes.
    pub fn copy(&mut self, dst: &Access, src: &Access) {
        let size = src.dtype.size();
        let total = src.elements().min(dst.elements());
        let (mut from, mut to) = (Cursor::new(src, 0), Cursor::new(dst, 0));
        if src.may_touch(dst) && !src.same(dst) {
            let mut raw = vec![0u8; total * size];
            self.read_raw(src, &mut from, &mut raw);
            self.write_raw(dst, &mut to, &raw);
            return;
        }
        let rows = |a: &Access| a.flat[usize::from(a.flat_len) - 1];
        let (a, b) = (rows(src), rows(dst));
        let long = |s: crate::access::Stride| s.step == size as isize && s.count * size >= 64;
        if src.storage != dst.storage && long(a) && long(b) {
            // Rows of both sides: copied directly.
            let mut target = std::mem::take(&mut self.storages[dst.storage as usize].bytes);
            let source = self.bytes(src);
            let mut done = 0;
            while done < total {
                let (mut s, mut n, _) = from.run(total - done);
                done += n;
                while n > 0 {
                    let (d, m, _) = to.run(n);
                    target[d..d + m * size].copy_from_slice(&source[s..s + m * size]);
                    s += m * size;
                    n -= m;
                }
            }
            self.storages[dst.storage as usize].bytes = target;
            return;
        }
        let mut raw = [0u8; 4 * BLOCK];
        let mut done = 0;
        while done < total {
            let n = (total - done).min(BLOCK);
            let raw = &mut raw[..n * size];
            self.read_raw(src, &mut from, raw);
            self.write_raw(dst, &mut to, raw);
            done += n;
        }
    }

    /// Sets every element to one bit pattern (its low bytes).
    pub fn fill(&mut self, dst: &Access, pattern: u32) {
        let (size, total) = (dst.dtype.size(), dst.elements());
        let one = pattern.to_le_bytes();
        let mut raw = [0u8; 4 * BLOCK];
        for piece in raw.chunks_exact_mut(size) {
            piece.copy_from_slice(&one[..size]);
        }
        let bytes = self.bytes_mut(dst);
        let mut cursor = Cursor::new(dst, 0);
        let mut done = 0;
        while done < total {
            let n = (total - done).min(BLOCK);
            scatter(bytes, size, &mut cursor, &raw[..n * size]);
            done += n;
        }
    }
}

fn gather(bytes: &[u8], size: usize, cursor: &mut Cursor, out: &mut [u8]) {
    match size {
        1 => gather_sized::<1>(bytes, cursor, out),
        2 => gather_sized::<2>(bytes, cursor, out),
        _ => gather_sized::<4>(bytes, cursor, out),
    }
}

fn gather_sized<const N: usize>(bytes: &[u8], cursor: &mut Cursor, out: &mut [u8]) {
    let mut rest = out.as_chunks_mut::<N>().0;
    while !rest.is_empty() {
        let (at, n, step) = cursor.run(rest.len());
        let (part, tail) = rest.split_at_mut(n);
        if step == N as isize {
            part.as_flattened_mut().copy_from_slice(&bytes[at..at + n * N]);
        } else {
            let mut at = at as isize;
            for p in part {
                p.copy_from_slice(&bytes[at as usize..at as usize + N]);
                at += step;
            }
        }
        rest = tail;
    }
}

fn scatter(bytes: &mut [u8], size: usize, cursor: &mut Cursor, raw: &[u8]) {
    match size {
        1 => scatter_sized::<1>(bytes, cursor, raw),
        2 => scatter_sized::<2>(bytes, cursor, raw),
        _ => scatter_sized::<4>(bytes, cursor, raw),
    }
}

fn scatter_sized<const N: usize>(bytes: &mut [u8], cursor: &mut Cursor, raw: &[u8]) {
    let mut rest = raw.as_chunks::<N>().0;
    while !rest.is_empty() {
        let (at, n, step) = cursor.run(rest.len());
        let (part, tail) = rest.split_at(n);
        if step == N as isize {
            bytes[at..at + n * N].copy_from_slice(part.as_flattened());
        } else {
            let mut at = at as isize;
            for p in part {
                bytes[at as usize..at as usize + N].copy_from_slice(p);
                at += step;
            }
        }
        rest = tail;
    }
}

/// Fills bytes with the pattern that a fresh tensor of a type holds.
pub(crate) fn fill_sentinel(bytes: &mut [u8], dtype: Dtype) {
    let pattern = convert::sentinel(dtype);
    let (whole, rest) = bytes.as_chunks_mut::<4>();
    whole.fill(pattern);
    rest.copy_from_slice(&pattern[..rest.len()]);
}
