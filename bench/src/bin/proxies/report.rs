//! The table at the end, and the system calls.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use catalog::Result;

use crate::{
    failed,
    load::{self, Load, Sample},
    peers::Peer,
};

/// The peer that the others are compared with.
const YARDSTICK: &str = "PgBouncer";
/// Transactions of each client while system calls are counted.
const TRACED: &str = "300";

/// CPU, ratio and rate of each load and target, medians over the rounds.
pub(crate) fn print(peers: &[Peer], loads: &[Load], samples: &[Sample]) {
    println!(
        "\n{:<14}{:<12}{:>14}{:>16}{:>14}{:>12}",
        "load", "target", "µs CPU/unit", "x PgBouncer", "units/s", "RSS kB"
    );
    for load in loads {
        let of = |peer: &str| {
            samples.iter().filter(|s| s.load == load.name && s.target == peer).cloned().collect::<Vec<_>>()
        };
        let cpu = |peer: &str| median(of(peer).iter().filter_map(Sample::cpu_per_unit).collect());
        let yardstick = cpu(YARDSTICK);
        for peer in peers {
            let own = cpu(peer.name);
            let ratio = own.zip(yardstick).map(|(own, yardstick)| own / yardstick);
            let rate = median(of(peer.name).iter().map(Sample::per_second).collect());
            let resident = of(peer.name).iter().filter_map(|sample| sample.resident_kb).max();
            println!(
                "{:<14}{:<12}{:>14}{:>16}{:>14}{:>12}",
                load.name,
                peer.name,
                own.map_or("-".to_owned(), |cpu| format!(
                    "{cpu:.2}/{}",
                    load.unit.chars().take(5).collect::<String>()
                )),
                ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.2}")),
                rate.map_or("-".to_owned(), |rate| format!("{rate:.0}")),
                resident.map_or("-".to_owned(), |kb| kb.to_string()),
            );
        }
    }
    println!("targets for editiond: <= 1.0 x PgBouncer at 32 clients, <= 0.8 x for results and COPY");
}

/// System calls a transaction, where strace is installed.
pub(crate) fn print_calls(peers: &[Peer]) -> Result<()> {
    let Some(strace) = load::strace() else {
        println!("\nsystem calls: strace is not installed");
        return Ok(());
    };
    println!("\nsystem calls a transaction, pgbench -S");
    for (mode, clients) in [("simple", "1"), ("simple", "32"), ("prepared", "32")] {
        for peer in peers {
            let Some(pid) = peer.pid() else { continue };
            let mut tracer = Command::new(&strace)
                .args(["-c", "-f", "-q", "-p", &pid.to_string()])
                .stderr(Stdio::piped())
                .spawn()
                .map_err(failed("strace does not start"))?;
            std::thread::sleep(Duration::from_millis(500));
            let arguments = ["-S", "-M", mode, "-c", clients, "-t", TRACED].map(str::to_owned);
            let transactions = load::pgbench(peer, &arguments)?;
            interrupt(&tracer)?;
            let mut summary = String::new();
            if let Some(mut errors) = tracer.stderr.take() {
                std::io::Read::read_to_string(&mut errors, &mut summary)
                    .map_err(failed("strace was not read"))?;
            }
            tracer.wait().map_err(failed("strace does not end"))?;
            let calls = total_calls(&summary)
                .map_or("?".to_owned(), |calls| format!("{:.2}", calls as f64 / transactions as f64));
            println!("{mode:<10}{clients:>3} clients  {:<12}{calls:>8}", peer.name);
        }
    }
    Ok(())
}

/// strace prints its summary when it is interrupted.
fn interrupt(tracer: &std::process::Child) -> Result<()> {
    let status = Command::new("kill").args(["-INT", &tracer.id().to_string()]).status();
    status.map(drop).map_err(failed("strace cannot be interrupted"))
}

/// The number of calls in the last line of `strace -c`.
fn total_calls(summary: &str) -> Option<u64> {
    let total = summary.lines().find(|line| line.trim_end().ends_with(" total"))?;
    total.split_whitespace().nth(3)?.parse().ok()
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
