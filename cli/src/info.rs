//! `lanegrad info`: the CPU, and the choices that the library makes for it.

use crate::machine::{self, Cache, Machine};
use crate::output;
use anyhow::Result;
use lanegrad::{Element, chunk_rows};
use std::fmt::Write;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The number of features for which the sizes of chunks are printed.
    #[arg(long, value_name = "N", default_value_t = 64)]
    cols: usize,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let machine = Machine::detect()?;
    let mut text = format!("lanegrad {}, {}\n", env!("CARGO_PKG_VERSION"), machine.compiler);
    let mut line = |name: &str, value: &str| writeln!(text, "{name:<10}{value}");
    line("CPU", &machine.cpu)?;
    line("cores", &format!("{}; this process can use {} threads", machine.cores, machine.threads))?;
    line("system", &machine.system)?;
    line("caches", &caches(&machine))?;
    line("isa", &machine.isas.join(" "))?;
    line("chosen", &chosen()?)?;
    line("chunks", &format!("of {} features:", args.cols))?;
    line("", &chunk::<f32>("f32", args.cols))?;
    line("", &chunk::<f64>("f64, and f32 data in f64 arithmetic", args.cols))?;
    output::print(&text)
}

/// The caches of a machine, in words.
pub(crate) fn caches(machine: &Machine) -> String {
    let cache = |name: &str, cache: Cache| {
        let count = if cache.count > 1 { format!("{} x ", cache.count) } else { String::new() };
        format!("{name} {count}{}", binary_size(cache.bytes))
    };
    let mut caches = vec![cache("L1d", machine.l1), cache("L2", machine.l2)];
    caches.extend(machine.l3.map(|l3| cache("L3", l3)));
    let assumed = if machine.caches_assumed { " (assumed: the system does not report them)" } else { "" };
    format!("{}{assumed}", caches.join(", "))
}

/// The size of a cache, in units of powers of two.
pub(crate) fn binary_size(bytes: usize) -> String {
    match bytes {
        0..0x10_0000 => format!("{} KB", bytes >> 10),
        _ => format!("{} MB", bytes >> 20),
    }
}

/// The instruction set that is chosen, and the reason if it is not the fastest.
fn chosen() -> Result<String> {
    let fastest = machine::fastest();
    Ok(match machine::lowered()? {
        Some(isa) if isa != fastest => {
            format!("{isa}, as LANEGRAD_ISA says; the fastest of this CPU is {fastest}")
        }
        _ => format!("{fastest}, the fastest of this CPU"),
    })
}

fn chunk<T: Element>(name: &str, cols: usize) -> String {
    let rows = chunk_rows::<T>(cols);
    let bytes = rows.saturating_mul(cols).saturating_mul(size_of::<T>());
    format!("{rows} rows ({}) in {name}", binary_size(bytes))
}
