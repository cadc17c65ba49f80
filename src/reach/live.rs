//! Output of a program while it runs: told piece by piece, the end of it kept.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt};

/// Hears what a program prints, as it comes. Called from the task that reads; it must not wait.
pub type Hearer = Arc<dyn Fn(&[u8]) + Send + Sync>;

/// Reads a pipe to its end, tells each piece, and keeps the last `limit` bytes.
pub(super) async fn tail(pipe: Option<impl AsyncRead + Unpin>, kept: &mut Vec<u8>, limit: usize, hear: &Hearer) {
    let Some(mut pipe) = pipe else { return };
    let mut piece = vec![0; 16 * 1024];
    // A read error ends what can be seen; the exit status tells of the rest.
    while let Ok(read @ 1..) = pipe.read(&mut piece).await {
        let heard = piece.get(..read).unwrap_or_default();
        hear(heard);
        kept.extend_from_slice(heard);
        if kept.len() > limit {
            kept.drain(..kept.len() - limit);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[tokio::test]
    async fn everything_is_told_and_the_end_is_kept() {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ear = heard.clone();
        let hear: Hearer = Arc::new(move |piece| ear.lock().expect("no panic").extend_from_slice(piece));
        let mut kept = Vec::new();
        tail(Some(&b"0123456789"[..]), &mut kept, 4, &hear).await;
        assert_eq!(kept, b"6789");
        assert_eq!(*heard.lock().expect("no panic"), b"0123456789");
    }
}
