//! Random numbers that are the same on any machine: one named stream per purpose, all of them from one seed.
//!
//! The generator is PCG XSL RR 128/64 (O'Neill, HMC-CS-2014-0905). Variates come from inverse distribution
//! functions computed with `libm`, so no bit depends on the platform's own mathematics.

use rand_pcg::Pcg64;
use rand_pcg::rand_core::Rng;

/// A stream of random numbers. Two streams of one seed with different purposes or indices do not overlap.
#[derive(Debug, Clone)]
pub struct Stream {
    pcg: Pcg64,
}

impl Stream {
    /// The stream of a seed for a purpose ("failures", "price of h100-sxm"...).
    pub fn new(seed: u64, purpose: &str) -> Stream {
        Stream::numbered(seed, purpose, 0)
    }

    /// The `index`-th stream of a purpose: one for each simulated campaign, so that threads share nothing.
    pub fn numbered(seed: u64, purpose: &str, index: u64) -> Stream {
        // FNV-1a over the purpose, then SplitMix64 finalisers keep neighbouring seeds and indices apart.
        let name = purpose.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
        let a = mix(seed ^ mix(name));
        let b = mix(a ^ mix(index.wrapping_add(0x9e37_79b9_7f4a_7c15)));
        let c = mix(b ^ name);
        Pcg64::new(u128::from(a) << 64 | u128::from(b), u128::from(c) << 64 | u128::from(mix(c))).into()
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.pcg.next_u64()
    }

    /// Uniform in the open interval (0, 1): never 0, so its logarithm is finite.
    pub fn uniform(&mut self) -> f64 {
        ((self.bits() >> 11) as f64 + 0.5) * (1.0 / 9_007_199_254_740_992.0)
    }

    /// A whole number below `n`; 0 when `n` is 0. The bias is below `n` / 2^64.
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(n)) >> 64) as u64
    }

    /// True with probability `p`.
    pub fn chance(&mut self, p: f64) -> bool {
        self.uniform() < p
    }

    /// Exponential with the given mean.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -mean * libm::log(self.uniform())
    }

    /// Weibull with the given scale and shape: the mean is scale x gamma(1 + 1/shape).
    pub fn weibull(&mut self, scale: f64, shape: f64) -> f64 {
        scale * libm::pow(-libm::log(self.uniform()), 1.0 / shape)
    }

    /// Normal with mean 0 and standard deviation 1.
    pub fn normal(&mut self) -> f64 {
        normal_quantile(self.uniform())
    }

    /// Lognormal of which 5% lies below `p5` and 5% above `p95`.
    pub fn lognormal(&mut self, p5: f64, p95: f64) -> f64 {
        let (a, b) = (libm::log(p5), libm::log(p95));
        libm::exp(f64::midpoint(a, b) + (b - a) / (2.0 * Z95) * self.normal())
    }

    /// Triangular between `low` and `high` with the given mode.
    pub fn triangular(&mut self, low: f64, mode: f64, high: f64) -> f64 {
        let width = high - low;
        if width <= 0.0 {
            return mode;
        }
        let (u, cut) = (self.uniform(), (mode - low) / width);
        if u < cut { low + libm::sqrt(u * width * (mode - low)) } else { high - libm::sqrt((1.0 - u) * width * (high - mode)) }
    }
}

impl From<Pcg64> for Stream {
    fn from(pcg: Pcg64) -> Stream {
        Stream { pcg }
    }
}

/// The 95% point of the standard normal distribution.
pub const Z95: f64 = 1.644_853_626_951_472_7;

/// Inverse of the standard normal distribution function: Acklam's rational approximation with one step of
/// Halley's method, to full double precision between 1e-300 and 1 - 1e-16.
pub fn normal_quantile(p: f64) -> f64 {
    if !(p > 0.0 && p < 1.0) {
        return if p <= 0.0 {
            f64::NEG_INFINITY
        } else if p >= 1.0 {
            f64::INFINITY
        } else {
            f64::NAN
        };
    }
    const A: [f64; 6] = [
        -3.969_683_028_665_376e1,
        2.209_460_984_245_205e2,
        -2.759_285_104_469_687e2,
        1.383_577_518_672_69e2,
        -3.066_479_806_614_716e1,
        2.506_628_277_459_239,
    ];
    const B: [f64; 5] =
        [-5.447_609_879_822_406e1, 1.615_858_368_580_409e2, -1.556_989_798_598_866e2, 6.680_131_188_771_972e1, -1.328_068_155_288_572e1];
    const C: [f64; 6] = [
        -7.784_894_002_430_293e-3,
        -3.223_964_580_411_365e-1,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 4] = [7.784_695_709_041_462e-3, 3.224_671_290_700_398e-1, 2.445_134_137_142_996, 3.754_408_661_907_416];
    const LOW: f64 = 0.024_25;
    let tail = |q: f64| {
        (((((C[0] * q + C[1]) * q + C[2]) * q + C[3]) * q + C[4]) * q + C[5]) / ((((D[0] * q + D[1]) * q + D[2]) * q + D[3]) * q + 1.0)
    };
    let x = if p < LOW {
        tail(libm::sqrt(-2.0 * libm::log(p)))
    } else if p <= 1.0 - LOW {
        let q = p - 0.5;
        let r = q * q;
        (((((A[0] * r + A[1]) * r + A[2]) * r + A[3]) * r + A[4]) * r + A[5]) * q
            / (((((B[0] * r + B[1]) * r + B[2]) * r + B[3]) * r + B[4]) * r + 1.0)
    } else {
        -tail(libm::sqrt(-2.0 * libm::log(1.0 - p)))
    };
    let e = normal_cdf(x) - p;
    let u = e * 2.506_628_274_631_000_7 * libm::exp(x * x / 2.0);
    if u.is_finite() { x - u / (1.0 + x * u / 2.0) } else { x }
}

/// The standard normal distribution function.
pub fn normal_cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2)
}

/// SplitMix64's finaliser.
fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean_and_variance(n: u32, mut draw: impl FnMut() -> f64) -> (f64, f64) {
        let draws: Vec<f64> = (0..n).map(|_| draw()).collect();
        let mean = draws.iter().sum::<f64>() / f64::from(n);
        (mean, draws.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / f64::from(n))
    }

    #[test]
    fn streams_are_named_and_repeatable() {
        let first = |seed, purpose, i| Stream::numbered(seed, purpose, i).bits();
        assert_eq!(first(1, "failures", 0), first(1, "failures", 0));
        let other = [first(2, "failures", 0), first(1, "prices", 0), first(1, "failures", 1)];
        assert!(other.iter().all(|o| *o != first(1, "failures", 0)));
        // The same bytes on any machine: a change of this number changes every simulated answer.
        assert_eq!(first(1, "failures", 0), 14_652_136_281_170_896_040);
    }

    #[test]
    fn variates_have_their_moments() {
        let mut s = Stream::new(7, "test");
        let n = 200_000;
        let close = |got: (f64, f64), mean: f64, var: f64| {
            let tolerance = 6.0 * (var / f64::from(n)).sqrt();
            assert!((got.0 - mean).abs() < tolerance && (got.1 / var - 1.0).abs() < 0.05, "{got:?}, wanted {mean} and {var}");
        };
        close(mean_and_variance(n, || s.uniform()), 0.5, 1.0 / 12.0);
        close(mean_and_variance(n, || s.exponential(3.0)), 3.0, 9.0);
        close(mean_and_variance(n, || s.normal()), 0.0, 1.0);
        // Weibull of shape 2: mean sqrt(pi)/2, variance 1 - pi/4.
        close(mean_and_variance(n, || s.weibull(1.0, 2.0)), 0.886_226_925, 0.214_601_837);
        close(mean_and_variance(n, || s.triangular(0.0, 1.0, 4.0)), 5.0 / 3.0, 13.0 / 18.0);
        let below = (0..n).filter(|_| s.lognormal(2.0, 8.0) < 2.0).count() as f64 / f64::from(n);
        assert!((below - 0.05).abs() < 0.003, "{below}");
        assert!((0..10_000).all(|_| s.below(7) < 7) && s.below(0) == 0);
    }

    #[test]
    fn quantile_inverts_the_distribution() {
        assert!((normal_quantile(0.95) - Z95).abs() < 1e-14);
        for i in 1..1000 {
            let p = f64::from(i) / 1000.0;
            assert!((normal_cdf(normal_quantile(p)) - p).abs() < 1e-14, "{p}");
        }
        // Abramowitz and Stegun table 26.6: the 1e-7 point.
        assert!((normal_quantile(1e-7) + 5.199_337_582_193).abs() < 1e-9);
        assert!(normal_quantile(0.0).is_infinite() && normal_quantile(f64::NAN).is_nan());
    }
}
