//! Folders of object stores that speak S3, as a destination names them: `s3://bucket/prefix`.

use super::data::Destination;
use super::secret::SecretSource;

/// The region that is meant where none is named; stores of one's own mostly know no other.
const REGION: &str = "us-east-1";

/// How an object store is reached and who asks: what stands beside the `path` of a destination.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// Url of the store; `None`: Amazon's in the region.
    pub endpoint: Option<String>,
    /// Region.
    pub region: Option<String>,
    /// Name of the key.
    pub key_id: Option<String>,
    /// The secret that belongs to it.
    pub secret: SecretSource,
}

/// A folder of an object store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Its bucket.
    pub name: String,
    /// What the names of all its objects begin with, without a slash at either end; may be empty.
    pub prefix: String,
    /// Url of the store.
    pub endpoint: String,
    /// Region.
    pub region: String,
    /// Name of the key.
    pub key_id: String,
    /// The secret that belongs to it.
    pub secret: SecretSource,
}

/// An `s3://` url, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct S3Url<'a> {
    bucket: &'a str,
    prefix: &'a str,
}

impl<'a> S3Url<'a> {
    /// Reads one; what is wrong follows the name of the key.
    pub(super) fn parse(text: &'a str) -> Result<Self, String> {
        let rest = text.strip_prefix("s3://").ok_or("is not an s3 url")?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.contains(['@', ':']) {
            return Err("names more than a bucket; the store goes to `endpoint`, the key to `key_id`".into());
        }
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
        let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        let (first, last) = (bucket.chars().next(), bucket.chars().next_back());
        if !(3..=63).contains(&bucket.len()) || !bucket.chars().all(fits) || !ends(first) || !ends(last) {
            return Err("has a bucket that is none: 3 to 63 of a-z, 0-9, `-` and `.`".into());
        }
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        let part = |part: &str| !matches!(part, "" | "." | "..") && !part.chars().any(char::is_control);
        if !prefix.is_empty() && !prefix.split('/').all(part) {
            return Err("must hold a path whose every part is a name".into());
        }
        Ok(Self { bucket, prefix })
    }
}

impl Destination {
    /// The folder of an object store that this destination is; `None`: it is another kind of folder.
    pub fn bucket(&self) -> Option<Bucket> {
        let url = S3Url::parse(self.path.to_str()?).ok()?;
        let access = &self.access;
        let region = access.region.clone().unwrap_or_else(|| REGION.to_owned());
        let endpoint = access.endpoint.as_ref().map(|endpoint| endpoint.trim_end_matches('/').to_owned());
        Some(Bucket {
            name: url.bucket.to_owned(),
            prefix: url.prefix.to_owned(),
            endpoint: endpoint.unwrap_or_else(|| format!("https://s3.{region}.amazonaws.com")),
            region,
            key_id: access.key_id.clone().unwrap_or_default(),
            secret: access.secret.clone(),
        })
    }
}

/// Whether a url sends what should stay among us in clear over networks that are not our own.
pub(super) fn exposed(endpoint: &str) -> bool {
    let Some(rest) = endpoint.strip_prefix("http://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(six) => six.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    match host.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(four)) => !(four.is_loopback() || four.is_private() || four.is_link_local()),
        Ok(std::net::IpAddr::V6(six)) => !(six.is_loopback() || six.is_unique_local() || six.is_unicast_link_local()),
        Err(_a_name) => host != "localhost",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn destination(path: &str, access: Access) -> Destination {
        Destination { name: "far".into(), mount: None, path: path.into(), layout: String::new(), access }
    }

    #[test]
    fn bucket_prefix_store_and_region_are_told_apart() {
        let bucket = destination("s3://lab-recordings/mocap/2025/", Access::default()).bucket().unwrap();
        assert_eq!((bucket.name.as_str(), bucket.prefix.as_str()), ("lab-recordings", "mocap/2025"));
        assert_eq!(bucket.endpoint, "https://s3.us-east-1.amazonaws.com");
        let access = Access {
            endpoint: Some("https://minio.lab:9000/".into()),
            region: Some("garage".into()),
            key_id: Some("GK1".into()),
            secret: SecretSource::Env("KEY".into()),
        };
        let bucket = destination("s3://abc", access).bucket().unwrap();
        assert_eq!((bucket.endpoint.as_str(), bucket.region.as_str()), ("https://minio.lab:9000", "garage"));
        assert_eq!((bucket.prefix.as_str(), bucket.key_id.as_str()), ("", "GK1"));
        assert_eq!(destination("/mnt/share", Access::default()).bucket(), None);
        assert_eq!(destination("ssh://nas/srv", Access::default()).bucket(), None);
    }

    #[test]
    fn what_is_no_bucket_is_refused() {
        for wrong in [
            "s3://",
            "s3://ab",
            "s3://-abc",
            "s3://abc.",
            "s3://Recordings",
            "s3://key:secret@bucket",
            "s3://nas:9000/bucket",
            "s3://bucket/a//b",
            "s3://bucket/../b",
            "s3://bucket/a\nb",
            "bucket/a",
        ] {
            assert!(S3Url::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_names_and_public_addresses_are_exposed_without_tls() {
        for ours in ["http://127.0.0.1:9000", "http://10.77.0.5/", "http://[fd00::5]:1", "http://localhost:9000"] {
            assert!(!exposed(ours), "{ours}");
        }
        assert!(!exposed("https://s3.example.org"));
        for theirs in ["http://8.8.8.8:9000", "http://minio.example.org", "http://[2001:db8::1]"] {
            assert!(exposed(theirs), "{theirs}");
        }
    }
}
