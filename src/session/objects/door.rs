//! Requests to an object store: who asks, how often, how long.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use object_store::aws::{AmazonS3, AmazonS3Builder, AwsCredential};
use object_store::path::Path as Name;
use object_store::{
    BackoffConfig, CredentialProvider, Error as Failure, ObjectStore, ObjectStoreExt, PutMode, PutOptions, RetryConfig,
};
use tokio::runtime::Handle;

use super::fault::Fault;
use crate::fleet::bucket::Bucket;
use crate::fleet::secret::SecretSource;
use crate::reach::kept::Kept;
use crate::reach::secret::{SecretError, Secrets};
use crate::session::stream::Hand;

/// How long a question that carries no file may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
/// How often work is asked whether it is to end while it waits for the store.
const LOOK: Duration = Duration::from_millis(100);

/// The way to a bucket.
#[derive(Debug)]
pub(super) struct Door {
    pub(super) bucket: Bucket,
    pub(super) runtime: Handle,
    secrets: Secrets,
    /// For questions: gives up soon. The reason where there can be none.
    quick: Result<Arc<AmazonS3>, String>,
    /// For work: tries again for a while.
    patient: Result<Arc<AmazonS3>, String>,
}

impl Door {
    pub(super) fn new(bucket: Bucket, secrets: Secrets, runtime: Handle) -> Self {
        let kept = Kept::default();
        let build = |times, time| build(&bucket, &secrets, &kept, times, time);
        let (quick, patient) = (build(1, Duration::from_secs(10)), build(6, Duration::from_secs(120)));
        Self { bucket, runtime, secrets, quick, patient }
    }

    /// Where it is, as screens name it.
    pub(super) fn place(&self) -> String {
        let slash = if self.bucket.prefix.is_empty() { "" } else { "/" };
        format!("s3://{}{slash}{}", self.bucket.name, self.bucket.prefix)
    }

    pub(super) fn quick(&self) -> Result<Arc<AmazonS3>, Fault> {
        self.quick.clone().map_err(Fault::Other)
    }

    pub(super) fn patient(&self) -> Result<Arc<AmazonS3>, Fault> {
        self.patient.clone().map_err(Fault::Other)
    }

    pub(super) fn fault(&self, error: &Failure) -> Fault {
        let fault = Fault::of(&self.bucket, error);
        if matches!(fault, Fault::Refused(_)) {
            self.secrets.doubt(&self.bucket.secret);
        }
        fault
    }

    /// Asks a question that carries no file.
    pub(super) fn ask<T>(&self, question: impl Future<Output = Result<T, Failure>>) -> Result<T, Fault> {
        let answered = self.runtime.block_on(async { tokio::time::timeout(PATIENCE, question).await });
        let answered = answered.map_err(|_late| self.late())?;
        answered.map_err(|error| self.fault(&error))
    }

    pub(super) fn late(&self) -> Fault {
        let why = format!("{} did not answer within {}", self.bucket.endpoint, crate::reach::plain::time(PATIENCE));
        Fault::Side(crate::session::side::trouble("no answer", why, "see whether it is well"))
    }

    /// Waits for work that may take long. It goes on while the hand holds everything, and ends when the hand ends it.
    pub(super) fn wait<T: Send + 'static>(
        &self,
        hand: &Hand<'_>,
        work: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> Result<T, Fault> {
        let mut task = Task(self.runtime.spawn(work));
        self.join(hand, &mut task)
    }

    /// Waits for work that was begun before.
    pub(super) fn join<T>(&self, hand: &Hand<'_>, task: &mut Task<T>) -> Result<T, Fault> {
        loop {
            if !hand.go_on() {
                return Err(Fault::Cancelled);
            }
            match self.runtime.block_on(async { tokio::time::timeout(LOOK, &mut task.0).await }) {
                Ok(Ok(done)) => return done.map_err(|error| self.fault(&error)),
                Ok(Err(error)) => return Err(Fault::Other(format!("the work on it broke: {error}"))),
                Err(_not_yet) => {}
            }
        }
    }

    /// The content of a small object; `None`: it is not there.
    pub(super) fn small(&self, name: &Name, limit: u64) -> Result<Option<Vec<u8>>, Fault> {
        let (store, name) = (self.quick()?, name.clone());
        let got = self.ask(async move {
            let got = store.get(&name).await?;
            if got.meta.size > limit {
                return Ok(None);
            }
            got.bytes().await.map(Some)
        });
        match got {
            Ok(Some(bytes)) => Ok(Some(bytes.into())),
            Ok(None) => Err(Fault::Other(format!("an object that should be small has more than {limit} bytes"))),
            Err(Fault::Missing) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Writes a small object.
    pub(super) fn put(&self, name: &Name, bytes: Vec<u8>) -> Result<(), Fault> {
        let (store, name) = (self.patient()?, name.clone());
        self.ask(async move { store.put(&name, bytes.into()).await.map(drop) })
    }

    /// Writes a small object, unless there is one: then that one stays. Stores that cannot do both at once are asked first.
    pub(super) fn put_new(&self, name: &Name, bytes: Vec<u8>) -> Result<(), Fault> {
        let store = self.quick()?;
        let only_new = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match self.ask(store.put_opts(name, bytes.clone().into(), only_new)) {
            Err(Fault::Other(_)) if self.small(name, super::SHORT)?.is_none() => self.put(name, bytes),
            Ok(_) | Err(Fault::Changed | Fault::Other(_)) => Ok(()),
            Err(fault) => Err(fault),
        }
    }

    /// Removes a small object of our own.
    pub(super) fn remove(&self, name: &Name) -> Result<(), Fault> {
        let store = self.quick()?;
        match self.ask(store.delete(name)) {
            Err(Fault::Missing) => Ok(()),
            done => done,
        }
    }
}

/// Work under way; ends when nobody waits for it any more.
pub(super) struct Task<T>(pub(super) tokio::task::JoinHandle<Result<T, Failure>>);

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn build(
    bucket: &Bucket,
    secrets: &Secrets,
    kept: &Kept,
    times: usize,
    time: Duration,
) -> Result<Arc<AmazonS3>, String> {
    let keys = Keys { id: bucket.key_id.clone(), source: bucket.secret.clone(), secrets: secrets.clone() };
    let backoff = BackoffConfig {
        init_backoff: Duration::from_millis(200),
        max_backoff: Duration::from_secs(15),
        ..BackoffConfig::default()
    };
    let built = AmazonS3Builder::new()
        .with_endpoint(&bucket.endpoint)
        .with_allow_http(bucket.endpoint.starts_with("http://"))
        .with_region(&bucket.region)
        .with_bucket_name(&bucket.name)
        .with_credentials(Arc::new(keys))
        .with_retry(RetryConfig { backoff, max_retries: times, retry_timeout: time })
        .with_http_connector(kept.clone())
        .build();
    built.map(Arc::new).map_err(|error| error.to_string())
}

/// Brings the key when a request is signed: the secret is never kept for longer than [`Secrets`] does.
#[derive(Debug)]
struct Keys {
    id: String,
    source: SecretSource,
    secrets: Secrets,
}

impl CredentialProvider for Keys {
    type Credential = AwsCredential;

    fn get_credential<'a, 'b>(&'a self) -> BoxFuture<'b, object_store::Result<Arc<AwsCredential>>>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(async {
            let failed = |error: SecretError| Failure::Generic { store: "S3", source: Box::new(error) };
            let secret = self.secrets.resolve(&self.source).await.map_err(failed)?;
            let secret_key = secret.map(|secret| secret.expose().to_owned()).unwrap_or_default();
            Ok(Arc::new(AwsCredential { key_id: self.id.clone(), secret_key, token: None }))
        })
    }
}
