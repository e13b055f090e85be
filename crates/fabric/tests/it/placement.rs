use secondsource_fabric::{Slice, place, slice_shape};

use crate::machines::{h100, nvl72, trn2_ultraserver, trn3, v5e, v5p};

/// (stride, size) -> units per level, members sharing the outer level's traffic.
#[test]
fn h100_nodes() {
    let hw = h100();
    for (stride, size, extents, lanes) in [
        (1, 1, [1, 1], 1),
        (1, 2, [2, 1], 2),
        (1, 8, [8, 1], 8),
        (1, 16, [8, 2], 8),
        (1, 64, [8, 8], 8),
        (2, 4, [4, 1], 4),
        (2, 16, [4, 4], 4),
        (4, 8, [2, 4], 2),
        (8, 16, [1, 16], 1),
        (16, 16, [1, 16], 1),
        (0, 0, [1, 1], 1),
    ] {
        let p = place(&hw, stride, size);
        assert_eq!((&p.extents[..2], p.lanes[1]), (&extents[..], lanes), "stride {stride} size {size}");
        let product: u32 = p.extents.iter().product();
        assert_eq!(product, p.size);
    }
}

/// 12 in blocks of 8: fullest block 8, emptiest 4, two blocks.
#[test]
fn uneven_groups_take_the_worst_block() {
    let p = place(&h100(), 1, 12);
    assert_eq!((p.extents[0], p.extents[1], p.lanes[1], p.members[0]), (8, 2, 4, 8));
    let p = place(&h100(), 3, 8);
    assert_eq!((p.extents[0], p.extents[1], p.lanes[1]), (3, 3, 2));
}

#[test]
fn nvl72_with_tp_8_and_dp_9() {
    let hw = nvl72();
    let tp = Slice::new(&hw, 72).place(&hw, 1, 8);
    assert_eq!((tp.extents[0], tp.extents[1]), (8, 1));
    let dp = Slice::new(&hw, 72).place(&hw, 8, 9);
    assert_eq!((dp.extents[0], dp.extents[1]), (9, 1));
    let dp = Slice::new(&hw, 288).place(&hw, 8, 36);
    assert_eq!((dp.extents[0], dp.extents[1], dp.lanes[1]), (9, 4, 9));
    // 16 does not divide 72: some groups straddle two racks, the worst of them with 8 + 8.
    let first = place(&hw, 1, 16);
    assert_eq!((first.extents[0], first.extents[1]), (16, 1));
    let worst = Slice::new(&hw, 144).place(&hw, 1, 16);
    assert_eq!((worst.extents[0], worst.extents[1], worst.lanes[1]), (8, 2, 8));
}

#[test]
fn trn2_ultraserver_boxes() {
    let hw = trn2_ultraserver();
    let p = place(&hw, 1, 64);
    assert_eq!((p.torus.extents, p.torus.wraps), ([4, 4, 4], [true; 3]));
    // tp = 4 is one ring; dp = 16 behind it the other two axes.
    let p = place(&hw, 1, 4);
    assert_eq!((p.torus.extents, p.torus.wraps), ([4, 1, 1], [true, false, false]));
    let p = place(&hw, 4, 16);
    assert_eq!((p.torus.extents, p.torus.spacing), ([1, 4, 4], [1; 3]));
    // Two interleaved groups share a line.
    let p = place(&hw, 2, 2);
    assert_eq!((p.torus.extents, p.torus.spacing, p.torus.wraps), ([2, 1, 1], [2, 1, 1], [false; 3]));
    // A job of one instance is a plane of the fast axes.
    assert_eq!(Slice::new(&hw, 16).torus, [4, 4, 1]);
    let two = Slice::new(&hw, 128).place(&hw, 1, 128);
    assert_eq!((two.extents[0], two.extents[1], two.lanes[1]), (64, 2, 64));
}

#[test]
fn trn3_nested_levels() {
    let hw = trn3();
    let p = place(&hw, 1, 288);
    assert_eq!((&p.extents[..4], &p.lanes[..4]), (&[4, 18, 2, 2][..], &[1, 4, 72, 144][..]));
    let p = place(&hw, 4, 72);
    assert_eq!((&p.extents[..4], &p.lanes[..4]), (&[1, 18, 2, 2][..], &[1, 1, 18, 36][..]));
    assert_eq!(place(&hw, 72, 2).outermost(), Some(2));
}

/// Shapes that Google lists for v5p slices, and v5e ones.
#[test]
fn tpu_slices() {
    for (chips, shape) in [
        (8, [2, 2, 2]),
        (32, [2, 4, 4]),
        (64, [4, 4, 4]),
        (128, [4, 4, 8]),
        (256, [4, 8, 8]),
        (512, [8, 8, 8]),
        (1024, [8, 8, 16]),
        (2048, [8, 16, 16]),
        (4096, [16, 16, 16]),
        (6144, [16, 16, 24]),
        (8960, [16, 20, 28]),
        (u32::MAX, [16, 20, 28]),
    ] {
        assert_eq!(slice_shape([16, 20, 28], chips), shape, "{chips} chips");
    }
    let mut flat = slice_shape([16, 16, 1], 32);
    flat.sort_unstable();
    assert_eq!(flat, [1, 4, 8]);
    assert_eq!(slice_shape([4, 4, 1], 7), [2, 4, 1]);
}

/// v5p axes wrap when they are a multiple of 4, v5e ones only when 16 long ("How to Scale Your Model", part 2).
#[test]
fn wrap_rule() {
    assert_eq!(Slice::new(&v5p(), 128).wraps, [true; 3]);
    assert_eq!(Slice::new(&v5p(), 8).wraps, [false; 3]);
    assert_eq!(Slice::new(&v5e(), 64).wraps, [false; 3]);
    assert_eq!(Slice::new(&v5e(), 256).wraps, [true, true, false]);
    let hw = v5e();
    let line = Slice::new(&hw, 256).place(&hw, 1, 4);
    assert_eq!((line.torus.extents, line.torus.wraps), ([4, 1, 1], [false; 3]));
    let dp = Slice::new(&hw, 256).place(&hw, 4, 64);
    assert_eq!((dp.torus.extents, dp.torus.spacing, dp.torus.wraps), ([4, 16, 1], [4, 1, 1], [true, true, false]));
}
