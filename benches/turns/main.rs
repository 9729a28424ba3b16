//! Two commits of lanegrad by turns, in one process, and reads of the same bytes beside them:
//!
//! ```text
//! benches/turns/run COMMIT [memory|cache|small|dot|terms]… [--isa=NAME] [--type=f32|f64|mixed] [--pages=huge|small]
//!     [--threads=N] [--mb=SIZE] [--rounds=N] [--shapes=ROWSxCOLUMNS,…] [--call=gradient|hessian|logits]
//! ```
//!
//! Without a group all of them. Times are medians. In `memory` the rows of a shape are as many as `--mb` holds.

mod cases;
mod data;

use cases::{Call, Case, Context};
use data::Pages;
use std::time::Instant;

const USAGE: &str = "the options are at the top of benches/turns/main.rs";

fn main() {
    let mut groups = Vec::new();
    let mut context = Context::default();
    let (mut rounds, mut kind, mut shapes) = (7, "f32".to_string(), None);
    for argument in std::env::args().skip(1) {
        match argument.split_once('=') {
            None => groups.push(argument),
            Some(("--isa", isa)) => context.isa = Some(isa.to_string()),
            Some(("--type", name)) => kind = name.to_string(),
            Some(("--pages", "huge")) => context.pages = Pages::Huge,
            Some(("--pages", "small")) => context.pages = Pages::Small,
            Some(("--threads", n)) => context.threads = n.parse().expect(USAGE),
            Some(("--mb", n)) => context.bytes = n.parse::<usize>().expect(USAGE) << 20,
            Some(("--rounds", n)) => rounds = n.parse().expect(USAGE),
            Some(("--shapes", list)) => shapes = Some(list.split(',').map(shape).collect::<Vec<_>>()),
            Some(("--call", "gradient")) => context.call = Call::Gradient,
            Some(("--call", "hessian")) => context.call = Call::HessianProduct,
            Some(("--call", "logits")) => context.call = Call::Logits,
            Some(_) => panic!("{argument}: {USAGE}"),
        }
    }
    if groups.is_empty() {
        groups = ["memory", "cache", "small", "dot", "terms"].map(String::from).to_vec();
    }
    rayon::ThreadPoolBuilder::new().num_threads(context.threads).build_global().expect("threads");
    println!("{:<28} {:>12} {:>12} {:>7} {:>9} {:>9}", "", "before", "now", "ratio", "before", "now");
    println!("{:<28} {:>12} {:>12} {:>7} {:>9} {:>9}", "", "ns", "ns", "", "GB/s", "GB/s");
    for group in &groups {
        let mut show = |case: Case| measure(case, rounds);
        let shapes = shapes.as_deref();
        match (group.as_str(), kind.as_str()) {
            ("dot", _) => cases::dots(&context, &mut show),
            (group, "f32") => cases::f32(&context, group, shapes, &mut show),
            (group, "f64") => cases::f64(&context, group, shapes, &mut show),
            (group, "mixed") => cases::mixed(&context, group, shapes, &mut show),
            (_, kind) => panic!("{kind}: {USAGE}"),
        }
    }
}

/// `64x1000`, or `1000` for as many rows as a group takes.
fn shape(text: &str) -> (usize, usize) {
    let (rows, columns) = text.split_once('x').unwrap_or(("0", text));
    (rows.parse().expect(USAGE), columns.parse().expect(USAGE))
}

/// Runs a case by turns, and prints a line.
fn measure(mut case: Case<'_>, rounds: usize) {
    // As many calls to a sample as take 2 ms, found with the older code.
    let mut calls = 1;
    while time(&mut case.before, calls) * (calls as f64) < 2e6 {
        calls *= 2;
    }
    let mut times = vec![Vec::new(); 2 + case.reads.len() + usize::from(case.by_hand.is_some())];
    for _ in 0..rounds {
        let all =
            [&mut case.before, &mut case.now].into_iter().chain(&mut case.by_hand).chain(&mut case.reads);
        for (run, times) in all.zip(&mut times) {
            times.push(time(run, calls));
        }
    }
    let medians: Vec<f64> = times.iter_mut().map(|times| median(times)).collect();
    let [before, now, ref others @ ..] = medians[..] else { unreachable!("two commits") };
    let speed = |ns: f64| case.bytes as f64 / ns;
    print!("{:<28} {before:>12.1} {now:>12.1} {:>7.2}", case.name, before / now);
    print!(" {:>9.1} {:>9.1}", speed(before), speed(now));
    let (by_hand, reads) = others.split_at(usize::from(case.by_hand.is_some()));
    for by_hand in by_hand {
        print!("   by hand {by_hand:.1}: {:+.1}", now - by_hand);
    }
    if let Some(read) = reads.iter().map(|&ns| speed(ns)).max_by(f64::total_cmp) {
        let share = |ns: f64| 100.0 * speed(ns) / read;
        print!("   read {read:.1}: {:.0} %, {:.0} %", share(before), share(now));
    }
    println!();
}

/// Nanoseconds of a call, of `calls` in a row.
fn time(run: &mut impl FnMut(), calls: usize) -> f64 {
    let start = Instant::now();
    for _ in 0..calls {
        run();
    }
    start.elapsed().as_nanos() as f64 / calls as f64
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
