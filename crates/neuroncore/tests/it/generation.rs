//! The constants of each generation, against figures that AWS prints independently of them.

use secondsource_catalog::Catalog;
use secondsource_neuroncore::{Gen, Generation};

fn generation(version: Gen) -> Generation {
    Generation::read(Catalog::embedded(), version).expect("the embedded tables are complete")
}

#[test]
fn sizes_and_rates_agree_with_the_printed_totals() {
    for (version, sbuf_mib, dma_gbs) in [(Gen::Gen2, 24, 272.0), (Gen::Gen3, 28, 368.0), (Gen::Gen4, 32, 528.0)] {
        let g = generation(version);
        assert_eq!(g.partitions * g.sbuf_physical, sbuf_mib << 20, "{version:?}");
        assert_eq!(g.partitions * g.psum_bytes(), 2 << 20, "{version:?}");
        assert_eq!(f64::from(g.dma_engines) * g.dma_engine_rate, dma_gbs, "{version:?}");
        // 128 x 128 multiply-adds a cycle, to the printed TFLOP/s.
        let array = 2.0 * 128.0 * 128.0 * g.tensor_ghz / 1e3;
        assert!((array / g.bf16_tflops - 1.0).abs() < 0.01, "{version:?}: {array} and {}", g.bf16_tflops);
        assert!((array / 4.0 / g.fp32_tflops - 1.0).abs() < 0.02, "{version:?}");
    }
}
