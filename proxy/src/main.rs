//! `editiond`: flags, logs and signals around [`editiond::Proxy`].

use std::process::ExitCode;

use clap::Parser;
use editiond::{Config, Flags, LogFormat, Proxy};
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// Exit code of a configuration that cannot be used (EX_CONFIG).
const BAD_CONFIG: u8 = 78;

fn main() -> ExitCode {
    let flags = Flags::parse();
    let config = match flags.load() {
        Ok(config) => config,
        Err(error) => return fail(&error, BAD_CONFIG),
    };
    if let Err(error) = start_log(&config) {
        return fail(&*error, BAD_CONFIG);
    }
    if flags.check {
        return match Proxy::check(config) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error, BAD_CONFIG),
        };
    }
    take_all_files();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error, 1),
    };
    match runtime.block_on(run(&flags, config)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&*error, 1),
    }
}

/// Two connections for each session: the system's usual limit for a process that does not ask for more is soon reached.
fn take_all_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "cannot raise the limit of open files");
    }
}

#[expect(clippy::print_stderr, reason = "a program that cannot start says so on stderr, log or no log")]
fn fail(error: &dyn std::error::Error, code: u8) -> ExitCode {
    eprintln!("editiond: {error}");
    ExitCode::from(code)
}

fn start_log(config: &Config) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let filter = EnvFilter::try_new(&config.log_level)?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match config.log_format {
        LogFormat::Text => log.with_ansi(false).try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    }
}

async fn run(flags: &Flags, config: Config) -> Result<(), Box<dyn std::error::Error>> {
    let (mut terminate, mut interrupt, mut hang_up) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?, signal(SignalKind::hangup())?);
    let mut proxy = Proxy::start(config).await?;
    loop {
        tokio::select! {
            _ = terminate.recv() => break drain(&mut proxy, &mut interrupt).await,
            _ = interrupt.recv() => break,
            _ = hang_up.recv() => reload(&proxy, flags),
        }
    }
    proxy.stop().await;
    Ok(())
}

async fn drain(proxy: &mut Proxy, interrupt: &mut Signal) {
    tokio::select! {
        () = proxy.drain() => {}
        _ = interrupt.recv() => {}
    }
}

fn reload(proxy: &Proxy, flags: &Flags) {
    match flags.load().and_then(|config| proxy.reload(config)) {
        Ok(needs_restart) => {
            if needs_restart {
                tracing::warn!("changed addresses or threads take effect with the next start");
            }
            tracing::info!("configuration read again");
        }
        Err(error) => tracing::error!(%error, "configuration not read again; the old one stays"),
    }
}
