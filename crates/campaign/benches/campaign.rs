//! The closed form, and 10,000 campaigns of 60 days on 16,384 chips.

use secondsource_campaign::{Band, CampaignInput, Clock, SECONDS_PER_DAY, Spread, best_interval, closed_form, simulate};

fn main() {
    divan::main();
}

/// 2,048 nodes of 8 chips that fail as often as Llama 3's, with every band open.
fn llama() -> CampaignInput {
    let band = Band { low: 0.5, high: 2.0 };
    CampaignInput {
        failures_per_node_day: 3.79e-3,
        node_loss_share: 0.766,
        detect_s: 134.0,
        restart_s: 600.0,
        stall_s: 6.3,
        lag_s: 51.0,
        spares: Some(24),
        repair_s: SECONDS_PER_DAY,
        spread: Spread { work: Band { low: 0.7, high: 1.4 }, failures: band, detect: band, restart: band, checkpoint: band, repair: band },
        ..CampaignInput::undisturbed(60.0 * SECONDS_PER_DAY, 2048.0)
    }
}

#[divan::bench]
fn closed_with_best_interval(bencher: divan::Bencher<'_, '_>) {
    let input = llama();
    bencher.bench(|| closed_form(divan::black_box(&input)));
}

#[divan::bench]
fn closed_with_given_interval(bencher: divan::Bencher<'_, '_>) {
    let input = CampaignInput { interval_s: Some(best_interval(&llama())), ..llama() };
    bencher.bench(|| closed_form(divan::black_box(&input)));
}

#[divan::bench(sample_count = 10)]
fn ten_thousand_exponential() {
    divan::black_box(simulate(&llama(), 10_000, 1)).expect("a campaign");
}

#[divan::bench(sample_count = 10)]
fn ten_thousand_weibull() {
    let input = CampaignInput { clock: Clock::Weibull { shape: 0.7, observed_days: 54.0 }, ..llama() };
    divan::black_box(simulate(&input, 10_000, 1)).expect("a campaign");
}
