//! The engine as a process: it outlives its terminal, and ends cleanly when it is asked to.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::start::{Config, Engine, StartError};

/// Runs an engine until it is stopped by a guest, by SIGTERM or by SIGINT. SIGHUP, which a closing terminal sends, is
/// ignored. `ready` is called once it can be joined.
pub async fn run(config: Config, ready: impl FnOnce(&Engine)) -> Result<(), StartError> {
    if config.detached {
        // A session of its own: the terminal's signals and its end are no longer ours. Fails only where it is one already.
        let _already = rustix::process::setsid();
    }
    // Before anything is started, so that no early signal is missed.
    let mut hangup = listen(SignalKind::hangup());
    let mut terminate = listen(SignalKind::terminate());
    let mut interrupt = listen(SignalKind::interrupt());
    let engine = Engine::start(config).await?;
    ready(&engine);
    loop {
        tokio::select! {
            () = engine.ended() => break,
            () = next(&mut terminate) => engine.stop("SIGTERM").await,
            () = next(&mut interrupt) => engine.stop("SIGINT").await,
            () = next(&mut hangup) => tracing::info!("SIGHUP: the terminal is gone, the engine stays"),
        }
    }
    Ok(())
}

fn listen(kind: SignalKind) -> Option<Signal> {
    signal(kind).inspect_err(|error| tracing::error!(%error, "a signal cannot be listened to")).ok()
}

async fn next(signal: &mut Option<Signal>) {
    let received = match signal {
        Some(signal) => signal.recv().await,
        None => None,
    };
    if received.is_none() {
        std::future::pending::<()>().await;
    }
}
